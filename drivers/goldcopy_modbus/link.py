"""The one connection to a controller, opened anew where a probe was met with silence."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Self

from goldcopy.driver import Meter, Target
from goldcopy.errors import GoldcopyError, Unreachable
from goldcopy.wire import Exchange, connect
from goldcopy_modbus.framer import MbapFramer, framed, unframed

PROBE_SECONDS = 1.0
"""For a function that the controller may not have: some are silent on those they do not know."""


class NoAnswer(Exception):
    """A probe was not answered, or not to the end. Anything else can still be read."""


class Link:
    """Asks one unit. Never has two connections at once."""

    def __init__(self, target: Target, meter: Meter, unit: int, *, writing: bool = False) -> None:
        self.meter = meter
        self.patience = min(target.timeout, PROBE_SECONDS)
        """Seconds that a probe waits."""
        self._target = target
        self._unit = unit
        self._writing = writing
        self._stack = AsyncExitStack()
        self._exchange: Exchange | None = None
        self._transaction = 0

    async def __aenter__(self) -> Self:
        await self._connected()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._close()

    async def ask_all(self, pdus: Sequence[bytes]) -> list[bytes]:
        """The replies to these requests, in their order; raises as ``Exchange.ask_all``."""
        exchange = await self._connected()
        return [unframed(frame) for frame in await exchange.ask_all([*map(self._framed, pdus)])]

    def end(self, why: GoldcopyError) -> None:
        """Nothing more over this connection: what came over it cannot be trusted."""
        if self._exchange is not None:
            self._exchange.end(why)

    async def probe(self, pdu: bytes) -> bytes:
        """The reply to a request that the controller may not know.

        Raises ``NoAnswer`` if none comes; what follows then goes over a new connection, on which no
        late reply to this one can arrive.
        """
        exchange = await self._connected()
        try:
            async with asyncio.timeout(self.patience):
                return unframed(await exchange.ask(self._framed(pdu)))
        except TimeoutError:
            await self._close()
            raise NoAnswer(f"no answer within {self.patience:g} s") from None
        except Unreachable:
            await self._close()
            raise NoAnswer("it closed the connection instead of an answer") from None

    def _framed(self, pdu: bytes) -> bytes:
        self._transaction = self._transaction + 1 & 0xFFFF
        return framed(self._transaction, self._unit, pdu)

    async def _connected(self) -> Exchange:
        if self._exchange is None:
            opening = connect(self._target, MbapFramer(), self.meter, writing=self._writing)
            self._exchange = await self._stack.enter_async_context(opening)
        return self._exchange

    async def _close(self) -> None:
        self._exchange = None
        await self._stack.aclose()
