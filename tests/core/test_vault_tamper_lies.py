"""Records about which the real writer lies: signed and chained, and found by who can read."""

from __future__ import annotations

import json

import pytest
from tests.core.sealed_vault import SealedVault
from tests.core.tampered_vault import PACKS, findings, forge, own_key

from goldcopy.vault.pack import read_pack
from goldcopy.vault.verify import verify


def lines_of(sealed: SealedVault, seq: int) -> list[bytes]:
    vault = sealed.open()
    pack = read_pack(sealed.path, vault.catalog.trust, seq)
    vault.close()
    return [line for _, line in pack.records]


def lied(line: bytes, how: str) -> bytes:
    """The mixer's record of the second night, a changeset, changed."""
    record = json.loads(line)
    if how == "id":
        record["id"] = "0" * 64
    elif how == "base":
        record["base"] = "0" * 8
    elif how == "value":
        record["values"][0][1] = 77
    elif how == "item left out":
        del record["values"][0]
    elif how == "item gone":
        record["drop"] = ["db/05"]
    elif how == "item more":
        record["set"] = [{"path": "x", "kind": "tag", "type": "INT", "value": 1}]
    elif how == "value more":
        record["values"].append(["x", 1])
    elif how == "count":
        record["items"] += 1
    elif how == "gaps":
        record["gaps"] = [{"gap": "x", "reason": "y"}]
    elif how == "head":
        record["head"] = HEAD
    elif how == "device":
        record["device"] = "oven"
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()


HEAD = {"format": "goldcopy/1", "device": "mixer", "driver": "x", "identity": {}}


LIES = "id,base,value,value more,item left out,item gone,item more,count,gaps,head,device"


@pytest.mark.parametrize("how", LIES.split(","))
async def test_a_snapshot_about_which_the_real_writer_lies(sealed: SealedVault, how: str) -> None:
    honest = lines_of(sealed, 2)
    assert any(b'"base"' in line for line in honest if b'"device":"mixer"' in line)
    for file in sealed.packs()[1:]:
        file.unlink()
    lines = [
        lied(line, how) if b'"record":"snapshot","device":"mixer"' in line else line
        for line in honest
    ]
    assert lines != honest
    forge(sealed, own_key(sealed), 2, *lines)
    assert findings(sealed.path) == []  # signed and chained as it must be: no reader, no doubt
    vault = sealed.open()
    assert any("mixer" in f or "oven" in f for f in verify(vault, "full").findings)
    vault.close()


@pytest.mark.parametrize("how", ["head", "gaps"])
async def test_a_lie_in_a_record_that_says_that_nothing_has_changed(
    sealed: SealedVault, how: str
) -> None:
    await sealed.night(3)  # whole, since the copy has no index to remember by
    await sealed.night(3)
    (line, press) = lines_of(sealed, PACKS + 2)
    sealed.packs()[-1].unlink()
    record = json.loads(line)
    assert "set" not in record
    assert "values" not in record
    assert "head" not in record
    record |= {"head": HEAD} if how == "head" else {"gaps": [{"gap": "x", "reason": "y"}]}
    forge(sealed, own_key(sealed), PACKS + 2, json.dumps(record).encode(), press)
    assert findings(sealed.path) == []
    vault = sealed.open()
    (said,) = verify(vault, "full").findings
    vault.close()
    assert "mixer does not rebuild to its id" in said


@pytest.mark.parametrize("how", ["missing", "other pages", "no base", "wrong hash"])
async def test_content_about_which_the_real_writer_lies(sealed: SealedVault, how: str) -> None:
    honest = lines_of(sealed, 2)
    for file in sealed.packs()[1:]:
        file.unlink()
    lines = []
    for line in honest:
        record = json.loads(line)
        if record["record"] == "blob":
            assert "base" in record
            if how == "missing":
                continue
            if how == "other pages":
                record["pages"][0][0] += 1
            elif how == "no base":
                record["base"] = "0" * 64
            else:
                record["sha256"] = "0" * 64
        lines.append(json.dumps(record, separators=(",", ":")).encode())
    forge(sealed, own_key(sealed), 2, *lines)
    assert findings(sealed.path) == []
    vault = sealed.open()
    assert verify(vault, "full").findings
    vault.close()
