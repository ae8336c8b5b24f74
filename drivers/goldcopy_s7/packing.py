"""Writing data blocks: what one write-var request carries, and the return codes of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from goldcopy.errors import Malformed, Refused
from goldcopy_s7.frames import WRITE_VAR
from goldcopy_s7.memory import OPTIMIZED
from goldcopy_s7.pdu import Job, Reply
from goldcopy_s7.refusal import item_words
from goldcopy_s7.variables import ITEM, MOST_ITEMS, VALUE, Run, bit_item, item

_HEAD = 12  # PDU header 10, function, count
_EACH = ITEM.size + VALUE.size
_OK = 0xFF


class Patch(NamedTuple):
    """Bytes of a data block to be written, or one bit."""

    number: int
    start: int
    content: bytes
    """Of a bit one byte, 0 or 1."""
    bit: int | None = None
    paths: tuple[str, ...] = ()
    """The items that it has a part of."""

    @property
    def end(self) -> int:
        """The byte behind."""
        return self.start + len(self.content)

    def touches(self, other: Patch) -> bool:
        """Whether both write the same bit: then their order counts."""
        apart = self.bit is not None and other.bit is not None and self.bit != other.bit
        meets = self.start < other.end and other.start < self.end
        return self.number == other.number and meets and not apart


def folded(patches: Iterable[Patch | None]) -> list[Patch | None]:
    """Eight bits in a row that make up a byte become that byte: one variable in place of eight."""
    found: list[Patch | None] = []
    for patch in patches:
        found.append(patch)
        byte = _byte([bit for bit in found[-8:] if bit is not None])
        if byte is not None:
            found[-8:] = [byte]
    return found


def bundled(patches: Sequence[Patch], patch: Patch, pdu: int) -> list[Patch] | None:
    """Patches of one request with one more; None if it must go in another.

    No request writes a bit two times: nobody says in which order a CPU takes its variables.
    """
    if any(patch.touches(other) for other in patches):
        return None
    together = _joined([*patches, patch])
    return together if len(together) <= MOST_ITEMS and _size(together) <= pdu else None


def requests(patches: Iterable[Patch], pdu: int) -> list[list[Patch]]:
    """The patches in their order, in as few requests as that allows."""
    room = pdu - _HEAD - _EACH
    found: list[list[Patch]] = []
    for whole in filter(None, folded(patches)):
        for at in range(0, len(whole.content), room):
            content = whole.content[at : at + room]
            patch = whole._replace(start=whole.start + at, content=content)
            together = bundled(found[-1], patch, pdu) if found else None
            if together is None:
                found.append([patch])
            else:
                found[-1] = together
    return found


def job(patches: Sequence[Patch]) -> Job:
    """The write-var request for these patches."""
    pointers = b"".join(map(_pointer, patches))
    values = [_value(patch) for patch in patches]
    padded = [value + b"\0" if len(value) & 1 else value for value in values[:-1]]
    return Job(bytes((WRITE_VAR, len(patches))) + pointers, b"".join([*padded, values[-1]]))


def check(reply: Reply, patches: Sequence[Patch]) -> None:
    """Raise ``Refused`` with the path of each patch that was not written."""
    if reply.parameter != bytes((WRITE_VAR, len(patches))) or len(reply.data) != len(patches):
        raise Malformed(
            f"{len(patches)} variables were written, {reply.parameter.hex()} and "
            f"{len(reply.data)} return codes answer"
        )
    answers = list(zip(patches, reply.data, strict=True))
    refused = [
        f"{', '.join(patch.paths)}: not written: {item_words(code)}"
        for patch, code in answers
        if code != _OK
    ]
    if refused:
        done = [path for patch, code in answers if code == _OK for path in patch.paths]
        rest = f"; of the same request, {len(done)} were written" if done else ""
        raise Refused(f"{'; '.join(refused)}; {OPTIMIZED}{rest}")


def _byte(bits: Sequence[Patch]) -> Patch | None:
    """The byte of which these are all eight bits, in their order; None if they are not."""
    if [patch.bit for patch in bits] != [*range(8)]:
        return None
    if len({(patch.number, patch.start) for patch in bits}) > 1:
        return None
    content = sum(patch.content[0] << n for n, patch in enumerate(bits))
    paths = tuple(path for patch in bits for path in patch.paths)
    return Patch(bits[0].number, bits[0].start, bytes((content,)), None, paths)


def _joined(patches: Iterable[Patch]) -> list[Patch]:
    """Bytes that lie side by side become one variable."""
    found: list[Patch] = []
    for patch in sorted(patches, key=lambda one: (one.number, one.start, one.bit or 0)):
        last = found[-1] if found else None
        if (
            last is not None
            and (last.number, last.end, last.bit) == (patch.number, patch.start, None)
            and patch.bit is None
        ):
            content, paths = last.content + patch.content, last.paths + patch.paths
            found[-1] = last._replace(content=content, paths=paths)
        else:
            found.append(patch)
    return found


def _size(patches: Sequence[Patch]) -> int:
    sizes = [len(patch.content) for patch in patches]
    padding = sum(size & 1 for size in sizes[:-1])
    return _HEAD + _EACH * len(sizes) + sum(sizes) + padding


def _pointer(patch: Patch) -> bytes:
    if patch.bit is not None:
        return bit_item(patch.number, patch.start * 8 + patch.bit)
    return item(Run("DB", patch.number, patch.start, len(patch.content)))


def _value(patch: Patch) -> bytes:
    kind, length = (0x04, len(patch.content) * 8) if patch.bit is None else (0x03, 1)
    return VALUE.pack(0, kind, length) + patch.content
