"""The place where a kit is used: a controller, a laptop, and no network but loopback.

Started within empty namespaces for network and mounts. Serves a simulated mixer, changes its
registers, makes the stick read-only, and runs commands one after another beside it, as ``Site`` in
JSON on standard input says; tells on standard output what came of it.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from typing import Any, TypedDict

from goldcopy_sim.modbus import ModbusSimulator


class Site(TypedDict):
    """What there is."""

    port: int
    stick: str
    changes: dict[str, int]
    commands: list[list[str]]
    kill_after: int
    """Writes after which the first command is killed; 0: it is not."""


class _Visit:
    def __init__(self, mixer: ModbusSimulator) -> None:
        self._mixer = mixer

    @property
    def writes(self) -> int:
        return sum(service.writes for service in self._mixer.log)

    async def run(self, command: list[str], kill_after: int = 0) -> dict[str, Any]:
        run = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        watch = asyncio.create_task(self._kill(run.pid, kill_after)) if kill_after else None
        try:
            out, err = await asyncio.wait_for(run.communicate(), 200)
        finally:
            if watch:
                watch.cancel()
            if run.returncode is None:
                os.killpg(run.pid, signal.SIGKILL)
        return {"code": run.returncode, "out": out.decode(), "err": err.decode()}

    async def _kill(self, group: int, after: int) -> None:
        before = self.writes
        while self.writes < before + after:  # noqa: ASYNC110 - a simulator's log tells nobody
            await asyncio.sleep(0.002)
        os.killpg(group, signal.SIGKILL)


async def main(site: Site) -> None:
    async with ModbusSimulator.demo("mixer", port=site["port"]) as mixer:
        whole = dict(mixer.values())
        for address, value in site["changes"].items():
            mixer.change(address, value)
        visit = _Visit(mixer)
        first, *rest = site["commands"]
        ran = [await visit.run(first, site["kill_after"])]
        ran += [await visit.run(command) for command in rest]
        now = mixer.values()
        answer = {
            "ran": ran,
            "interfaces": [name for _, name in socket.if_nameindex()],
            "other": sorted(path for path in now if now[path] != whole[path]),
            "writes": visit.writes,
        }
    print(json.dumps(answer))


def _loopback_up() -> None:
    """SIOCSIFFLAGS with IFF_UP (netdevice(7)): a new namespace has loopback, and it is down."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x1))


if __name__ == "__main__":
    _loopback_up()
    found: Site = json.load(sys.stdin)
    subprocess.run(["mount", "--bind", found["stick"], found["stick"]], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", found["stick"]], check=True)
    asyncio.run(main(found))
