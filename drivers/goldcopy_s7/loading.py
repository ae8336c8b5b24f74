"""Which blocks may be loaded into which CPU. Whatever is in doubt is refused before it is sent."""

from __future__ import annotations

import re

from goldcopy.errors import GoldcopyError, Refused, Unsupported, Wrong
from goldcopy.snapshot import Item
from goldcopy_s7 import block, identity
from goldcopy_s7.block import LANGUAGES, SYSTEM, TYPES, Block, Key
from goldcopy_s7.download import download
from goldcopy_s7.link import Link
from goldcopy_s7.options import Options, Szl

_PATH = re.compile(r"block/([A-Z]+)(\d{1,5})")
_PLAIN_CPU = re.compile(r"6ES7 \d{3}-\d[A-EGI-Z]")
"""No F-CPU, and no S7-400H, which can run fail-safe programs too."""
_NOTHING = "nothing was written"


def key_of(path: str) -> Key | None:
    """The block that a path names; None if it names none."""
    found = _PATH.fullmatch(path)
    if found is None or found[1] not in TYPES or int(found[2]) > 0xFFFF:
        return None
    return Key(found[1], int(found[2]))


async def load(link: Link, options: Options, key: Key, item: Item) -> None:
    """Download what the item holds, if this block may be, and this CPU may have it now.

    Raises ``Unsupported``, ``Wrong``, ``Refused``, and as ``download``.
    """
    if not options.download:
        raise Wrong(f"{item.path}: blocks are loaded only with options.download: true; {_NOTHING}")
    wanted = _checked(key, item)
    await _check_cpu(link, options, item.path)
    try:
        await download(link, key, wanted)
    except GoldcopyError as error:
        raise type(error)(f"{item.path}: {error}") from None


def _checked(key: Key, item: Item) -> Block:
    """The block, taken apart."""
    if key.type == "DB":
        raise Unsupported(
            f"{item.path}: of a data block the values are written, as db/{key.number}; a data "
            f"block that is not there must be loaded by the engineering tool; {_NOTHING}"
        )
    if key.type in SYSTEM:
        raise Unsupported(f"{item.path} is part of the operating system; {_NOTHING}")
    if not isinstance(item.value, bytes):
        raise Wrong(f"{item.path}: its content is not at hand; {_NOTHING}")
    try:
        found = block.from_upload(key, item.value)
    except Refused as why:
        raise Wrong(f"{item.path}: this is not the whole block: {why}; {_NOTHING}") from None
    about = found.about
    if about.language not in LANGUAGES or about.family.upper().startswith("F_"):
        raise Unsupported(
            f"{item.path} is, or may be, a fail-safe block (language {about.language}, family "
            f"{about.family!r}): only the engineering tool may load it; {_NOTHING}"
        )
    return found


async def _check_cpu(link: Link, options: Options, path: str) -> None:
    """What the CPU says of itself now, just before."""
    who = identity.Found()
    wanted = Szl(order=options.szl.order, names=False, mode=options.szl.mode, protection=False)
    await who.read(link, wanted)
    code, mode = who.identity.order_code, who.identity.mode
    if not _PLAIN_CPU.match(code):
        what = "is an F-CPU" if identity.F_CPU.match(code) else "may be an F-CPU"
        raise Unsupported(
            f"{path}: the CPU {what} (order code {code or 'not told'}), and blocks are loaded into "
            f"no such one; {_NOTHING}"
        )
    if mode != "STOP" and not options.download_in_run:
        raise Refused(
            f"{path}: the CPU is in {mode or 'an unknown mode'}: switch it to STOP, or set "
            f"options.download_in_run; {_NOTHING}"
        )
