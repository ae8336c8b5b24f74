"""Somebody else's server in a process of its own: told by lines of JSON, answering with lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any


class Peer:
    """A server in its own process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout
        self.port = 0
        self.certificate = ""

    async def tell(self, **order: object) -> dict[str, Any]:
        self._in.write(json.dumps(order).encode() + b"\n")
        line = await asyncio.wait_for(self._out.readline(), 40)
        assert line, "the peer has ended: run tests/peers/setup, and see what it wrote above"
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def serving(
    command: tuple[str, str], cwd: Path | None = None, **first: object
) -> AsyncIterator[Peer]:
    """A peer that has been told this first, and has said where it serves."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=cwd)
    try:
        peer = Peer(process)
        told = await peer.tell(**first)
        peer.port, peer.certificate = told["port"], told.get("certificate", "")
        yield peer
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
