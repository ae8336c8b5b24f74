"""Tampering with a whole sealed vault: every change is found, and no green is false (issue 5)."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest
from tests.core.sealed_vault import SealedVault

from goldcopy.errors import VaultDamaged, Wrong
from goldcopy.vault import SigningKey, Vault, keyring
from goldcopy.vault.pack import Builder, parse, read_pack
from goldcopy.vault.verify import Proof, verify

PACKS = 7
CACHES = ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SealedVault:
    made = SealedVault(tmp_path_factory.mktemp("whole") / "vault")
    asyncio.run(made.fill())
    assert len(made.packs()) == PACKS
    return made


@pytest.fixture
def sealed(whole: SealedVault, tmp_path: Path) -> SealedVault:
    """A copy as a replica is one: without the index, so nothing but its files can tell."""
    copied = object.__new__(SealedVault)
    copied.__dict__.update(whole.__dict__)
    copied.path = tmp_path / "copy"
    shutil.copytree(whole.path, copied.path, ignore=shutil.ignore_patterns(*CACHES))
    return copied


def proved(path: Path, heads: dict[int, str] | None = None) -> Proof:
    """What someone finds who has no reader's identity, and opens it anew."""
    vault = Vault.open(path)
    try:
        return verify(vault, "quick", heads)
    finally:
        vault.close()


def findings(path: Path, heads: dict[int, str] | None = None) -> list[str]:
    """The same, or why it cannot even be opened; without any index."""
    for name in CACHES:
        (path / name).unlink(missing_ok=True)
    try:
        return list(proved(path, heads).findings)
    except (VaultDamaged, Wrong) as error:
        return [str(error)]


def put(file: Path, data: bytes) -> None:
    file.unlink(missing_ok=True)
    file.write_bytes(data)


def flipped(data: bytes, at: int, mask: int) -> bytes:
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]


async def test_what_is_whole_is_green(sealed: SealedVault) -> None:
    assert findings(sealed.path) == []
    vault = sealed.open()
    proof = verify(vault, "full", dict([vault.head()]))
    vault.close()
    assert (proof.findings, proof.packs) == ((), PACKS)
    assert (proof.snapshots, proof.notes) == (8, 3)  # of four nights; a note tells of the keyring


async def test_a_flip_at_every_byte_that_is_not_in_a_pack(sealed: SealedVault) -> None:
    chance = random.Random(5)
    rings = sorted((sealed.path / "keyring").iterdir())
    assert len(rings) == 2
    open_before = sealed.open(reading=False)
    for file in [sealed.path / "vault.json", *rings]:
        data = file.read_bytes()
        for at in range(len(data)):
            put(file, flipped(data, at, 1 << chance.randrange(8)))
            assert verify(open_before, "quick").findings, (file.name, at)
            assert findings(sealed.path), (file.name, at)
        put(file, data)
    open_before.close()
    assert findings(sealed.path) == []


@pytest.mark.parametrize("seq", range(1, PACKS + 1))
async def test_a_flip_at_every_byte_of_a_header_and_at_sampled_bytes_of_the_body(
    sealed: SealedVault, seq: int
) -> None:
    chance = random.Random(seq)
    file = sealed.packs()[seq - 1]
    data = file.read_bytes()
    body = data.index(b"\n") + 1
    spots = [*range(body), *chance.sample(range(body, len(data)), min(len(data) - body, 150))]
    vault = sealed.open(reading=False)
    for at in [*spots, body, len(data) - 1]:
        put(file, flipped(data, at, 1 << chance.randrange(8)))
        assert verify(vault, "quick").findings, at
    put(file, data)
    vault.close()
    assert findings(sealed.path) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b'"}\n', b'"} \n', 1),  # not signed, and no part of the body
        lambda data: data.replace(b'{"format"', b' {"format"', 1),
        lambda data: data + b"\0",
        lambda data: data[:-1],
        lambda data: data[: data.index(b"\n") + 1],
        lambda data: data[: data.index(b"\n")],
        lambda data: data[:100],
        lambda data: b"",
        lambda data: data + data,
    ],
)
@pytest.mark.parametrize("seq", [1, 4, PACKS])
async def test_what_is_longer_or_shorter(
    sealed: SealedVault, seq: int, change: Callable[[bytes], bytes]
) -> None:
    file = sealed.packs()[seq - 1]
    changed = change(file.read_bytes())
    assert changed != file.read_bytes()
    put(file, changed)
    assert any(file.name in finding for finding in findings(sealed.path))


