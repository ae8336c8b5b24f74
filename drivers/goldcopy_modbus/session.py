"""An open link to one Modbus device: who it is, and all that its options ask for."""

from __future__ import annotations

from goldcopy.driver import Reading
from goldcopy.snapshot import Gap, Identity, Item
from goldcopy_modbus import identity, pdu
from goldcopy_modbus.items import named
from goldcopy_modbus.link import Link
from goldcopy_modbus.options import Options
from goldcopy_modbus.plan import tasks
from goldcopy_modbus.reader import Reader


class ModbusSession:
    """Reads one device. Its plan is made before anything is asked."""

    def __init__(self, link: Link, options: Options) -> None:
        self._link = link
        self._options = options
        self._tasks = tasks(options)
        self._nameplate: identity.Nameplate | None = None
        self._steps = sum(len(task.requests) for task in self._tasks) + len(options.fifo)
        link.meter.total = link.meter.done + len(options.probes) + self._steps

    async def identify(self) -> Identity:
        """Vendor, product, order code, firmware and name, as far as the device tells them."""
        listed = not isinstance(self._options.identify, bool)
        self._nameplate = await identity.ask(self._link, self._options.probes, expected=listed)
        return self._nameplate.identity

    async def read(self) -> Reading:
        """What the options ask for, and what the device says of itself beyond its identity."""
        if self._nameplate is None:
            await self.identify()
        assert self._nameplate is not None
        self._link.meter.total = self._link.meter.done + self._steps
        items, gaps = [*self._nameplate.items], [*self._nameplate.gaps]
        for task in self._tasks:
            content = await Reader(self._link, task).read()
            items += content.items
            gaps += content.gaps()
            for register in task.named:
                _sort_in(named(register, content, self._options.order), items, gaps)
        for address in sorted(self._options.fifo):
            _sort_in(await self._queue(address), items, gaps)
        return Reading(items, gaps)

    async def _queue(self, address: int) -> Item | Gap:
        """A FIFO queue: live values, so its role is process."""
        path = f"fifo/{address}"
        (reply,) = await self._link.ask_all([pdu.read_fifo_queue(address)])
        self._link.meter.done += 1
        refusal = pdu.refusal(reply)
        if refusal is None:
            values = pdu.fifo_queue(reply)
            type_ = f"ARRAY[{len(values)}] OF WORD"
            return Item(path, "tag", type_, values, "process", address=path)
        refusal.raise_if_not_now()
        return Gap(path, f"function 24 (read FIFO queue): {refusal}")


def _sort_in(one: Item | Gap, items: list[Item], gaps: list[Gap]) -> None:
    if isinstance(one, Item):
        items.append(one)
    else:
        gaps.append(one)
