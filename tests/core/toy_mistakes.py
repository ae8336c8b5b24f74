"""Drivers for the toy controller with one mistake each, on the right wire."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import ClassVar

import msgspec
from tests.core.toy_driver import (
    FullDriver,
    TokenedSession,
    ToyDriver,
    ToyFramer,
    ToySession,
    WritingSession,
)

from goldcopy.driver import Meter, Reading, Target
from goldcopy.errors import GoldcopyError
from goldcopy.snapshot import Gap, Identity, Item, Snapshot, Value
from goldcopy.wire import connect


class ByteOrder(ToySession):
    def _value(self, code: bytes, raw: bytes) -> Value:
        return super()._value(code, raw[::-1] if code == b"i" else raw)


class TypeName(ToySession):
    def _found(self, name: str, reply: bytes) -> Item | Gap:
        found = super()._found(name, reply)
        if isinstance(found, Item) and found.type == "REAL":
            return msgspec.structs.replace(found, type="LREAL")
        return found


class Zero(ToySession):
    def _value(self, code: bytes, raw: bytes) -> Value:
        value = super()._value(code, raw)
        return value or 0.0 if code == b"r" else value  # loses the sign of -0.0


class Truncated(ToySession):
    async def _names(self) -> list[str]:
        return (await super()._names())[:4]


class Default(ToySession):
    def _found(self, name: str, reply: bytes) -> Item | Gap:
        found = super()._found(name, reply)
        return found if isinstance(found, Item) else Item(name, "parameter", "DINT", 0)


class NoGap(ToySession):
    async def read(self) -> Reading:
        return (await super().read())._replace(gaps=())


class Guess(ToySession):
    async def identify(self) -> Identity:
        return Identity(vendor="Toys", product="Press 2000")


class Twice(ToySession):
    async def read(self) -> Reading:
        reading = await super().read()
        return reading._replace(items=[*reading.items, reading.items[0]])


class Unstable(ToySession):
    times = 0

    async def read(self) -> Reading:
        Unstable.times += 1
        reading = await super().read()
        return reading._replace(
            items=[msgspec.structs.replace(i, label=f"{self.times}") for i in reading.items]
        )


class Caches(ToySession):
    kept: ClassVar[dict[str, bytes]] = {}

    async def _got(self, names: Sequence[str]) -> list[bytes]:
        replies = await super()._got(names)
        return [self.kept.setdefault(n, reply) for n, reply in zip(names, replies, strict=True)]


class Offers(ToySession):
    async def write(self, item: Item) -> None:
        await self._ask(b"S", item.path.encode())


class HidesLoss(ToySession):
    async def _got(self, names: Sequence[str]) -> list[bytes]:
        try:
            return await super()._got(names)
        except GoldcopyError:
            return [b"\0i\0\0\0\0"] * len(names)


class Tells(ToySession):
    def _denied(self, target: Target) -> str:
        assert target.password
        return f"{target.password.reveal()} is not the password"


class Logs(ToySession):
    async def _log_in(self, target: Target) -> None:
        assert target.password
        logging.getLogger("toy").debug("logging in: %s", target.password.reveal().encode().hex())
        await super()._log_in(target)


class Insists(ToySession):
    async def _log_in(self, target: Target) -> None:
        try:
            await super()._log_in(target)
        except GoldcopyError:
            await super()._log_in(target)


class Careless(ToySession):
    def _text(self, raw: bytes) -> str:
        return raw.decode()


class StuckToken(TokenedSession):
    async def read_since(self, previous: Snapshot) -> Reading:
        return Reading(previous.items, previous.gaps, [item.path for item in previous.items])


class ForgetfulToken(TokenedSession):
    async def read_since(self, previous: Snapshot) -> Reading:
        reading = await super().read_since(previous)
        return reading._replace(items=reading.items[1:])


class Unread(ToySession):
    async def read(self) -> Reading:
        self._meter.total += 5
        return await super().read()


class SkipsAck(WritingSession):
    async def write(self, group: Sequence[Item]) -> None:
        try:
            await super().write(group)
        except GoldcopyError:
            return


class WritesAgain(WritingSession):
    async def write(self, group: Sequence[Item]) -> None:
        await super().write(group)
        await super().write(group)


class WritesOther(WritingSession):
    async def write(self, group: Sequence[Item]) -> None:
        await super().write([msgspec.structs.replace(i, path="axis/2/limit") for i in group])


class Forgets(WritingSession):
    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        return [[item] for item in items[:-1]]


class Wired(ToyDriver):
    """A right connection under a wrong session."""

    def __init__(self, session: type[ToySession]) -> None:
        self.session = session  # type: ignore[misc]


class Writing(FullDriver):
    def __init__(self, writing: type[WritingSession]) -> None:
        self.writing = writing  # type: ignore[misc]


class Writes(ToyDriver):
    """Leaves a mark in the controller."""

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[ToySession]:
        async with connect(target, ToyFramer(), meter, writing=True) as exchange:
            session = ToySession(exchange.ask_all, meter)
            await session._log_in(target)  # noqa: SLF001
            await session._ask(b"S", b"axis/1/limit\0i\0\0\3\xe8")  # noqa: SLF001
            yield session


class Connects(ToyDriver):
    """Looks first whether anybody is there."""

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[ToySession]:
        async with connect(target, ToyFramer(), meter), super().open(target, meter) as session:
            yield session


class TwoVisits(ToyDriver):
    """Identifies over a connection of its own, and goes on without where that is lost."""

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[ToySession]:
        identity = Identity()
        with suppress(GoldcopyError):
            async with super().open(target, meter) as session:
                identity = await session.identify()

        async def known() -> Identity:
            return identity

        async with super().open(target, meter) as session:
            session.identify = known  # type: ignore[method-assign]
            yield session


class Impolite(ToyDriver):
    """Takes the window for a hint."""

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[ToySession]:
        courtesy = msgspec.structs.replace(target.courtesy, window=5)
        async with super().open(replace(target, courtesy=courtesy), meter) as session:
            yield session


class Nervous(ToyDriver):
    """Has a task that it does not end."""

    tasks: ClassVar[list[asyncio.Task[None]]] = []

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[ToySession]:
        self.tasks.append(asyncio.create_task(asyncio.sleep(30)))
        async with super().open(target, meter) as session:
            yield session


class LaxOptions(msgspec.Struct):
    pass


class Lax(ToyDriver):
    Options: ClassVar[type[msgspec.Struct]] = LaxOptions


class RaisesAlone(ToyDriver):
    """Has a task whose error nobody takes."""

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[ToySession]:
        async with super().open(target, meter) as session:
            session.task = asyncio.create_task(session._ask(b"N", b""))  # type: ignore[attr-defined]  # noqa: SLF001
            yield session
