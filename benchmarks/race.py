"""Clients timed in turn against one server, which has a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

Timed = tuple[float, int]
"""Seconds, and a checksum of what was read."""


@contextmanager
def serving(arguments: Sequence[str], first: str = "") -> Iterator[str]:
    """A server that Python is given with these arguments, and a first line; the line it tells."""
    command = [sys.executable, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if first:
            print(first, file=process.stdin, flush=True)
        try:
            yield process.stdout.readline()
        finally:
            process.kill()


def interleaved(clients: Mapping[str, Callable[[], Timed]], rounds: int) -> dict[str, list[float]]:
    """The seconds of each client, round by round, so that a busy machine hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in clients}
    sums = {}
    for _ in range(rounds):
        for name, client in clients.items():
            seconds, sums[name] = client()
            times[name].append(seconds)
    assert len(set(sums.values())) == 1, f"not all have read the same: {sums}"
    return times


def elsewhere(python: Path, program: str, port: int) -> Timed:
    """What a program that needs another environment has printed."""
    command = [str(python), "-c", program, str(port)]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, read = out.stdout.split()
    return float(seconds), int(read)
