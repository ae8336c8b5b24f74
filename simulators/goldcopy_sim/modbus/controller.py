"""A Modbus controller without its network: a request PDU goes in, a reply PDU comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import unpack_from
from typing import ClassVar, TypedDict

from goldcopy_sim.mishap import Mishap
from goldcopy_sim.service import Faulty, Service

from . import files, identity, memory
from .faults import FAULTS
from .spec import MAX_READ_REGISTERS, ExceptionCode, Function, Refusal, exception_reply
from .tables import Unit

Handler = Callable[[Unit, bytes], bytes]

ALL_FUNCTIONS = frozenset[int](Function)

_HANDLERS: Mapping[int, Handler] = {
    Function.READ_COILS: memory.read_coils,
    Function.READ_DISCRETE_INPUTS: memory.read_discrete_inputs,
    Function.READ_HOLDING_REGISTERS: memory.read_holding_registers,
    Function.READ_INPUT_REGISTERS: memory.read_input_registers,
    Function.WRITE_SINGLE_COIL: memory.write_single_coil,
    Function.WRITE_SINGLE_REGISTER: memory.write_single_register,
    Function.WRITE_MULTIPLE_COILS: memory.write_multiple_coils,
    Function.WRITE_MULTIPLE_REGISTERS: memory.write_multiple_registers,
    Function.READ_FILE_RECORD: files.read_file_record,
    Function.WRITE_FILE_RECORD: files.write_file_record,
    Function.MASK_WRITE_REGISTER: memory.mask_write_register,
    Function.READ_WRITE_REGISTERS: memory.read_write_registers,
    Function.READ_FIFO_QUEUE: memory.read_fifo_queue,
}
_LIMITED = frozenset[int](
    {
        Function.READ_HOLDING_REGISTERS,
        Function.READ_INPUT_REGISTERS,
        Function.WRITE_MULTIPLE_REGISTERS,
        Function.READ_WRITE_REGISTERS,
    }
)


class Habits(TypedDict, total=False):
    """What a controller can be told besides its memory."""

    functions: frozenset[int]
    identity: Mapping[int, bytes] | None
    server_id: bytes | None
    mute: frozenset[int]
    refuse: Mapping[int, int] | None
    max_registers: int
    over_limit: int
    unknown_unit: int | None
    fault: str | None
    delay: float
    max_connections: int | None


class Controller(Faulty):
    """Several units behind one address, with the habits of one device.

    Args:
        units: the memory behind each unit identifier.
        functions: the function codes that exist; any other is exception 1.
        identity: device identification objects by id; None and function 43 does not exist.
        server_id: what function 17 tells after its byte count; None and it does not exist.
        mute: function codes that get no answer at all, and are not carried out.
        refuse: function code -> the exception code that refuses it.
        max_registers: the device's own limit for one request, where it is below the standard's.
        over_limit: the exception code for a request above it; devices answer 2 or 3.
        unknown_unit: the exception code for a unit that is not there; None is silence.
        fault: one of ``FAULTS``; may be set and unset while it runs.
        delay: seconds from a request to its reply, for each independently of the others: true
            latency, not service time. The event loop rounds up to about a millisecond.
        max_connections: one more connection closes the oldest that is not in mid-exchange, and
            is itself refused if all are.

    Raises:
        ValueError: nothing could be answered that way on the wire, or an unknown fault.
    """

    FAULTS: ClassVar[Mapping[str, str]] = FAULTS

    def __init__(
        self,
        units: Mapping[int, Unit],
        *,
        functions: frozenset[int] = ALL_FUNCTIONS,
        identity: Mapping[int, bytes] | None = None,
        server_id: bytes | None = None,
        mute: frozenset[int] = frozenset(),
        refuse: Mapping[int, int] | None = None,
        max_registers: int = MAX_READ_REGISTERS,
        over_limit: int = ExceptionCode.ILLEGAL_DATA_VALUE,
        unknown_unit: int | None = ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND,
        fault: str | None = None,
        delay: float = 0.0,
        max_connections: int | None = None,
    ) -> None:
        _check(units, functions, identity, server_id)
        self.units = units
        self.functions = functions
        self.identity = identity
        self.server_id = server_id
        self.mute = mute
        self.refuse = dict(refuse or {})
        self.max_registers = max_registers
        self.over_limit = over_limit
        self.unknown_unit = unknown_unit
        self.fault = fault
        self.mishap: Mishap | None = None
        """What goes wrong with one writing request."""
        self.delay = delay
        self.max_connections = max_connections
        self.log: list[Service] = []

    def answer(self, unit_id: int, pdu: bytes) -> bytes | None:
        """Carry out one request; None means that nothing is answered."""
        unit = self.units.get(unit_id)
        if unit is None:
            code = self.unknown_unit
            return None if code is None else exception_reply(pdu[0], code)
        if pdu[0] in self.mute:
            return None
        try:
            return self._serve(unit, pdu)
        except Refusal as refusal:
            return exception_reply(pdu[0], refusal.code)

    def _serve(self, unit: Unit, pdu: bytes) -> bytes:
        function = pdu[0]
        if function not in self.functions:
            raise Refusal(ExceptionCode.ILLEGAL_FUNCTION)
        if function in self.refuse:
            raise Refusal(self.refuse[function])
        if function in _LIMITED and len(pdu) >= 5:
            (count,) = unpack_from(">H", pdu, 3)
            if self.max_registers < count <= MAX_READ_REGISTERS:
                raise Refusal(self.over_limit)
        if function in _HANDLERS:
            return _HANDLERS[function](unit, pdu)
        if function == Function.ENCAPSULATED_INTERFACE and self.identity is not None:
            return identity.read_device_identification(self.identity, pdu)
        if function == Function.REPORT_SERVER_ID and self.server_id is not None:
            return identity.report_server_id(self.server_id, pdu)
        raise Refusal(ExceptionCode.ILLEGAL_FUNCTION)


def _check(
    units: Mapping[int, Unit],
    functions: frozenset[int],
    objects: Mapping[int, bytes] | None,
    server_id: bytes | None,
) -> None:
    if not units or any(not 0 <= unit <= 0xFF for unit in units):
        raise ValueError("a controller has one unit at least, and unit identifiers are 0..255")
    if not functions <= ALL_FUNCTIONS:
        raise ValueError(f"functions {sorted(functions - ALL_FUNCTIONS)} are not simulated")
    if len(server_id or b"") > identity.MAX_SERVER_ID:
        raise ValueError(f"a server id is {identity.MAX_SERVER_ID} bytes at most")
    identity.check_objects(objects or {})
