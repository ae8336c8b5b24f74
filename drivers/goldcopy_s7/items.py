"""Blocks as items: the whole block, its header and footer leaf by leaf.

A data block's upload holds actual values too, which change at run time. So the whole of it is kept
but not compared (``diagnostic``); compared are header, footer and interface. Its values are
``db/N``, read anew in every pull.
"""

from __future__ import annotations

from collections.abc import Iterator

from goldcopy.snapshot import Item, Role, Snapshot, Value
from goldcopy_s7.block import LANGUAGES, About, Block, Key

_AS_UPLOADED = "values as of the upload"


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


def block_items(key: Key, block: Block) -> list[Item]:
    """What only an upload tells."""
    contents = (block.image, block.interface)
    return [
        _item(key, *part, content) for part, content in zip(_parts(key), contents, strict=False)
    ]


def carried_items(key: Key, about: About, previous: Snapshot) -> list[Item]:
    """What an upload would tell, out of ``previous``; nothing unless the block is unchanged."""
    held = previous.by_path
    if not about.is_token:
        return []
    for leaf in about_items(key, about):
        if leaf.path not in held or held[leaf.path].value != leaf.value:
            return []
    parts = list(_parts(key))
    if any(path not in held for path, _ in parts):
        return []
    return [_item(key, path, role, held[path].value) for path, role in parts]


def path_of(key: Key) -> str:
    """``block/OB1``."""
    return f"block/{key}"


def _parts(key: Key) -> Iterator[tuple[str, Role]]:
    """What is kept of an upload: path and role."""
    if key.type == "DB":
        yield path_of(key), "diagnostic"
        yield f"{path_of(key)}/interface", "setting"
    else:
        yield path_of(key), "setting"


def _item(key: Key, path: str, role: Role, content: Value) -> Item:
    label = _AS_UPLOADED if role == "diagnostic" else ""
    return Item(path, "block", "BYTES", content, role=role, label=label, address=path_of(key))
