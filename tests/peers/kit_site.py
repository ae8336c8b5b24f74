"""The place where a kit is used: controllers, a laptop, and no network but loopback.

Started within empty namespaces for network and mounts. Serves simulated controllers, changes what
they hold, makes the stick read-only, and runs commands one after another beside them, as ``Site``
in JSON on standard input says; tells on standard output what came of it.
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
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypedDict

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from goldcopy_sim.enip import LogixSimulator
from goldcopy_sim.modbus import ModbusSimulator
from goldcopy_sim.opcua import Login, OpcUaSimulator, Settings
from goldcopy_sim.opcua.security import Identity
from goldcopy_sim.s7 import S7Simulator
from goldcopy_sim.service import Simulator

USER, PASSWORD = "vic", "correct horse"
"""Who is let in where there are papers."""


class Controller(TypedDict):
    """One that is served: the demonstration of that name."""

    kind: str
    name: str
    port: int
    papers: str
    """Folder with ``server.der`` and ``server.pem``; "": everybody is let in."""


class Site(TypedDict):
    """What there is."""

    controllers: list[Controller]
    stick: str
    changes: dict[str, dict[str, Any]]
    """Controller -> address -> value; a list of numbers is bytes."""
    commands: list[list[str]]
    kill_after: int
    """Writes after which the first command is killed; 0: it is not."""


KINDS: Mapping[str, Callable[..., Simulator]] = {
    "enip": LogixSimulator.demo,
    "modbus": ModbusSimulator.demo,
    "opcua": OpcUaSimulator.demo,
    "s7": S7Simulator.demo,
}


@asynccontextmanager
async def serving(controllers: Sequence[Controller]) -> AsyncIterator[dict[str, Simulator]]:
    """The controllers by their names."""
    async with AsyncExitStack() as stack:
        found: dict[str, Simulator] = {}
        for one in controllers:
            made = KINDS[one["kind"]](one["name"], port=one["port"], **_locked(one["papers"]))
            if one["papers"]:
                assert isinstance(made, OpcUaSimulator)
                made.identity = _identity(Path(one["papers"]))
            found[one["name"]] = await stack.enter_async_context(made)
        yield found


def _locked(papers: str) -> dict[str, Any]:
    users = {USER: Login(PASSWORD, "engineer")}
    return {"settings": Settings(users=users, anonymous=None)} if papers else {}


def _identity(papers: Path) -> Identity:
    key = load_pem_private_key((papers / "server.pem").read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    return Identity(x509.load_der_x509_certificate((papers / "server.der").read_bytes()), key)


class _Visit:
    def __init__(self, controllers: Mapping[str, Simulator]) -> None:
        self._controllers = controllers

    @property
    def writes(self) -> int:
        return sum(one.writes for served in self._controllers.values() for one in served.log)

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
        while self.writes < before + after:  # noqa: ASYNC110 - a simulator tells nobody
            await asyncio.sleep(0.002)
        os.killpg(group, signal.SIGKILL)


async def main(site: Site) -> None:
    async with serving(site["controllers"]) as controllers:
        whole = {name: dict(one.values()) for name, one in controllers.items()}
        for name, changes in site["changes"].items():
            for address, value in changes.items():
                other = bytes(value) if isinstance(value, list) else value
                controllers[name].change(address, other)
        visit = _Visit(controllers)
        first, *rest = site["commands"]
        ran = [await visit.run(first, site["kill_after"])]
        ran += [await visit.run(command) for command in rest]
        other = {name: _other(one.values(), whole[name]) for name, one in controllers.items()}
        answer = {
            "ran": ran,
            "interfaces": [name for _, name in socket.if_nameindex()],
            "other": {name: paths for name, paths in other.items() if paths},
            "writes": visit.writes,
        }
    print(json.dumps(answer))


def _other(now: Mapping[str, Any], whole: Mapping[str, Any]) -> list[str]:
    """What is not as it was; by its text, as no NaN is equal to itself."""
    return sorted(path for path in now if repr(now[path]) != repr(whole[path]))


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
