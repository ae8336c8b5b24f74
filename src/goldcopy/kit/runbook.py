"""The runbook of one device: a page that prints on A4, made of its own gold copy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import jinja2

from goldcopy.gold.judgement import Judgement
from goldcopy.inventory import Device
from goldcopy.kit.made import Made
from goldcopy.kit.ways import Ways
from goldcopy.report.text import value_of
from goldcopy.snapshot import Snapshot
from goldcopy.snapshot.values import plain

MOST: Final = 2000
"""Values in one table; more than fifty pages of paper help nobody."""
_FOLDER: Final = Path(__file__).parent


class Subject(NamedTuple):
    """One device in a kit, and what is known of it."""

    device: Device
    snapshot: Snapshot
    """The gold copy, or what is nearest to one."""
    taken: datetime
    judgement: Judgement
    ways: Ways
    bring: Sequence[str]
    """Files that the inventory names and that are not in the kit."""


def runbook(subject: Subject, kit: Made, *, sealed: bool) -> str:
    """The whole page. A device chooses names and values, so all text is escaped.

    Args:
        subject: the device.
        kit: in which the page is.
        sealed: whether it takes the reader's key.
    """
    device, snapshot, taken, judgement, ways, bring = subject
    candidate = judgement.gold
    identity = snapshot.identity
    return templates().get_template("runbook.html.j2").render(
        device=device,
        snapshot=snapshot,
        taken=moment(taken),
        gold=judgement.valid is not None,
        why=judgement.why or judgement.state,
        signed=candidate.statement if candidate else None,
        approved=", ".join(one.by for one in candidate.approvals) if candidate else "",
        until=moment(candidate.statement.until) if candidate else "",
        identity=[
            (name.replace("_", " "), getattr(identity, name))
            for name in identity.__struct_fields__
        ],
        ways=ways,
        bring=bring,
        sealed=sealed,
        kit=kit,
        most=MOST,
    )  # fmt: skip


def templates() -> jinja2.Environment:
    """Where the texts of a kit come from; HTML is escaped, and plain text is not."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=jinja2.select_autoescape(("html.j2",)),
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["value"] = value_of
    return environment


def _shown(value: object) -> object:
    return plain(value) if type(value) is str else value


def moment(when: datetime) -> str:
    """A time as people on site read it."""
    return f"{when.astimezone():%Y-%m-%d %H:%M}"
