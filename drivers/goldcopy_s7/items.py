"""Blocks as items: the whole block, its header and footer leaf by leaf.

A data block's upload holds actual values too, which change at run time and which no time stamp
covers. So of a data block the frame is kept, which is the block without its body; its values are
``db/N``, read anew in every pull. ``block.whole`` puts the two together again.
"""

from __future__ import annotations

from goldcopy.snapshot import Access, Item, Snapshot, Value
from goldcopy_s7.block import LANGUAGES, About, Block, Key


def about_items(key: Key, about: About) -> list[Item]:
    """Header and footer, which a block info tells too."""
    leaves: dict[str, tuple[str, Value]] = {
        "language": ("STRING", LANGUAGES.get(about.language, str(about.language))),
        "flags": ("BYTE", about.flags),
        "security": ("DWORD", about.security),
        "load-size": ("UDINT", about.load_size),
        "body-size": ("UINT", about.body_size),
        "interface-size": ("UINT", about.interface_size),
        "attributes-size": ("UINT", about.extra_size),
        "local-data": ("UINT", about.local_data),
        "code-time": ("DATE_AND_TIME", about.code_time),
        "interface-time": ("DATE_AND_TIME", about.interface_time),
        "author": ("STRING", about.author),
        "family": ("STRING", about.family),
        "name": ("STRING", about.name),
        "version": ("STRING", f"{about.version >> 4}.{about.version & 0x0F}"),
        "checksum": ("WORD", about.checksum),
    }
    return [
        Item(f"{path_of(key)}/{name}", "block", kind, value)
        for name, (kind, value) in leaves.items()
    ]


def block_item(key: Key, block: Block, *, loads: bool) -> Item:
    """What only an upload tells; ``loads`` if a restore may download blocks."""
    return _item(key, block.frame if key.type == "DB" else block.image, loads)


def carried_item(key: Key, about: About, previous: Snapshot, *, loads: bool) -> Item | None:
    """What an upload would tell, out of ``previous``; None unless the block is unchanged."""
    held = previous.by_path
    content = held.get(path_of(key))
    if not about.is_token or content is None:
        return None
    for leaf in about_items(key, about):
        if leaf.path not in held or held[leaf.path].value != leaf.value:
            return None
    return _item(key, content.value, loads)


def path_of(key: Key) -> str:
    """``block/OB1``."""
    return f"block/{key}"


def _item(key: Key, content: Value, loads: bool) -> Item:
    path = path_of(key)
    if key.type == "DB":
        label = f"without its values, which are db/{key.number}"
        return Item(path, "block", "BYTES", content, label=label, address=path)
    access: Access = "read-write" if loads else "read"
    return Item(path, "block", "BYTES", content, access=access, address=path)
