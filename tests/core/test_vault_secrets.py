"""What the files of a sealed vault show to who has no key: what docs/format.md section 9 says."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from tests.core.sealed_vault import (
    SECRET_BLOB,
    SECRET_GAP,
    SECRET_NOTE,
    SECRET_PATH,
    SECRET_VALUE,
    SealedVault,
    snapshot,
)

from goldcopy.vault.pack import parse

NIGHTS = range(4)


def needles() -> dict[str, bytes]:
    """Words of what is kept, as they are and as base64 and hexadecimal digits would show them."""
    words = {
        "value": SECRET_VALUE.encode(),
        "path": SECRET_PATH.encode(),
        "another path": b"db/0",
        "gap": SECRET_GAP.encode(),
        "note": SECRET_NOTE.encode(),
        "big content": SECRET_BLOB,
        "identity": b"Acme",
        "item": b'"kind"',
        "driver": b'"driver"',
        "digest of settings": snapshot("mixer", 0).settings.encode(),
    }
    coded = {f"{name} in hex": word.hex().encode() for name, word in words.items()}
    for name, word in words.items():
        for shift in range(3):  # where a word begins within three bytes changes its base64
            text = base64.b64encode(bytes(shift) + word + bytes(3))
            coded[f"{name} in base64, {shift}"] = text[4 : len(text) // 4 * 4 - 8]
    long = {name: word for name, word in coded.items() if len(word) >= 8}
    return words | long


@pytest.fixture
async def sealed(tmp_path: Path) -> SealedVault:
    made = SealedVault(tmp_path / "vault")
    await made.fill()
    return made


def shown(path: Path) -> set[tuple[str, str]]:
    """Which words are in which files."""
    return {
        (file.relative_to(path).as_posix(), name)
        for file in path.rglob("*")
        if file.is_file()
        for name, word in needles().items()
        if word in file.read_bytes()
    }


async def test_nothing_that_was_read_is_in_any_file(sealed: SealedVault) -> None:
    vault = sealed.open(reading=False)  # its write-ahead log is there too
    assert vault.devices() == ["mixer", "press"]
    assert len(list(sealed.path.rglob("*"))) >= 15
    assert shown(sealed.path) == set()
    vault.close()


async def test_the_words_would_be_found(tmp_path: Path) -> None:
    """In a vault that is not sealed, so that the search above can fail."""
    for name, word in needles().items():
        file = tmp_path / "a" / name.replace("/", " ")
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(os.urandom(10) + word + os.urandom(10))
    assert {name for _, name in shown(tmp_path / "a")} == set(needles())


async def test_names_ids_and_times_are_on_the_collector_only(sealed: SealedVault) -> None:
    """Section 9: the index has them; what is copied to replicas does not."""
    ids = [snapshot("mixer", night).id for night in NIGHTS]
    public = [sealed.path / "vault.json", *(sealed.path / "keyring").iterdir(), *sealed.packs()]
    for file in public:
        data = file.read_bytes()
        assert not any(bytes.fromhex(id) in data or id.encode() in data for id in ids)
        assert b"mixer" not in data
        assert b"press" not in data
    for pack in sealed.packs():
        assert parse(pack.read_bytes())[0].seal == "age"
    index = b"".join(file.read_bytes() for file in sealed.path.glob("index.sqlite*"))
    assert b"mixer" in index
    assert all(bytes.fromhex(id) in index for id in ids)


async def test_no_key_is_where_it_is_copied(sealed: SealedVault) -> None:
    secret = [
        (sealed.path / "collector/writer.key").read_bytes(),
        (sealed.path / "collector/digests.key").read_bytes(),
    ]
    assert b"PRIVATE KEY" in secret[0]
    assert len(secret[1]) == 32
    files = [
        file
        for file in sealed.path.rglob("*")
        if file.is_file() and file.parent.name != "collector"
    ]
    for file in files:
        data = file.read_bytes()
        assert b"PRIVATE KEY" not in data
        assert b"AGE-SECRET-KEY" not in data
        assert not any(one in data for one in secret)
