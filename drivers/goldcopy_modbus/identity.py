"""Who the controller is: device identification (function 43/14) and server id (function 17).

Both are optional. What has no field in the identity becomes an item. Clause numbers are those of
the Modbus Application Protocol Specification V1.1b3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from goldcopy.snapshot import Gap, Identity, Item
from goldcopy_modbus import pdu
from goldcopy_modbus.link import Link, NoAnswer
from goldcopy_modbus.options import Probe
from goldcopy_modbus.refusal import Refusal

_EXTENDED, _REGULAR, _BASIC = 3, 2, 1
"""Categories of objects (6.21), each with those below it."""

_OBJECTS = {
    0x00: "VendorName",
    0x01: "ProductCode",
    0x02: "MajorMinorRevision",
    0x03: "VendorUrl",
    0x04: "ProductName",
    0x05: "ModelName",
    0x06: "UserApplicationName",
}
"""Names that 6.21 gives to object ids; from 0x80 on they are the vendor's own."""

_FIELDS = {"vendor": (0,), "order_code": (1,), "firmware": (2,), "product": (4, 5), "name": (6,)}
"""Each field of the identity, and the objects that may fill it: the first that has text does."""

_SOURCES: Mapping[Probe, tuple[str, str]] = {
    "fc43": ("device", "function 43/14 (read device identification)"),
    "fc17": ("device/ServerId", "function 17 (report server ID)"),
}


class Nameplate(NamedTuple):
    """What the controller says of itself."""

    identity: Identity
    items: list[Item]
    gaps: list[Gap]


class _Lacking(Exception):
    """The controller says that it does not have this."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


async def ask(link: Link, probes: Sequence[Probe], *, expected: bool) -> Nameplate:
    """Ask for the identification in such a way that a controller without it is still read.

    ``expected``: the inventory lists the functions, so that the lack of one is a gap. Silence is a
    gap in any case, since nobody knows what was to be said. Raises ``Malformed``, ``Unreachable``.
    """
    objects: dict[int, bytes] = {}
    items: list[Item] = []
    gaps: list[Gap] = []
    for probe in probes:
        path, function = _SOURCES[probe]
        try:
            if probe == "fc43":
                objects = await _objects(link)
            else:
                reply = await _answer(link, pdu.report_server_id())
                raw = pdu.server_id(reply)  # each vendor's own: even where the text begins is
                items.append(Item(path, "parameter", "BYTES", raw, "diagnostic", address=probe))
        except _Lacking as lack:
            if expected:
                gaps.append(Gap(path, f"{function}: {lack.refusal}; leave {probe} out of identify"))
        except NoAnswer as silence:
            hint = f"if the device does not have it, leave {probe} out of identify"
            gaps.append(Gap(path, f"{function}: {silence}; {hint}"))
        link.meter.done += 1
    fields, rest = _sorted_out(objects)
    items += [_item(number, raw) for number, raw in rest.items()]
    return Nameplate(Identity(**fields), items, gaps)


async def _answer(link: Link, request: bytes) -> bytes:
    reply = await link.probe(request)
    refusal = pdu.refusal(reply)
    if refusal is not None:
        refusal.raise_if_not_now()
        raise _Lacking(refusal)
    return reply


async def _objects(link: Link) -> dict[int, bytes]:
    """All objects there are. A device may refuse a category that it does not know."""
    objects: dict[int, bytes] = {}
    for category in (_EXTENDED, _REGULAR, _BASIC):
        try:
            objects |= await _category(link, category)
        except _Lacking as lack:
            if not lack.refusal.of_a_value or (category == _BASIC and not objects):
                raise
        if 0 in objects:  # a basic one: this category has brought those below it along
            break
    return objects


async def _category(link: Link, category: int) -> dict[int, bytes]:
    """The objects of one category, in as many replies as the controller takes for it."""
    objects: dict[int, bytes] = {}
    first: int | None = 0
    while first is not None:
        try:
            reply = await _answer(link, pdu.read_device_identification(category, first))
        except _Lacking as lack:
            if first == 0:
                raise
            raise NoAnswer(f"it breaks off at object {first}: {lack.refusal}") from None
        page = pdu.device_identification(reply)
        if any(number in objects for number, _ in page.objects) or not _goes_on(page, first):
            raise NoAnswer(f"it does not go on after object {first}, and would never end")
        objects.update(page.objects)
        first = page.following
    return objects


def _goes_on(page: pdu.Page, first: int) -> bool:
    return page.following is None or page.following > first


def _sorted_out(objects: Mapping[int, bytes]) -> tuple[dict[str, str], dict[int, bytes]]:
    """The fields of the identity, and the objects that fill none."""
    fields: dict[str, str] = {}
    rest = dict(sorted(objects.items()))
    for field, numbers in _FIELDS.items():
        for number in numbers:
            if field not in fields and (text := _text(rest.get(number, b""))):
                fields[field] = text
                del rest[number]
    return fields, rest


def _text(raw: bytes) -> str:
    """What these bytes say, without NULs and blanks around it; "" if they are no text."""
    try:
        text = raw.decode().strip("\0 ")
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() else ""


def _item(number: int, raw: bytes) -> Item:
    """An object. The vendor's own may count hours or tell a state: they are no settings."""
    text = _text(raw)
    is_text = bool(text) or not raw
    return Item(
        f"device/{_OBJECTS.get(number, f'0x{number:02X}')}",
        "parameter",
        "STRING" if is_text else "BYTES",
        text if is_text else raw,
        "setting" if number in _OBJECTS else "diagnostic",
        address=f"fc43/{number}",
    )
