"""Putting tags back: by name, many in a packet, each acknowledged, none ever sent twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from goldcopy.errors import GoldcopyError, Malformed, Refused, Unreachable, Wrong
from goldcopy.snapshot import Item
from goldcopy.snapshot.values import array_of
from goldcopy_enip import guard, identity, reading, requests
from goldcopy_enip.encode import Place, place
from goldcopy_enip.epath import symbol
from goldcopy_enip.logix import LogixSession
from goldcopy_enip.messages import Reply, request
from goldcopy_enip.reading import Want
from goldcopy_enip.status import PARTIAL, TOO_LARGE, raise_if_not_now, words
from goldcopy_enip.types import ATOMS, DWORD, SINT

_ONE = b"\1\0"
_STRUCTURE = b"\xa0\x02"
_PROGRAMMING = ("PROG", "REMOTE PROG")
_TEXT, _NUMBER = 100, 10
"""Bytes of a reply that tells a type with one value: a string of the usual kind, any number."""


class LogixWriter(LogixSession):
    """A session that may write tags.

    A tag, a member, a string or an array that fits in a packet is written in one service. A longer
    array goes in parts: the controller's program may run between two of them, and a connection
    that is lost leaves it half written. Of several items in one packet each is written by itself.
    Bits are set by read-modify-write: others in their word stay what they are.
    """

    def groups(self, items: Sequence[Item]) -> Sequence[Sequence[Item]]:
        """As many items as one packet carries; what needs more than one is a group of its own.

        A string type for more than 82 characters is known once it is asked for its size: the group
        of such a string may then take a packet more.
        """
        link = self._link
        return requests.groups(items, self._cost, link.size, multiple=link.multiple)

    def _cost(self, item: Item) -> int:
        """Of an item that cannot be written, more than there is room for."""
        try:
            check(item)
            return requests.cost(item, place(item))
        except GoldcopyError:
            return self._link.size

    async def write(self, group: Sequence[Item]) -> None:
        """Write the items of one group, in their order.

        Raises ``Refused`` for what may not be written, and in any mode but programming unless
        ``options.write_in_run`` is set; ``Wrong`` for a value that is not of the tag's type.
        """
        for item in group:
            check(item)
        await self._may_be_written()
        asked = [(item, one) for item, several in await self._asked(group) for one in several]
        packets = requests.packets(self._link.size, [one for _, one in asked])
        if not self._link.multiple:
            packets = [[one] for _, one in asked]
        at = 0
        for packet in packets:
            items = [item for item, _ in asked[at : at + len(packet)]]
            begun = at and asked[at - 1][0] is items[0]
            try:
                (replies,) = await self._link.ask_packed([packet])
                acknowledged(list(zip(items, replies, strict=True)))
            except GoldcopyError as error:
                if begun:
                    raise _half(items[0], error) from None
                raise
            at += len(packet)

    async def _may_be_written(self) -> None:
        """Ask each time: somebody may have turned the key since."""
        if self._options.write_in_run:
            return
        mode = (await identity.read(self._link, logix=False)).identity.mode
        if mode not in _PROGRAMMING:
            raise Refused(
                f"the controller is in {mode or 'an unknown mode'}: turn it to PROG, or set "
                "options.write_in_run; nothing of this was written"
            )

    async def _asked(self, group: Sequence[Item]) -> list[tuple[Item, list[bytes]]]:
        """The services for each item; what they depend on is what the controller tells now."""
        places = [place(item) for item in group]
        types = await self._types(group, places)
        several = list(zip(group, places, types, strict=True))
        texts = [(item, where.path) for item, where, kind in several if _is_text(item, kind)]
        await self._have_room(texts)
        bits = [(item, where.path) for item, where, kind in several if _is_bits(item, where, kind)]
        held = await self._held(bits)
        room = self._link.size
        return [
            (item, list(_services(item, where, kind, held.get(item.path, b""), room)))
            for item, where, kind in several
        ]

    async def _types(self, group: Sequence[Item], places: Sequence[Place]) -> list[bytes]:
        """The type of each, and one value: a structure as long as it is, if it fits in a packet."""
        asked = [request(guard.READ, one.path, _ONE) for one in places]
        sizes = [_TEXT if item.type == "STRING" else _NUMBER for item in group]
        replies = await self._link.ask_each(asked, sizes.__getitem__)
        for at, one in enumerate(replies):
            if one.status in (PARTIAL, TOO_LARGE):  # others have taken the packet's room
                replies[at] = await self._link.ask(guard.READ, places[at].path, _ONE)
        told = list(zip(group, replies, strict=True))
        acknowledged(told, (0, PARTIAL))
        for item, reply in told:
            if reply.status and _is_text(item, reply.data):
                raise Wrong(f"{item.path} does not fit in a packet; give options.size more")
        return [reply.data for reply in replies]

    async def _have_room(self, texts: Sequence[tuple[Item, bytes]]) -> None:
        """Raises ``Wrong`` unless DATA has as many characters: the structure may be padded."""
        lengths = [max(1, len(_latin(item))) for item, _ in texts]
        asked = [
            request(guard.READ, path + symbol("DATA"), length.to_bytes(2, "little"))
            for (_, path), length in zip(texts, lengths, strict=True)
        ]
        replies = await self._link.ask_each(asked, lambda at: 2 + lengths[at])
        for (item, _), length, reply in zip(texts, lengths, replies, strict=True):
            if reply.status not in (0, PARTIAL) or reply.data[:2] != bytes((SINT.code, 0)):
                why = words(reply.status)
                raise Wrong(f"{item.path} has no room for {length} characters: {why}")

    async def _held(self, bits: Sequence[tuple[Item, bytes]]) -> dict[str, bytes]:
        """Arrays of BOOL as they are now, by path."""
        wants = [_bits_wanted(item, path) for item, path in bits]
        await reading.read(self._link, wants)
        for (item, _), want in zip(bits, wants, strict=True):
            if want.why:
                why = want.why
                raise Wrong(f"{item.path}: its bits cannot be read before they are written: {why}")
        return {item.path: want.data for (item, _), want in zip(bits, wants, strict=True)}


def _is_text(item: Item, kind: bytes) -> bool:
    return kind[:2] == _STRUCTURE and item.type == "STRING" and isinstance(item.value, str)


def _is_bits(item: Item, where: Place, kind: bytes) -> bool:
    """Whether it is a whole array of BOOL, which the controller holds as words of 32."""
    array = array_of(item.type)
    whole = array is not None and array[1] == "BOOL" and where.bit < 0 and where.at < 0
    return whole and kind[:2] == bytes((DWORD.code, 0))


def _bits_wanted(item: Item, path: bytes) -> Want:
    array = array_of(item.type)
    count = array[0] // 32 if array else 0
    return Want(path, bytes((DWORD.code, 0)), DWORD.size, (count,), count)


def _latin(item: Item) -> bytes:
    """The characters of a text. Raises ``Wrong`` for others than a controller has."""
    value = str(item.value)
    text = value.encode("latin-1", "replace")
    if text.decode("latin-1") != value:
        raise Wrong(f"{item.path} holds characters of Latin-1 only")
    return text


def _services(item: Item, where: Place, kind: bytes, held: bytes, room: int) -> Iterator[bytes]:
    """What writes an item, given its type with one value, and its bits. Raises ``Wrong``."""
    if _is_text(item, kind):
        text = _latin(item)
        content = len(text).to_bytes(4, "little") + text.ljust(len(kind) - 8, b"\0")
        return requests.whole(where.path, kind[:4], content, 1, room)
    array = array_of(item.type)
    atom = ATOMS.get(kind[0]) if len(kind) > 1 and not kind[1] else None
    if atom is not None and (where.bit >= 0 or where.at >= 0):
        return iter([requests.bit(where, atom, item)])
    if _is_bits(item, where, kind):
        return requests.bits(where.path, held, item)
    if atom is None or atom.name != (array[1] if array else item.type):
        raise Wrong(f"{item.path} is {item.type}, and the controller's tag is of another type")
    return requests.values(where.path, atom, item, room)


def _half(item: Item, error: GoldcopyError) -> GoldcopyError:
    """The same, of an item that goes in parts and has some of them."""
    kind = next((one for one in (Unreachable, Malformed) if isinstance(error, one)), Refused)
    return kind(
        f"{item.path} is half written: it goes in parts, and after some of them: {error}; write it "
        "again before the machine runs"
    )


def check(item: Item) -> None:
    """Raises ``Refused`` for what a restore does not write."""
    if item.access != "read-write" or item.role != "setting":
        raise Refused(
            f"{item.path} is not to be written: it is an alias, an input or output, a live value, "
            "or its External Access is not Read/Write"
        )


def acknowledged(replies: Sequence[tuple[Item, Reply]], good: Sequence[int] = (0,)) -> None:
    """Raises ``Refused`` and says which items, if the controller has refused any of them."""
    refused = [(item, reply) for item, reply in replies if reply.status not in good]
    for _, reply in refused:
        raise_if_not_now(reply.status, reply.extended)
    if refused:
        several = (f"{item.path}: {words(one.status, one.extended)}" for item, one in refused)
        raise Refused("; ".join(several))
