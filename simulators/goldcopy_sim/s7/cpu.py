"""The CPU itself, without a network: blocks, memory, operating mode, clock, protection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final, NamedTuple, TypedDict

from goldcopy_sim.mishap import Mishap
from goldcopy_sim.service import Faulty, Service, Value

from .block import SYSTEM, Block, Key, Kind, body_of
from .faults import FAULTS

I_AREA, Q_AREA, M_AREA, DB_AREA, C_AREA, T_AREA = 0x81, 0x82, 0x83, 0x84, 0x1C, 0x1D
AREAS: Final[Mapping[str, tuple[int, int]]] = {
    "i": (I_AREA, 128),
    "q": (Q_AREA, 128),
    "m": (M_AREA, 256),
    "t": (T_AREA, 2 * 256),
    "c": (C_AREA, 2 * 256),
}
"""Name -> (area code of the protocol, bytes if nothing else is said)."""

STARTED, STOPPED_BY_SERVICE, POWER_ON = 0x4302, 0x4304, 0x1381
"""Event ids of the diagnostic buffer."""


class Refusal(Exception):
    """The CPU says no: class and code in one word, as the protocol tables print it."""

    def __init__(self, code: int, detail: bytes = b"") -> None:
        super().__init__(f"{code:#06x}")
        self.code, self.detail = code, detail


COORDINATION: Final = 0xD240
PROTECTED: Final = 0xD241
NOT_FOUND: Final = 0xD209
NONE_AVAILABLE: Final = 0xD20E
WRONG_LENGTHS: Final = 0xD219
BROKEN_BLOCK: Final = 0xD230
WRONG_MODE: Final = 0x8001
BAD_SEQUENCE: Final = 0x8401
CANNOT: Final = 0x8404
BAD_FRAME: Final = 0x8500
NOT_IMPLEMENTED: Final = 0x8104
NO_RESOURCES: Final = 0x8302
NO_MORE_UPLOADS: Final = 0x8304


@dataclass(frozen=True)
class Identity:
    """What the CPU tells about itself."""

    order_code: str = "6ES7 315-2EH14-0AB0"
    hardware: int = 5
    firmware: tuple[int, int, int] = (3, 2, 6)
    system: str = "SIMATIC 300 Station"
    module: str = "CPU 315-2 PN/DP"
    plant: str = ""
    copyright: str = "Original Siemens Equipment"
    serial: str = "S C-C2UR28922012"
    module_type: str = "CPU 315-2 PN/DP"
    memory_card: str = "MMC 4B1F2C90"
    location: str = ""


class Event(NamedTuple):
    """One entry of the diagnostic buffer."""

    code: int
    when: datetime


class Options(TypedDict, total=False):
    """What a simulated CPU can be told besides its content."""

    fault: str | None
    identity: Identity
    protection: int
    password: str | None
    running: bool
    load_in_run: bool
    rack: int
    slot: int
    pdu: int
    amq: int
    max_connections: int
    delay: float
    classic: bool
    put_get: bool
    optimized: Iterable[int]


class Cpu(Faulty):
    """State and rules of one CPU. What was asked of it is in ``log``."""

    FAULTS: ClassVar[Mapping[str, str]] = FAULTS

    def __init__(
        self,
        *,
        blocks: Iterable[Block] = (),
        memory: Mapping[str, bytes] | None = None,
        identity: Identity | None = None,
        protection: int = 1,
        password: str | None = None,
        running: bool = True,
        load_in_run: bool = False,
        rack: int = 0,
        slot: int = 2,
        pdu: int = 480,
        amq: int = 8,
        max_connections: int = 32,
        delay: float = 0.0,
        classic: bool = True,
        put_get: bool = True,
        optimized: Iterable[int] = (),
        fault: str | None = None,
    ) -> None:
        """Set one up.

        Args:
            blocks: Its program; SFC and SFB are listed only.
            memory: Content of the areas i, q, m, t, c; the length given is the length served.
            identity: What it says it is.
            protection: 1 none, 2 no writing, 3 no reading or writing of blocks.
            password: Lifts the protection, for one connection.
            running: RUN or STOP.
            load_in_run: Whether it takes blocks in RUN too, as with its selector at RUN-P.
            rack: Where a connection must ask for it.
            slot: Likewise.
            pdu: Largest PDU it grants, in bytes.
            amq: Most parallel jobs it grants.
            max_connections: A connection more is refused.
            delay: Seconds before each reply; replies to pipelined jobs wait side by side.
            classic: False is an S7-1200/1500: variables, some status lists, no block services.
            put_get: False refuses reading and writing, as an S7-1200/1500 does by default.
            optimized: Data blocks without absolute addresses (S7-1200/1500).
            fault: Misbehaviour to start with.
        """
        self.log: list[Service] = []
        self.violations: list[str] = []
        """Where a client broke the protocol or what was agreed at connection."""
        self.identity = identity or Identity()
        self.protection, self.password = protection, password
        self.rack, self.slot = rack, slot
        self.pdu, self.amq, self.max_connections = pdu, amq, max_connections
        self.delay = delay
        self.classic, self.put_get, self.optimized = classic, put_get, frozenset(optimized)
        self.fault = fault
        self.mishap: Mishap | None = None
        """What goes wrong with one job that writes or one step of a download, or with one value:
        an item of a write var job, or a block that is linked in."""
        self.running, self.load_in_run = running, load_in_run
        self.clock_offset = timedelta()
        self.upload_ids = 0
        self.images: dict[Key, bytearray] = {}
        """Every linked block, whole."""
        self.keeps_transfer = 0.0
        """Seconds for which a download whose connection has ended keeps all others out."""
        self.kept_until = 0.0
        """Until when one does, by the monotonic clock."""
        self.passive: dict[Key, bytes] = {}
        """Blocks that were downloaded and not linked yet."""
        self.data: dict[int, memoryview] = {}
        """Actual values by DB number: windows into ``images``."""
        given = dict(memory or {})
        if unknown := given.keys() - AREAS.keys():
            raise ValueError(f"no area is called {', '.join(sorted(unknown))}")
        self.areas = {
            code: memoryview(bytearray(given.get(name, bytes(size))))
            for name, (code, size) in AREAS.items()
        }
        for block in blocks:
            self.insert(Key(block.kind, block.number), block.pack())
        self.events = [Event(POWER_ON, self.now())]
        self.events.append(Event(STARTED if running else STOPPED_BY_SERVICE, self.now()))

    def now(self) -> datetime:
        """The CPU's own clock."""
        return datetime.now() + self.clock_offset

    def insert(self, key: Key, image: bytes) -> None:
        """Link a block in; the values of a data block become what the block brings."""
        self.images[key] = stored = bytearray(image)
        if key.kind is Kind.DB:
            self.data[key.number] = body_of(stored)

    def delete(self, key: Key) -> None:
        """Remove a linked block."""
        del self.images[key]
        if key.kind is Kind.DB:
            del self.data[key.number]

    def numbers(self, kind: Kind) -> list[int]:
        """Linked blocks of one type, as they came in: a real CPU does not sort them either."""
        return [key.number for key in self.images if key.kind is kind]

    def switch(self, running: bool) -> None:
        """Change the operating mode and leave a trace in the diagnostic buffer."""
        self.running = running
        self.events.append(Event(STARTED if running else STOPPED_BY_SERVICE, self.now()))

    def values(self) -> Mapping[str, tuple[str, Value]]:
        """All it holds: memory areas, data blocks' actual values, whole blocks."""
        held: dict[str, tuple[str, Value]] = {
            name: ("BYTES", bytes(self.areas[code])) for name, (code, _) in AREAS.items()
        }
        for number in sorted(self.data):
            held[f"db/{number}"] = "BYTES", bytes(self.data[number])
        for key in sorted(self.images):
            if key.kind not in SYSTEM:
                held[f"block/{key}"] = "BYTES", bytes(self.images[key])
        return held

    def change(self, address: str, value: Value) -> None:
        """Poke bytes: ``m/10``, ``db/5/12``; or replace a block: ``block/FC3``.

        Raises:
            ValueError: The value is not bytes, or does not fit.
            LookupError: There is no such memory.
        """
        if not isinstance(value, bytes):
            raise ValueError(f"{address} takes bytes, not {type(value).__name__}")
        area, *rest = address.split("/")
        if area == "block":
            block = Block.parse(value)
            if str(block) != rest[0]:
                raise ValueError(f"these are the bytes of {block}, not of {rest[0]}")
            self.insert(Key(block.kind, block.number), value)
            return
        memory = self.data[int(rest.pop(0))] if area == "db" else self.areas[AREAS[area][0]]
        offset = int(rest[0]) if rest else 0
        if offset + len(value) > len(memory):
            raise ValueError(f"{address} has no room for {len(value)} bytes")
        memory[offset : offset + len(value)] = value