@pytest.mark.parametrize("name", ["vault.json", "keyring/0001.json", "keyring/0002.json"])
async def test_marker_and_keyring_are_proved_to_the_byte(sealed: SealedVault, name: str) -> None:
    data = (sealed.path / name).read_bytes()
    for changed in (data + b" ", data + b"\n", data[:-1], b" " + data, data.replace(b":", b": ")):
        put(sealed.path / name, changed)
        assert findings(sealed.path), changed
    (sealed.path / name).unlink()
    assert findings(sealed.path)


@pytest.mark.parametrize("three", [(1, 2, 3), (3, 4, 5), (5, 6, 7), (1, 4, 7)])
async def test_every_reordering_of_three_packs(
    sealed: SealedVault, three: tuple[int, int, int]
) -> None:
    files = [sealed.packs()[seq - 1] for seq in three]
    content = [file.read_bytes() for file in files]
    orders = list(permutations(range(3)))
    assert len(orders) == 6
    for order in orders:
        for file, source in zip(files, order, strict=True):
            put(file, content[source])
        found = findings(sealed.path)
        if order == (0, 1, 2):
            assert found == []
        else:
            moved = {files[at].name for at, source in enumerate(order) if at != source}
            assert all(any(name in finding for finding in found) for name in moved)


async def test_every_missing_pack(sealed: SealedVault) -> None:
    heads = {PACKS: proved(sealed.path).hash}
    for seq in range(1, PACKS + 1):
        file = sealed.packs()[seq - 1]
        data = file.read_bytes()
        file.unlink()
        # Of the last one no file tells, so it takes a head that was noted elsewhere.
        assert bool(findings(sealed.path)) is (seq < PACKS)
        assert findings(sealed.path, heads)
        put(file, data)
    assert findings(sealed.path, heads) == []


async def test_a_vault_that_was_put_back_to_an_earlier_state(sealed: SealedVault) -> None:
    """Every whole beginning of a vault is a vault: only who knows a later head can tell."""
    head = proved(sealed.path).hash
    for seq in range(PACKS, 4, -1):
        sealed.packs()[-1].unlink()
        assert findings(sealed.path) == []
        (said,) = findings(sealed.path, {PACKS: head})
        assert said == (
            f"the vault ends with pack {seq - 1}, and had {PACKS}: it was put back to an "
            "earlier state"
        )


async def test_the_collectors_own_index_remembers_the_head(sealed: SealedVault) -> None:
    assert findings(sealed.path) == []  # makes the index
    for file in sealed.packs()[-2:]:
        file.unlink()
    assert any("earlier state" in finding for finding in proved(sealed.path).findings)


async def test_a_history_that_was_written_anew_with_the_stolen_writers_key(
    sealed: SealedVault,
) -> None:
    """A thief of the key can write another end, and no head that was noted before allows it."""
    head = {PACKS: proved(sealed.path).hash}
    sealed.packs()[-1].unlink()
    (sealed.path / "index.sqlite").unlink()
    await sealed.night(5)
    assert len(sealed.packs()) == PACKS
    assert findings(sealed.path) == []
    (said,) = findings(sealed.path, head)
    assert said == f"pack {PACKS} is not the one that was noted as head: the history is another one"


@pytest.mark.parametrize("seq", range(1, PACKS + 1))
async def test_an_old_pack_under_the_next_number(sealed: SealedVault, seq: int) -> None:
    extra = sealed.path / f"packs/{PACKS + 1:08d}.pack"
    shutil.copy(sealed.packs()[seq - 1], extra)
    assert any(extra.name in finding for finding in findings(sealed.path))


async def test_packs_of_another_vault(sealed: SealedVault, tmp_path: Path) -> None:
    other = SealedVault(tmp_path / "other")
    for number in range(PACKS + 1):
        await other.night(number)
    for seq in (1, 3, PACKS, PACKS + 1):
        mine = sealed.path / f"packs/{seq:08d}.pack"
        before = mine.read_bytes() if seq <= PACKS else None
        put(mine, other.packs()[seq - 1].read_bytes())
        assert any(mine.name in finding for finding in findings(sealed.path))
        mine.unlink()
        if before is not None:
            put(mine, before)
    assert findings(sealed.path) == []


@pytest.mark.parametrize("name", ["notes.txt", "0000001.pack", "00000001.pack.bak"])
async def test_a_foreign_file(sealed: SealedVault, name: str) -> None:
    (sealed.path / "packs" / name).write_text("x")
    assert any(name in finding for finding in findings(sealed.path))


