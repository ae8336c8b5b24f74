"""Modbus TCP: whole ranges and named registers, files, queues and identification.

What a newcomer should read, in this order: ``options`` and ``register`` are what the inventory
may say, ``plan`` and ``spans`` turn that into the fewest requests, ``reader`` reads an area around
what is refused, ``items`` and ``codec`` make values of it; ``identity`` asks who the device is,
``link`` keeps the one connection, ``pdu`` and ``framer`` are the bytes. The way back: ``writer``
makes requests of what ``put`` finds the places for, ``encode`` makes registers of values,
``writes`` has the bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

import msgspec

from goldcopy.driver import Capability, Meter, Target
from goldcopy_modbus.link import Link
from goldcopy_modbus.options import Options
from goldcopy_modbus.session import ModbusSession
from goldcopy_modbus.writer import ModbusWriter

__all__ = ["ModbusDriver", "ModbusSession", "ModbusWriter", "Options"]


class ModbusDriver:
    """Modbus TCP devices, and those behind a gateway."""

    name: ClassVar[str] = "modbus"
    title: ClassVar[str] = "Modbus TCP"
    port: ClassVar[int] = 502
    Options: ClassVar[type[msgspec.Struct]] = Options
    capabilities: ClassVar[Sequence[Capability]] = (
        Capability("coils, discrete inputs, input and holding registers (FC 1-4)", "done"),
        Capability("named registers: type, byte order, scale, bit, unit, limits", "done"),
        Capability("identification (FC 43/14, FC 17)", "done"),
        Capability("files (FC 20) and FIFO queues (FC 24)", "done"),
        Capability(
            "values of one moment",
            "partial",
            "what one request holds is of one moment; the standard has no way to freeze more",
        ),
        Capability(
            "writing coils, holding registers and files (FC 5, 6, 15, 16, 21)",
            "partial",
            "a text longer than one request is not written in one moment",
        ),
        Capability(
            "writing some bits of a register (FC 22)",
            "partial",
            "of one register, where the device has it: list 22 in write_functions",
        ),
        Capability("RTU over TCP, TLS, serial lines", "planned", "needs framers of their own"),
        Capability("SunSpec models", "planned", "until then, name the registers"),
        Capability(
            "cheap proof that nothing changed", "impossible", "the standard has no change counter"
        ),
        Capability(
            "the register map itself",
            "impossible",
            "a device cannot tell it; take it from its manual into the inventory",
        ),
        Capability(
            "programs",
            "impossible",
            "the standard has no service for them; vendors' own (UMAS, function 90) are not spoken",
        ),
    )

    @asynccontextmanager
    async def open(self, target: Target, meter: Meter) -> AsyncIterator[ModbusSession]:
        """Connect; there is no login. Raises ``Unreachable``, ``Refused``, ``Wrong``."""
        options = target.options_as(Options)
        async with Link(target, meter, options.unit_id) as link:
            yield ModbusSession(link, options)

    @asynccontextmanager
    async def open_writing(self, target: Target, meter: Meter) -> AsyncIterator[ModbusWriter]:
        """As ``open``, for a restore."""
        options = target.options_as(Options)
        async with Link(target, meter, options.unit_id, writing=True) as link:
            yield ModbusWriter(link, options)
