"""A toy controller whose k-th write goes wrong, a driver that writes it in groups, and a vault."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import msgspec
from tests.core.toy_controller import OK, SERVICES, ToyController
from tests.core.toy_driver import FullDriver, TokenedSession, WritingSession

from goldcopy.driver import Reading
from goldcopy.errors import Refused
from goldcopy.inventory import Device, Rule, Rules
from goldcopy.registry import DRIVERS, Registry
from goldcopy.restore import (
    GoldState,
    Journal,
    Means,
    Permit,
    Plan,
    Receipt,
    Values,
    apply,
    make_plan,
)
from goldcopy.restore.apply import BEGUN
from goldcopy.restore.journal import Begun, Writing
from goldcopy.snapshot import Identity, Item, Snapshot, Value
from goldcopy.vault import Vault

REGISTRY = Registry([EntryPoint("toy", f"{__name__}:PressDriver", DRIVERS)])
NAN = struct.unpack(">f", bytes.fromhex("7fc00001"))[0]
KINDS = ["drop", "lost", "late", "duplicate", "refuse", "ignore", "clamp", "cut", "cut after"]


def settings() -> dict[str, tuple[str, Value]]:
    held: dict[str, tuple[str, Value]] = {f"axis/{n}/limit": ("DINT", 100 * n) for n in range(12)}
    held |= {"gain": ("REAL", 0.25), "offset": ("REAL", NAN), "name": ("STRING", "press 7")}
    held |= {"recipe": ("BYTES", bytes(range(256)) * 2), "live": ("DINT", 7)}
    return held


@dataclass
class Press(ToyController):
    """Does one thing wrong at its k-th write, or from there on."""

    held: dict[str, tuple[str, Value]] = field(default_factory=settings)
    fault: str = ""
    at: int = 0
    for_ever: bool = False
    wrote: list[tuple[str, Value]] = field(default_factory=list)
    """What it was asked to write, in order."""
    read_only: frozenset[str] = frozenset()
    product: str = "Press"

    def manipulate(self) -> None:
        """Every setting is another one."""
        for n in range(12):
            self.set(f"axis/{n}/limit", -n - 1)
        for name, value in (("gain", 0.5), ("offset", -0.0), ("name", "äh"), ("live", 8)):
            self.set(name, value)
        self.set("recipe", b"\0" * 600)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        self.connections += 1
        try:
            while True:
                head = await reader.readexactly(2)
                rest = await reader.readexactly(int.from_bytes(head) - 2)
                number, service, arguments = rest[:2], rest[2:3], rest[3:]
                if service in SERVICES:
                    reply = self._answer(service, arguments)
                    if service == b"I":
                        reply = OK + b"Toys\0" + self.product.encode()
                    writer.write(_frame(number + reply))
                elif not self._write(arguments, number, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()
            self._clients.discard(writer)

    def _write(self, arguments: bytes, number: bytes, writer: asyncio.StreamWriter) -> bool:
        """Carry a write out, well or badly; False: hang up."""
        name, _, raw = arguments.partition(b"\0")
        path, value = name.decode(), _decoded(raw)
        k = len(self.wrote)
        self.wrote.append((path, value))
        wrong = self.fault if k == self.at or (self.for_ever and k >= self.at) else ""
        if wrong == "clamp":
            clamped: dict[type, Value] = {int: -99, float: 0.125, str: "clamped", bytes: b"clamped"}
            value = clamped[type(value)]
        if wrong not in ("drop", "refuse", "ignore", "cut"):
            self.set(path, value)
        reply = _frame(number + (b"\1" if wrong == "refuse" else OK))
        if wrong == "late":
            asyncio.get_running_loop().call_later(0.3, _send, writer, reply)
        elif wrong == "duplicate":
            writer.write(reply + reply)
        elif wrong not in ("drop", "lost", "cut", "cut after"):
            writer.write(reply)
        return not wrong.startswith("cut")


def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    if not writer.is_closing():
        writer.write(data)


def _frame(body: bytes) -> bytes:
    return (len(body) + 2).to_bytes(2) + body


def _decoded(raw: bytes) -> Value:
    match raw[:1]:
        case b"i":
            return struct.unpack(">i", raw[1:])[0]  # type: ignore[no-any-return]
        case b"r":
            return struct.unpack(">f", raw[1:])[0]  # type: ignore[no-any-return]
        case b"s":
            return raw[1:].decode()
    return raw[1:]


class PressSession(TokenedSession):
    async def read(self) -> Reading:
        items, gaps, *_ = await super().read()
        return Reading([_writable(item) for item in items], gaps)


def _writable(item: Item) -> Item:
    if item.path == "version":
        return item
    limits = {"low": 0, "high": 1} if item.path == "gain" else {}
    return msgspec.structs.replace(item, access="read-write", **limits)


class PressWriter(WritingSession, PressSession):
    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        return [items[at : at + 3] for at in range(0, len(items), 3)]

    async def _write(self, item: Item) -> None:
        raw = item.value
        code = {int: b"i", float: b"r", str: b"s", bytes: b"b"}[type(raw)]
        if isinstance(raw, int | float):
            data = struct.pack(">i" if code == b"i" else ">f", raw)
        else:
            data = raw.encode() if isinstance(raw, str) else bytes(raw)  # type: ignore[arg-type]
        (reply,) = await self._asked([(b"S", item.path.encode() + b"\0" + code + data)])
        if reply[0]:
            raise Refused(f"the controller refuses {item.path}")


class PressDriver(FullDriver):
    session = PressSession
    writing: ClassVar[type[WritingSession]] = PressWriter


@dataclass
class Plant:
    """A press, its device, a vault, and its gold copy."""

    press: Press
    device: Device
    means: Means
    gold: Snapshot

    async def live(self) -> Snapshot:
        return (await self.means.reach(self.device).read())[0]

    async def plan(self, *only: str, values: Values = "settings") -> Plan:
        live = await self.live()
        vault = self.means.vault.id
        return make_plan(live, self.gold, self.device, vault=vault, only=only, values=values)

    async def restore(self, plan: Plan | None = None, permit: Permit | None = None) -> Receipt:
        plan = plan or await self.plan()
        return await apply(
            plan,
            self.gold,
            self.device,
            self.means,
            gold=GoldState(valid=True, snapshot=self.gold.id),
            approvals=lambda digest: {"ann"} if digest == plan.digest else (),
            permit=permit or Permit(by="bob@panel"),
        )

    async def killed(self, plan: Plan, *sent: str) -> Journal:
        """The journal that a kill leaves, when these were announced one by one."""
        vault, writer = self.means.vault, self.means.writer
        begun = Begun.of(plan, self.gold.id, Permit("bob"), plan.made)
        await writer.note(BEGUN, plan.device, {"plan": plan.digest, "journal": begun.digest})
        journal = Journal.begin(vault.path, begun)
        for path in sent:
            journal.add(Writing("restore", [path]))
        return journal


def device(port: int, **more: object) -> Device:
    rules = Rules([Rule("live", "process")])
    fields = {"writable": True, "timeout": 0.2, "rules": rules, **more}
    return Device("press", "toy", "127.0.0.1", port, **fields)  # type: ignore[arg-type]


@asynccontextmanager
async def plant(folder: Path, press: Press | None = None, **more: object) -> AsyncIterator[Plant]:
    """A press whose gold copy is in the vault, and whose settings were all manipulated since."""
    path = folder / "vault"
    Vault.create(path).close()
    vault = Vault.open(path)
    async with press or Press() as running, vault.writing(linger=0) as writer:
        means = Means(vault, writer, REGISTRY, retries=1, retry_pause=0.01)
        described = device(running.port, **more)
        gold, facts = await means.reach(described).read()
        await writer.keep(gold, facts)
        running.manipulate()
        running.log.clear()
        yield Plant(running, described, means, vault.load(gold.id))
    vault.close()


def identity(**fields: str) -> Identity:
    return Identity(**{"vendor": "Toys", "product": "Press", **fields})
