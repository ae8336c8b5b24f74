"""Tampering with the files of a whole sealed vault: every change is found, no green is false."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from tests.core.sealed_vault import SealedVault
from tests.core.tampered_vault import PACKS, findings, put

from goldcopy.vault.pack import parse
from goldcopy.vault.verify import verify


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


@pytest.mark.parametrize("name", ["notes.txt", "0000001.pack", "00000001.pack.bak"])
async def test_a_foreign_file(sealed: SealedVault, name: str) -> None:
    (sealed.path / "packs" / name).write_text("x")
    assert any(name in finding for finding in findings(sealed.path))


async def test_the_header_says_nothing_that_is_not_signed(sealed: SealedVault) -> None:
    header, _ = parse(sealed.packs()[0].read_bytes())
    line = sealed.packs()[0].read_bytes().partition(b"\n")[0]
    assert line.endswith(b',"signature":"' + header.signature.encode() + b'"}')
