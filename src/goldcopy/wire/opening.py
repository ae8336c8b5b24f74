"""A connection to a controller, from opening it to its socket being closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from goldcopy.driver import Meter, Target
from goldcopy.errors import Refused, Unreachable, in_words
from goldcopy.wire.contract import Framer, Recorder
from goldcopy.wire.exchange import Exchange


@asynccontextmanager
async def connect(
    target: Target,
    framer: Framer,
    meter: Meter,
    *,
    writing: bool = False,
    recorder: Recorder | None = None,
) -> AsyncIterator[Exchange]:
    """Open an exchange with a controller; the socket is closed when the context is left.

    Raises ``Unreachable`` if nothing answers at the address within the target's time limit or the
    port is closed, ``Refused`` if this computer may not connect there.
    """
    exchange = Exchange(
        framer,
        timeout=target.timeout,
        courtesy=target.courtesy,
        meter=meter,
        writing=writing,
        recorder=recorder,
    )
    try:
        await _open(exchange, target)
        yield exchange
    finally:
        exchange.end(Unreachable("the session has ended"))
        await exchange.closed()


async def _open(exchange: Exchange, target: Target) -> None:
    where = f"{target.host}:{target.port}"
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(target.timeout):
            await loop.create_connection(lambda: exchange, target.host, target.port)
    except TimeoutError:
        raise Unreachable(
            f"no connection to {where} within {target.timeout:g} s; check address, cable, firewall"
        ) from None
    except PermissionError as error:
        raise Refused(f"this computer may not connect to {where} ({error.strerror})") from None
    except OSError as error:
        raise Unreachable(f"no connection to {where} ({in_words(error)})") from None
