"""System status lists (SZL): what the CPU says about itself.

An id is a form (all records 0, one record by index 1, header alone F, others by list) and the
number of a list. A reply is id, index, record length, record count, then the records.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Final

from . import clock
from .block import Kind
from .cpu import C_AREA, I_AREA, M_AREA, Q_AREA, T_AREA, Cpu, Event, Refusal

UNKNOWN_ID, UNKNOWN_INDEX = 0xD401, 0xD402
_HEAD: Final = struct.Struct(">HHHH")
_RUN, _STOP = 0x08, 0x04
_EVERY_EVENT: Final = 10
"""Events that the buffer is read with when the index of 01A0 is 0."""

Records = list[bytes]


def read(cpu: Cpu, szl: int, index: int) -> bytes:
    """The whole reply, before it is cut to fit PDUs.

    Raises:
        Refusal: There is no such list, or no such index in it.
    """
    if szl not in LISTS or not (cpu.classic or szl in _NOT_CLASSIC):
        raise Refusal(UNKNOWN_ID)
    records = LISTS[szl](cpu, index)
    if not records:
        raise Refusal(UNKNOWN_INDEX)
    header_only = szl >> 8 == 0x0F
    count = len(records) + (cpu.fault == "szl-lie")
    head = _HEAD.pack(szl, index, len(records[0]), count)
    return head if header_only else head + b"".join(records)


def _ids(cpu: Cpu, index: int) -> Records:
    served = LISTS if cpu.classic else _NOT_CLASSIC
    return [struct.pack(">H", szl) for szl in sorted(served)]


def _module(cpu: Cpu, index: int) -> Records:
    """11: module, basic hardware, basic firmware."""
    who = cpu.identity
    code = who.order_code.encode("latin-1").ljust(20)[:20]
    major, minor, patch = who.firmware
    record = struct.Struct(">H20sHHH")
    return [
        record.pack(1, code, 0x00C0, who.hardware, 1),
        record.pack(6, code, 0x00C0, who.hardware, 1),
        record.pack(7, b" " * 20, 0x00C0, ord("V") << 8 | major, minor << 8 | patch),
    ]


def _characteristics(cpu: Cpu, index: int) -> Records:
    """12: groups of features; an S7-300 that speaks MC7, with a retentive clock."""
    return [struct.pack(">H", code) for code in (0x0001, 0x0002, 0x0101, 0x0104, 0x0201, 0x0305)]


def _memories(cpu: Cpu, index: int) -> Records:
    """13: work memory and load memory."""
    used = sum(map(len, cpu.images.values()))
    record = struct.Struct(">HHIHHIII12x")

    def row(index: int, code: int, mode: int, size: int) -> bytes:
        return record.pack(index, code, size, mode, 0, size, min(used, size), max(size - used, 0))

    return [row(1, 1, 1, 0x60000), row(3, 2, 2, 0x800000)]


def _areas(cpu: Cpu, index: int) -> Records:
    """14: sizes of the system areas: bytes, counters and timers in numbers."""
    sizes = [len(cpu.areas[code]) for code in (I_AREA, Q_AREA, M_AREA)]
    sizes += [len(cpu.areas[code]) // 2 for code in (T_AREA, C_AREA)]
    return [struct.pack(">HHHH", at, 1, size, 0) for at, size in enumerate(sizes, start=1)]


def _block_types(cpu: Cpu, index: int) -> Records:
    """15: most blocks of each type, and their largest size in kilobytes."""
    kinds = (Kind.OB, Kind.DB, Kind.SDB, Kind.FC, Kind.FB)
    return [struct.pack(">HHHI", kind.subtype << 8, 1024, 64, 0x10000) for kind in kinds]


def _leds(cpu: Cpu, index: int) -> Records:
    """74 and 19: number, on, blinking."""
    lit = {4: cpu.running, 5: not cpu.running}
    numbers = (1, 4, 5, 6, 11, 12, 21)  # SF RUN STOP FRCE BUS1F BUS2F MAINT
    return [struct.pack(">HBB", number, lit.get(number, False), 0) for number in numbers]


def _components(cpu: Cpu, index: int) -> Records:
    """1C: names and numbers, each record 2 + 32 bytes."""
    who = cpu.identity
    texts = {
        1: who.system,
        2: who.module,
        3: who.plant,
        4: who.copyright,
        5: who.serial,
        7: who.module_type,
        8: who.memory_card,
        11: who.location,
    }
    records = {at: text.encode("latin-1")[:32].ljust(32, b"\0") for at, text in texts.items()}
    records[9] = struct.pack(">HHH", 0x002A, 0xF600, 1).ljust(32, b"\0")  # manufacturer, profile
    records[10] = bytes(32)
    return [struct.pack(">H", at) + records[at] for at in sorted(records)]


def _communication(cpu: Cpu, index: int) -> Records:
    """0131 index 1: PDU, connections, data rates."""
    record = struct.pack(">HHHII", 1, cpu.pdu, cpu.max_connections, 187500, 0).ljust(40, b"\0")
    return [record] if index == 1 else []


def _status(cpu: Cpu, index: int) -> Records:
    """0132: 1 connections in use, 4 protection."""
    if index == 1:
        return [struct.pack(">HHHHH", 1, 1, 1, 1, 0).ljust(40, b"\0")]
    return _protection(cpu, index)


def _protection(cpu: Cpu, index: int) -> Records:
    """0232 index 4: level by mode selector, by parameter, in force; selector, last startup."""
    if index != 4:
        return []
    parameter = cpu.protection if cpu.password is not None else 0
    selector = 1  # RUN
    head = struct.pack(">HHHHHH", 4, 1, parameter, cpu.protection, selector, 2)
    return [(head + bytes(4) + b"VV").ljust(40, b"\0")]


def _mode(cpu: Cpu, index: int) -> Records:
    """0424: event of the last transition, operating mode, when."""
    last = cpu.events[-1]
    mode = _RUN if cpu.running else _STOP
    return [struct.pack(">HBB8x", last.code, 0xFF, mode) + clock.encode(last.when)]


def _buffer(cpu: Cpu, index: int) -> Records:
    """00A0: the diagnostic buffer, newest first."""
    return [_event(event) for event in reversed(cpu.events)]


def _newest(cpu: Cpu, index: int) -> Records:
    """01A0: as many of the newest entries as the index says."""
    return _buffer(cpu, 0)[: index or _EVERY_EVENT]


def _event(event: Event) -> bytes:
    """Event id, priority class, OB, reserved, three pieces of extra information, when."""
    return struct.pack(">HBBHHI", event.code, 0xFF, 0x68, 0, 0, 0) + clock.encode(event.when)


def _by_index(table: Callable[[Cpu, int], Records]) -> Callable[[Cpu, int], Records]:
    def found(cpu: Cpu, index: int) -> Records:
        wanted = struct.pack(">H", index)
        return [record for record in table(cpu, 0) if record[:2] == wanted]

    return found


def _lists() -> dict[int, Callable[[Cpu, int], Records]]:
    tables = {
        0x11: _module,
        0x12: _characteristics,
        0x13: _memories,
        0x14: _areas,
        0x15: _block_types,
        0x19: _leds,
        0x1C: _components,
        0x74: _leds,
    }
    found: dict[int, Callable[[Cpu, int], Records]] = {
        0x0000: _ids,
        0x0F00: _ids,
        0x0131: _communication,
        0x0132: _status,
        0x0232: _protection,
        0x0424: _mode,
        0x00A0: _buffer,
        0x01A0: _newest,
        0x0FA0: _buffer,
    }
    for number, table in tables.items():
        found[number] = found[0x0F00 | number] = table
        found[0x0100 | number] = _by_index(table)
    return found


LISTS: Final[Mapping[int, Callable[[Cpu, int], Records]]] = _lists()
_NOT_CLASSIC: Final = frozenset({0x0000, 0x0011, 0x0111, 0x001C, 0x011C, 0x0131, 0x0424})
"""What an S7-1200/1500 still tells this way."""
