"""How a person names a snapshot, and what is said when there is none of that name."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goldcopy.errors import Wrong
from goldcopy.snapshot import Identity, Item, Snapshot
from goldcopy.vault import Entry, Facts, Vault


@pytest.fixture(autouse=True)
def berlin() -> Iterator[None]:
    """A place with summer time, where midnight is not midnight UTC."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


async def filled(path: Path, *pulls: tuple[str, datetime, int]) -> tuple[Vault, list[Entry]]:
    vault = Vault.create(path)
    entries = []
    async with vault.writing() as writer:
        for device, taken, value in pulls:
            item = Item("a", "tag", "DINT", value)
            snapshot = Snapshot.of(device, "s7", Identity(), [item])
            entries.append((await writer.keep(snapshot, Facts(taken, 1.0, 1, 1))).entry)
    return vault, entries


def utc(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)  # type: ignore[misc, arg-type]


PULLS = [
    ("mixer", utc(2026, 11, 22, 22, 30), 1),
    ("mixer", utc(2026, 11, 23, 22, 59), 2),  # 23:59 in Berlin
    ("mixer", utc(2026, 11, 23, 23, 0), 3),  # midnight: the 24th there
    ("press", utc(2026, 11, 23, 23, 30), 1),
    ("mixer", utc(2026, 11, 25, 5, 0), 1),
    ("mixer@2", utc(2026, 11, 25, 5, 0), 1),
    ("abcdef", utc(2026, 11, 25, 6, 0), 1),
]


async def test_names(tmp_path: Path) -> None:
    vault, entries = await filled(tmp_path / "vault", *PULLS)
    first, second, third, press, last, at, hexadecimal = entries
    for name, entry in {
        "mixer": last,
        "press": press,
        "mixer~0": last,
        "mixer~1": third,
        "mixer~3": first,
        "mixer@2026-11-22": first,
        "mixer@2026-11-23": second,
        "mixer@2026-11-24": third,
        "mixer@2026-11-25": last,
        "mixer@2030-01-01": last,
        "mixer@2026-11-23T23:59": second,
        "mixer@2026-11-23T23:58": first,
        "mixer@2026-11-24T00:00": third,
        "mixer@2026-11-23T23:00+00:00": third,
        "mixer@2026-11-23T22:59:59Z": second,
        "mixer@2": at,
        "mixer@2~0": at,
        "abcdef": hexadecimal,
        first.id: last,  # the same state again: the newest entry that has it
        second.id[:6]: second,
        third.id[:20].upper(): third,
        press.id: press,
    }.items():
        assert vault.resolve(name) == entry, name
        assert vault.load(name).id == entry.id
    vault.close()


async def test_a_clock_that_jumps_back_hides_nothing(tmp_path: Path) -> None:
    vault, entries = await filled(
        tmp_path / "vault",
        ("mixer", utc(2026, 11, 1, 12), 1),
        ("mixer", utc(2031, 1, 1, 12), 2),
        ("mixer", utc(2026, 11, 3, 12), 3),
    )
    assert vault.resolve("mixer") == entries[2]
    assert vault.resolve("mixer@2026-11-02") == entries[0]
    assert vault.resolve("mixer@2026-11-03") == entries[2]
    vault.close()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mixr", r"there is no snapshot of mixr: did you mean mixer"),
        ("oven", r"no snapshot of oven: the vault has abcdef, mixer, mixer@2, press"),
        ("mixr~1", r"did you mean mixer"),
        ("mixr@2026-11-24", r"did you mean mixer"),
        ("mixer~4", r"the vault has 4 snapshots of mixer, the oldest is mixer~3"),
        ("press~1", r"the vault has 1 snapshot of press, the oldest is press~0"),
        ("mixer@gold", r"mixer@gold takes the keys of who approves"),
        (
            "mixer@2026-11-21",
            r"no snapshot of mixer from 2026-11-21 or before: .* 2026-11-22 23:30",
        ),
        ("mixer@yesterday", r"write a day as mixer@2026-11-24, or a time as mixer@2026-11-24T06"),
        ("mixer@2026-13-01", r"write a day as"),
        ("0000000", r"there is no snapshot of 0000000"),
        ("00000", r"there is no snapshot of 00000"),
        ("", r"there is no snapshot of"),
    ],
)
async def test_what_is_said_of_a_name_that_means_nothing(
    tmp_path: Path, name: str, said: str
) -> None:
    vault, _ = await filled(tmp_path / "vault", *PULLS)
    with pytest.raises(Wrong, match=said) as wrong:
        vault.resolve(name)
    assert "\n" not in str(wrong.value)
    vault.close()


async def test_an_ambiguous_id_lists_what_it_could_be(tmp_path: Path) -> None:
    vault, entries = await filled(
        tmp_path / "vault", *[("mixer", utc(2026, 11, 24), value) for value in range(3)]
    )
    vault.close()
    index = sqlite3.connect(tmp_path / "vault/index.sqlite")
    with index:  # nobody finds two SHA-256 with the same beginning by chance
        for entry in entries:
            new = bytes.fromhex("abcdef" + entry.id[6:])
            index.execute("UPDATE snapshots SET id = ? WHERE number = ?", (new, entry.number))
    index.close()
    vault = Vault.open(tmp_path / "vault")
    with pytest.raises(Wrong, match=r"abcdef is the start of several ids: abcdef.*write more"):
        vault.resolve("abcdef")
    assert vault.resolve("abcdef" + entries[1].id[6:10]).number == 2
    vault.close()


async def test_an_empty_vault(tmp_path: Path) -> None:
    vault, _ = await filled(tmp_path / "vault")
    assert vault.devices() == []
    with pytest.raises(Wrong, match=r"the vault is empty; run goldcopy pull"):
        vault.log("mixer")
    vault.close()
