"""The key ``recovery``: what a recovery team needs to know of a device beside its values."""

from __future__ import annotations

import msgspec

from goldcopy.errors import Wrong
from goldcopy.inventory.document import Node
from goldcopy.inventory.fields import Fields, each
from goldcopy.inventory.mistakes import Gathered
from goldcopy.inventory.scalars import text


class Recovery(msgspec.Struct, frozen=True):
    """What is printed in the device's runbook, as it was written."""

    project: str = ""
    """Which project file, in which tool, holds its program."""
    reset: tuple[str, ...] = ()
    """What is to be done at the device, step by step, before values can be put back."""
    contacts: tuple[str, ...] = ()
    spares: tuple[str, ...] = ()


def recovery(node: Node, mistakes: Gathered, base: Recovery) -> Recovery:
    """Read ``{project: TEXT, reset: [TEXT], contacts: [TEXT], spares: [TEXT]}``.

    What is not said is as in ``base``.
    """
    fields = Fields(node, mistakes, "recovery")
    found = Recovery(
        project=fields.take("project", text, base.project),
        reset=fields.take("reset", _texts, base.reset),
        contacts=fields.take("contacts", _texts, base.contacts),
        spares=fields.take("spares", _texts, base.spares),
    )
    fields.close()
    return found


def _texts(node: Node) -> tuple[str, ...]:
    parts = each(node)
    if not parts:
        raise Wrong("is an empty list; fill it in, or drop the line")
    return tuple(map(text, parts))
