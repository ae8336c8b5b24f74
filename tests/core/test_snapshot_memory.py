"""100,000 items fit in 150 MB: measured in a process of its own, at its peak."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import resource, sys
from goldcopy.snapshot import Identity, Item, Snapshot, parse_item

def peak():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

def items():
    for i in range(100_000):
        yield Item(
            f"Area{i % 20:02d}/Unit{i % 40:02d}/PID{i:06d}/Kp", "parameter", "LREAL", i / 7,
            "setting", "read-write", "".join(["b", "ar"]), f"gain of controller {i}", 0.0, 1e6 + i,
            f"%DB{i // 50}.DBD{i % 50 * 4}")

before = peak()
snapshot = Snapshot.of("d", "x", Identity(), items())
snapshot.id, snapshot.settings, snapshot.by_path
made = peak()
again = tuple(map(parse_item, snapshot.form.items))
assert again == snapshot.items
print(made - before, peak() - before)
"""


def test_memory_of_100_000_items() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=50
    )
    made, twice = map(int, done.stdout.split())
    assert made < 150_000_000
    # A second copy as a reader makes it, from its lines.
    assert twice < 300_000_000
