"""The vault beside git, restic and borg: 200 devices for 100 nights, the same data each night.

Every night each engine in turn takes in the fleet, in a new process. Counted is, of ours and of
git, the time from all data in memory to a night that is kept, the opening of the store included; of
restic and borg the whole process, which finds the data as files. Ours is sealed to a recipient by a
collector that cannot read it, and synced; git is not encrypted, can be rewritten, and is not synced
here. Restored are all files of a device, of restic one. Only git is packed anew: its size is shown
before and after ``git gc``.

``--long`` adds 700 devices of 300 tags and 2 blocks, each night 1 % of the tags of each device and
1 % of all blocks changed, for a year.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.fleet import Fleet, name
from benchmarks.vault_engines import GIT, Borg, Engine, Git, Ours, Restic

NIGHTS = int(os.environ.get("NIGHTS", "100"))
"""Fewer, to try the benchmark itself."""
DEVICES, SAMPLES = 200, 50
RESTORED = (NIGHTS // 2 - 1, name(77))
"""Night and device."""
BEFORE = "58ff2d0797e769f9d87ef9fe6e6f66613c7a1acddb907b9c5ba399d1bcb92f63"
AFTER = "99c0e259d15e829292de463399c295e8c4974868abf429198c25286d1bf99469"
YEAR = int(os.environ.get("YEAR", "365"))


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-vault-") as folder:
        compare(Path(folder))
    if "--long" not in sys.argv:
        print("700 devices for a year: python -m benchmarks vault --long")
        return
    with tempfile.TemporaryDirectory(prefix="bench-vault-") as folder:
        long_run(Path(folder))


def compare(home: Path) -> None:
    """Fill all of them, then look at each."""
    ours, git = Ours(home), Git(home)
    engines: list[Engine] = [ours, *others(home, git)]
    fill(engines, home)
    print(f"{DEVICES} devices x {NIGHTS} nights; restored: {RESTORED[1]} of night {RESTORED[0]}")
    print(f"  {'':22}{'first':>9}{'night':>9}{'bytes':>14}{'restored':>12}{'proved':>9}")
    for engine in engines:
        row(engine, home, engine.name)
    if git in engines:
        took = git.gc()
        row(git, home, f"git after gc ({took:.0f} s)")
        beside(ours, git, home)
    alone(ours, home)


def others(home: Path, git: Git) -> list[Engine]:
    """Those that are installed."""
    found: list[Engine] = [git] if GIT.exists() else []
    found += [one(home) for one in (Restic, Borg) if shutil.which(one.__name__.lower())]
    if len(found) < 3:
        print("not all others are installed: run tests/peers/setup to have them compared")
    return found


def fill(engines: list[Engine], home: Path) -> None:
    """All nights, into every engine in turn; then ``tree`` has what the next night would find.

    Some devices of some nights are set aside in ``kept``, to compare what is restored with them.
    """
    draw = random.Random(2)
    wanted = [(draw.randrange(NIGHTS), name(draw.randrange(DEVICES))) for _ in range(SAMPLES)]
    fleet, tree = Fleet(DEVICES), home / "tree"
    assert fleet.digest() == BEFORE, "this is not the workload: its first night is another one"
    for engine in engines:
        engine.begin()
    for number in range(NIGHTS):
        if number:
            fleet.mutate()
        fleet.write(tree)
        for engine in engines:
            engine.take(tree, number)
        for _, device in {one for one in wanted if one[0] == number}:
            shutil.copytree(tree / device, home / "kept" / f"{number:03d}" / device)
        if number == RESTORED[0]:
            shutil.copytree(tree / RESTORED[1], home / "one" / f"{number:03d}" / RESTORED[1])
    assert NIGHTS != 100 or fleet.digest() == AFTER, "this is not the workload: its last night"
    fleet.mutate()
    fleet.write(tree)


def row(engine: Engine, home: Path, title: str) -> None:
    """What can be asked of every engine."""
    restored = min(engine.restores(home / "one")[RESTORED]) * 1e3
    print(
        f"  {title:22}{engine.nights[0]:7.2f} s{engine.median():7.2f} s{engine.size():14,}"
        f"{restored:9.1f} ms{engine.prove():7.1f} s",
        flush=True,
    )


def beside(ours: Ours, git: Git, home: Path) -> None:
    """Ours and git, which is packed by now."""
    print(f"size    {ours.size() / git.size():.2f}x git after gc (bar 0.75x)")
    counted = statistics.median([*map(sum, zip(ours.nights, ours.forms, strict=True))][1:])
    print(
        f"night   {ours.median() / git.median():.2f}x git; {counted / git.median():.2f}x with the "
        "canonical forms, which are made at the pull (bar 1x)"
    )
    found = max(map(min, git.restores(home / "kept").values()))
    seconds, changes = git.told("history", git.home, RESTORED[1])
    print(
        f"git     any version: worst of {SAMPLES} {found * 1e3:.1f} ms; history of one device "
        f"{seconds * 1e3:.2f} ms, {changes} commits"
    )


def alone(ours: Ours, home: Path) -> None:
    """What has a bar of its own."""
    found = ours.restores(home / "kept").values()
    first, best = (max(map(pick, found)) * 1e3 for pick in (max, min))
    print(
        f"restore any version: worst of {SAMPLES} {first:.1f} ms at the first try, {best:.1f} ms "
        "best of 3 (bar 100 ms)"
    )
    seconds, entries = ours.told("history", ours.home, RESTORED[1])
    print(f"history {seconds * 1e3:.2f} ms, {entries} snapshots (bar 1 ms)")
    proof = ours.proof
    print(
        f"proof   {proof['seconds']:.1f} s, {proof['peak']:.0f} MB; {proof['snapshots']:,} "
        f"snapshots, {proof['blobs']:,} blobs (bar 30 s)"
    )
    memory(ours, home / "tree", NIGHTS, "the night after")
    empty = Ours(home / "first")
    empty.begin()
    memory(empty, home / "tree", 0, "a first night")


def memory(ours: Ours, tree: Path, number: int, what: str) -> None:
    """Of the process that does a whole nightly run."""
    run = ours.told("collect", ours.home, tree, number)
    print(f"memory  {run['peak']:.0f} MB, {what}, {run['kept']} devices (bar 200 MB)")


def long_run(home: Path) -> None:
    """A year of a bigger plant: its size, and the memory of the run after it."""
    ours, tree = Ours(home), home / "tree"
    ours.begin()
    ours.told("year", ours.home, YEAR, tree)
    print(f"700 devices x {YEAR} nights: {ours.size() / 1e6:.0f} MB (bar 1,000 MB)", flush=True)
    memory(ours, tree, YEAR, "the night after")