def forge(sealed: SealedVault, key: SigningKey, seq: int, *lines: bytes) -> Path:
    """A pack that is in its place behind the one before, sealed and signed as it must be."""
    vault = sealed.open()
    previous = read_pack(sealed.path, vault.catalog.trust, seq - 1).hash if seq > 1 else ""
    builder = Builder(seq, vault.catalog.trust)
    vault.close()
    for line in lines or (b'{"record":"later"}',):
        builder.add(line)
    builder.write(sealed.path, key, "root@collector", previous)
    return sealed.packs()[-1]


def own_key(sealed: SealedVault) -> SigningKey:
    return SigningKey.load(sealed.path / "collector/writer.key")


async def test_a_pack_of_a_stranger(sealed: SealedVault) -> None:
    for key in (SigningKey(), sealed.owner):  # the owner says who may write, and may not itself
        forged = forge(sealed, key, PACKS + 1)
        (said,) = findings(sealed.path)
        assert "not one whose packs count" in said
        forged.unlink()
    forge(sealed, own_key(sealed), PACKS + 1)
    assert findings(sealed.path) == []


async def test_a_pack_that_names_the_writers_key_and_is_signed_by_another(
    sealed: SealedVault,
) -> None:
    class Borrowed(SigningKey):
        """Signs with its own key, and shows another's."""

        def __init__(self, shown: str) -> None:
            super().__init__()
            self.public = shown

    forge(sealed, Borrowed(own_key(sealed).public), PACKS + 1)
    (said,) = findings(sealed.path)
    assert "not what its writer has signed" in said


async def test_packs_of_a_writer_that_has_left(sealed: SealedVault) -> None:
    """A key that was stolen after it was retired can add nothing, and change nothing."""
    key = own_key(sealed)
    vault = sealed.open(reading=False)
    keyring.write(
        sealed.path, sealed.owner, vault.ring.recipients, keyring.ended(vault.ring, PACKS)
    )
    vault.close()
    assert findings(sealed.path) == []
    forge(sealed, key, PACKS + 1)
    assert any("not one whose packs count" in finding for finding in findings(sealed.path))


async def test_another_owner_put_under_the_same_packs(sealed: SealedVault, tmp_path: Path) -> None:
    """Marker, keyring and owner made anew: the packs still say whose vault they are of."""
    theirs = SealedVault(tmp_path / "theirs")
    for name in ("vault.json", "keyring/0001.json"):
        put(sealed.path / name, (theirs.path / name).read_bytes())
    (sealed.path / "keyring/0002.json").unlink()
    found = findings(sealed.path)
    assert all(any(file.name in finding for finding in found) for file in sealed.packs())
    # With the old id in vault.json it cannot even be opened.
    marker = json.loads((theirs.path / "vault.json").read_text())
    vault_id = json.loads(sealed.packs()[0].read_bytes().partition(b"\n")[0])["vault"]
    put(sealed.path / "vault.json", json.dumps({**marker, "vault": vault_id}).encode() + b"\n")
    with pytest.raises(VaultDamaged, match="names an owner that is not this vault's"):
        Vault.open(sealed.path)


async def test_a_keyring_that_was_put_back(sealed: SealedVault) -> None:
    second = sealed.path / "keyring/0002.json"
    aside = second.read_bytes()
    second.unlink()
    found = findings(sealed.path)
    assert any("written under keyring 2" in finding for finding in found)
    vault = sealed.open(reading=False)
    with pytest.raises(VaultDamaged, match="keyring 2"):
        async with vault.writing():
            pass  # it would seal to a recipient that was removed
    vault.close()
    put(second, aside)
    assert findings(sealed.path) == []


async def test_a_keyring_that_nobody_has_signed(sealed: SealedVault) -> None:
    second = sealed.path / "keyring/0002.json"
    statement, _, _ = second.read_bytes().partition(b"\n")
    fields = json.loads(statement)
    thief = SigningKey()
    fields["writers"].append({"name": "thief", "key": thief.public})
    line = json.dumps(fields, separators=(",", ":")).encode()
    put(second, line + b"\n" + json.dumps({"signature": thief.sign(line)}).encode() + b"\n")
    assert findings(sealed.path)
    # As a third one, by another owner.
    fields |= {"number": 3}
    third = sealed.path / "keyring/0003.json"
    put(second, statement + b"\n" + line)
    put(third, line + b"\n" + json.dumps({"signature": thief.sign(line)}).encode() + b"\n")
    assert findings(sealed.path)


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


async def test_the_header_says_nothing_that_is_not_signed(sealed: SealedVault) -> None:
    header, _ = parse(sealed.packs()[0].read_bytes())
    line = sealed.packs()[0].read_bytes().partition(b"\n")[0]
    assert line.endswith(b',"signature":"' + header.signature.encode() + b'"}')
