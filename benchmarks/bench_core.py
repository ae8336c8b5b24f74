"""Start-up of the command line, size of a snapshot in memory, speed of a diff and of drift."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from goldcopy.drift.compare import compare
from goldcopy.drift.known import Pulled
from goldcopy.drift.verdict import Verdict, verdict
from goldcopy.gold.judgement import Candidate, Judgement
from goldcopy.gold.statement import Statement
from goldcopy.inventory import Rule, Rules
from goldcopy.snapshot import Identity, Item, Snapshot
from goldcopy.snapshot.diff import diff

ITEMS = 100_000
CHANGED = 1_000


def main() -> None:
    start_up()
    memory()  # before anything is large here: a new process begins with the peak of its parent
    drift_memory()
    diff_time()
    drift_time()
    verdict_time()


def start_up(runs: int = 15) -> None:
    """``goldcopy --help`` beside importing the command-line library alone, interleaved."""
    commands = {
        "import typer": [sys.executable, "-c", "import typer"],
        "goldcopy --help": [sys.executable, "-m", "goldcopy", "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            begin = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            times[name].append(time.perf_counter() - begin)
    base, ours = (statistics.median(times[name]) for name in commands)
    ratio = f"{ours / base:.2f}x import typer (bar 1.5x)"
    print(f"goldcopy --help       {ours * 1e3:6.0f} ms = {ratio}")


def memory() -> None:
    """Growth of a fresh process that makes a snapshot of 100,000 items."""
    program = (
        "import resource, benchmarks.bench_core as b\n"
        "rss = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "before = rss(); s = b.snapshot(); s.id; s.settings; print(rss() - before, rss())\n"
    )
    words = [sys.executable, "-c", program]
    out = subprocess.run(words, capture_output=True, text=True, check=True)
    grown, whole = (float(figure) for figure in out.stdout.split())
    print(f"{ITEMS:,} items         {grown:6.0f} MB grown, {whole:.0f} MB in all (bar 150 MB)")


def diff_time(runs: int = 5) -> None:
    """A diff of two snapshots that differ in 1,000 of 100,000 items."""
    old, new = snapshot(), snapshot(changed=CHANGED)
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        found = diff(old, new)
        times.append(time.perf_counter() - begin)
        assert len(found) == CHANGED
    print(f"diff of {ITEMS:,}       {min(times) * 1e3:6.0f} ms best of {runs} (bar 500 ms)")


def drift_time(runs: int = 5) -> None:
    """A device held against its gold copy: a few settings moved, all of them, or live values."""
    some = Rules([Rule(f"area{n:02}/unit9*/**", "setting", "0.1") for n in range(20)])
    live = Rules([Rule(f"area{n:02}/**", "process") for n in range(10)])
    for what, changed, rules, found in (
        ("1,000 changed", CHANGED, some, CHANGED),
        ("all changed", ITEMS, Rules(), ITEMS),
        ("half of it live", ITEMS // 2, live, 0),
    ):
        gold, now = ruled(snapshot(), rules), ruled(snapshot(changed=changed), rules)
        times = []
        for _ in range(runs):
            begin = time.perf_counter()
            drift = compare(gold, now, rules)
            times.append(time.perf_counter() - begin)
            assert len(drift.findings) == found
        print(f"drift, {what:<15}{min(times) * 1e3:6.0f} ms best of {runs} (bar 500 ms)")


def verdict_time(runs: int = 5) -> None:
    """The same, to its one word: both snapshots proved by their digests first."""
    times = []
    for _ in range(runs):
        judged = verdict_of(CHANGED)
        times.append(judged[1])
        assert judged[0].word == "drift"
    print(f"drift, with its word  {min(times) * 1e3:6.0f} ms best of {runs} (bar 500 ms)")


def verdict_of(changed: int) -> tuple[Verdict, float]:
    """The verdict on a device, and the seconds that it took."""
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    day = timedelta(days=1)
    gold = snapshot()
    said = Statement.propose(
        gold, Rules(), vault="v", by="a", reason="r", until=now + 90 * day, time=now
    )
    judgement = Judgement("valid", "", Candidate(said), (), ())
    gold, pulled = snapshot(), Pulled(snapshot(changed), now)
    begin = time.perf_counter()
    found = verdict(gold.device, judgement, gold, pulled, at=now, max_age=day)
    return found, time.perf_counter() - begin


def drift_memory() -> None:
    """A fresh process that holds gold copy and snapshot and judges them."""
    program = (
        "import resource, benchmarks.bench_core as b\n"
        "rss = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "before = rss()\n"
        "found, _ = b.verdict_of(b.CHANGED)\n"
        "assert len(found.drift.findings) == b.CHANGED; print(rss() - before, rss())\n"
    )
    words = [sys.executable, "-c", program]
    out = subprocess.run(words, capture_output=True, text=True, check=True)
    grown, whole = (float(figure) for figure in out.stdout.split())
    print(f"drift, both snapshots{grown:5.0f} MB grown, {whole:.0f} MB in all (bar 200 MB)")


def ruled(made: Snapshot, rules: Rules) -> Snapshot:
    """The snapshot as a pull under these rules gives it."""
    items = rules.apply(made.items)
    return Snapshot.of(made.device, made.driver, made.identity, items, rules=rules.digest)


def snapshot(changed: int = 0) -> Snapshot:
    """A device of 100,000 tags, the first ``changed`` of them with another value."""
    return Snapshot.of(
        "bench",
        "none",
        Identity(vendor="Example Controls"),
        (
            Item(
                f"area{n // 5000:02}/unit{n // 100:04}/pid{n:06}/setpoint",
                "parameter",
                "LREAL",
                n / 8 + (1.0 if n < changed else 0.0),
                unit="bar",
                access="read-write",
            )
            for n in range(ITEMS)
        ),
    )
