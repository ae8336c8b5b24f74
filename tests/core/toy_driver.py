"""A right driver for the toy controller, open to being made wrong."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

import msgspec
from tests.core.toy_controller import HEAD, TYPES, encoded

from goldcopy.driver import Capability, Meter, Reading, Target
from goldcopy.errors import Malformed, Refused
from goldcopy.snapshot import Gap, Identity, Item, Snapshot, Value
from goldcopy.wire import connect

AskAll = Callable[[Sequence[bytes]], Awaitable[list[bytes]]]
NAMES = {code: name for name, code in TYPES.items()}


class ToyFramer:
    def length(self, data: memoryview) -> int:
        if len(data) < 2:
            return 0
        length = int.from_bytes(data[:2])
        if not 5 <= length <= 1000:
            raise Malformed(f"a frame of {length} bytes")
        return length

    def key(self, frame: bytes) -> bytes:
        return frame[2:4]

    def only_reads(self, request: bytes) -> bool:
        return request[4:5] in (b"L", b"I", b"V", b"N", b"G")


class ToySession:
    def __init__(self, ask_all: AskAll, meter: Meter) -> None:
        self._ask_all = ask_all
        self._meter = meter
        self._number = 0

    async def _asked(self, requests: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Status and data of each reply."""
        frames = []
        for service, arguments in requests:
            self._number = self._number + 1 & 0xFFFF
            frames.append(HEAD.pack(5 + len(arguments), self._number, service) + arguments)
        self._meter.total += len(frames)
        replies = [frame[4:] for frame in await self._ask_all(frames)]
        self._meter.done += len(frames)
        if any(reply[0] > 3 for reply in replies):
            raise Malformed("a status that there is not")
        return replies

    async def _ask(self, service: bytes, arguments: bytes = b"") -> bytes:
        """The data of a reply that must be a good one."""
        (reply,) = await self._asked([(service, arguments)])
        if reply[0]:
            raise Malformed(f"status {reply[0]}")
        return reply[1:]

    async def _log_in(self, target: Target) -> None:
        if target.password is None:
            return
        (reply,) = await self._asked([(b"L", target.password.reveal().encode())])
        if reply[0]:
            raise Refused(self._denied(target))

    def _denied(self, target: Target) -> str:
        return "the controller refuses the password; give the right one"

    async def identify(self) -> Identity:
        vendor, _, product = (await self._ask(b"I")).partition(b"\0")
        return Identity(vendor=self._text(vendor), product=self._text(product))

    async def read(self) -> Reading:
        version = int.from_bytes(await self._ask(b"V"))
        names = await self._names()
        found = [
            self._found(n, reply) for n, reply in zip(names, await self._got(names), strict=True)
        ]
        items = [one for one in found if isinstance(one, Item)]
        gaps = [one for one in found if isinstance(one, Gap)]
        return Reading([*items, Item("version", "event", "UDINT", version, "diagnostic")], gaps)

    async def _got(self, names: Sequence[str]) -> list[bytes]:
        return await self._asked([(b"G", name.encode()) for name in names])

    async def _names(self) -> list[str]:
        names: list[str] = []
        more = 1
        while more:
            page = await self._ask(b"N", len(names).to_bytes(2))
            more, at = page[0], 1
            while at < len(page):
                end = at + 1 + page[at]
                names.append(self._text(page[at + 1 : end]))
                at = end
        return names

    def _found(self, name: str, reply: bytes) -> Item | Gap:
        if reply[0] == 3:
            return Gap(name, "the controller keeps it to itself")
        if reply[0] or len(reply) < 2 or reply[1:2] not in NAMES:
            raise Malformed(f"{name} cannot be read")
        return Item(name, "parameter", NAMES[reply[1:2]], self._value(reply[1:2], reply[2:]))

    def _value(self, code: bytes, raw: bytes) -> Value:
        match code:
            case b"s":
                return self._text(raw)
            case b"b":
                return raw
        if len(raw) != 4:
            raise Malformed("a number of another length")
        return struct.unpack(">i" if code == b"i" else ">f", raw)[0]  # type: ignore[no-any-return]

    def _text(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise Malformed("a text that is none") from None


class TokenedSession(ToySession):
    async def read_since(self, previous: Snapshot) -> Reading:
        version = int.from_bytes(await self._ask(b"V"))
        if previous.by_path["version"].value != version:
            return await self.read()
        return Reading(previous.items, previous.gaps, [item.path for item in previous.items])


class WritingSession(ToySession):
    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        return [[item] for item in items]

    async def write(self, group: Sequence[Item]) -> None:
        for item in group:
            await self._write(item)

    async def _write(self, item: Item) -> None:
        await self._ask(b"S", item.path.encode() + b"\0" + encoded(item.type, item.value))


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class ToyDriver:
    name: ClassVar[str] = "toy"
    title: ClassVar[str] = "Toy protocol"
    port: ClassVar[int] = 7
    Options: ClassVar[type[msgspec.Struct]] = Options
    capabilities: ClassVar[Sequence[Capability]] = (Capability("values", "done"),)
    session: ClassVar[type[ToySession]] = ToySession

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[ToySession]:
        async with connect(target, ToyFramer(), meter) as exchange:
            session = self.session(exchange.ask_all, meter)
            await session._log_in(target)  # noqa: SLF001
            yield session


class FullDriver(ToyDriver):
    """With all powers."""

    session = TokenedSession
    writing: ClassVar[type[WritingSession]] = WritingSession

    @asynccontextmanager
    async def open_writing(self, target: Target, meter: Meter) -> AsyncIterator[WritingSession]:
        async with connect(target, ToyFramer(), meter, writing=True) as exchange:
            session = self.writing(exchange.ask_all, meter)
            await session._log_in(target)  # noqa: SLF001
            yield session
