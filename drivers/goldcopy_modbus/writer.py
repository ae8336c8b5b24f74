"""Writing coils, holding registers and file records back. Nothing is sent twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from goldcopy.errors import GoldcopyError, Malformed, Refused, Unreachable
from goldcopy.snapshot import Item
from goldcopy_modbus import pdu, writes
from goldcopy_modbus.link import Link
from goldcopy_modbus.options import Options
from goldcopy_modbus.put import WHOLE, Places, Put
from goldcopy_modbus.refusal import Refusal
from goldcopy_modbus.session import ModbusSession

_UNDECIDED = (5, 10, 11)
"""Exceptions after which a request may still be carried out: acknowledge, and those of a gateway
that has passed it on (7)."""


class ModbusWriter(ModbusSession):
    """An open link to one device, for writing too."""

    def __init__(self, link: Link, options: Options) -> None:
        super().__init__(link, options)
        self._places = Places(options)
        self._functions = frozenset[int](options.write_functions)

    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        """Neighbours in one area together, up to what one request carries and never over a hole."""
        return [run for run, _ in self._runs(items)]

    async def write(self, group: Sequence[Item]) -> None:
        """Write one group, in one request if ``groups`` made it.

        A text longer than a request takes several, one after the other, and may be half written
        where one fails. Raises ``Unsupported``, ``Wrong`` and ``Refused`` before anything is sent;
        ``Refused`` also if the device refuses it, and what the link raises.
        """
        asked: list[tuple[Put, writes.Request]] = []
        for _, put in self._runs(group):
            if isinstance(put, GoldcopyError):
                raise put
            asked += [(put, request) for request in self._requests(put)]
        for put, request in asked:
            await self._acknowledged(request, f"{put.area}/{put.span}")

    # -- which requests --------------------------------------------------------------------------

    def _runs(self, items: Sequence[Item]) -> list[tuple[list[Item], Put | GoldcopyError]]:
        """Runs of items that one request carries, each with where they go or why they cannot."""
        runs: list[tuple[list[Item], Put | GoldcopyError]] = []
        for item in items:
            try:
                put = self._places.put(item)
            except GoldcopyError as error:
                runs.append(([item], error))
                continue
            run, last = runs[-1] if runs else ([], None)
            both = self._joined(last, put) if isinstance(last, Put) else None
            if both is None:
                runs.append(([item], put))
            else:
                run.append(item)
                runs[-1] = run, both
        return runs

    def _joined(self, one: Put, other: Put) -> Put | None:
        if 22 not in self._functions and WHOLE not in (one.own, other.own):
            return None
        return one.joined(other, self._most(one.area))

    def _most(self, area: str) -> int:
        """Addresses in one request."""
        if area == "coil":
            return min(self._options.max_bits, writes.MOST_COILS) if 15 in self._functions else 1
        if area == "holding":
            most = min(self._options.max_registers, writes.MOST_REGISTERS)
            return most if 16 in self._functions else 1
        return writes.MOST_RECORDS

    def _requests(self, put: Put) -> Iterator[writes.Request]:
        most = self._most(put.area)
        if put.number and len(put.values) > most:
            raise Refused(
                f"{put.area}/{put.span} is one number, and a request carries {most} registers: "
                "half of it would be another number; nothing was written"
            )
        for at in range(0, len(put.values), most):
            yield self._request(put, put.start + at, put.values[at : at + most])

    def _request(self, put: Put, start: int, values: Sequence[int]) -> writes.Request:
        if put.own != WHOLE:
            self._require((22,), put, "other bits of the register could change meanwhile")
            return writes.mask(start, put.own, values[0])
        if put.area.startswith("file/"):
            self._require((21,), put, "nothing else writes a file")
            return writes.file_records(int(put.area.removeprefix("file/")), start, values)
        single, many = (5, 15) if put.area == "coil" else (6, 16)
        self._require((single, many), put, "nothing else writes it")
        if len(values) == 1 and single in self._functions:
            one = writes.coil if put.area == "coil" else writes.register
            return one(start, values[0])
        return (writes.coils if put.area == "coil" else writes.registers)(start, values)

    def _require(self, functions: Sequence[int], put: Put, why: str) -> None:
        if self._functions.isdisjoint(functions):
            names = " or ".join(map(str, functions))
            raise Refused(
                f"{put.area}/{put.span} takes function {names} ({why}): if the device has it, list "
                "it in options.write_functions; nothing was written"
            )

    # -- sending ---------------------------------------------------------------------------------

    async def _acknowledged(self, request: writes.Request, where: str) -> None:
        """Send one request; return once the device has echoed it."""
        (reply,) = await self._link.ask_all([request.pdu])
        what = f"function {request.pdu[0]} on {where}"
        refusal = pdu.refusal(reply)
        if refusal is not None:
            if refusal.code in _UNDECIDED:
                raise Unreachable(
                    f"{what} was answered: {refusal}; only reading back tells whether it is written"
                )
            hint = _hint(refusal, request.pdu[0])
            raise Refused(f"the device does not carry out {what}: {refusal}{hint}")
        if reply != request.echo:
            error = Malformed(f"{what} was answered with {reply[:12].hex(' ')}, not with its echo")
            self._link.end(error)
            raise error


def _hint(refusal: Refusal, function: int) -> str:
    if refusal.no_such_function:
        return f"; leave {function} out of options.write_functions"
    if refusal.may_be_a_part and function in (15, 16):
        limit = "max_bits" if function == 15 else "max_registers"
        return f"; if it takes fewer in one request, lower options.{limit}"
    return ""
