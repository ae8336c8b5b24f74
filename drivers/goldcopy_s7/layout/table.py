"""A table of members as CSV: one DB a file.

Two forms are met. In the *listed* one, every row has its whole name (``Motor.Speed``,
``Axis[2].Pos``) and its offset in the DB; rows for the structures and arrays themselves may be
there or not. In the *nested* one (the declaration view of STEP 7 V5) a row STRUCT opens a structure
and a row END_STRUCT closes it, and ``+`` offsets count from its start.

A table says where it thinks each member is. That is kept, and compared with what follows from the
types, since one of the two may be of another version of the DB.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from goldcopy_s7.layout.cells import Row, rows
from goldcopy_s7.layout.declared import Block, Place, key_of
from goldcopy_s7.layout.listed import listed
from goldcopy_s7.layout.nested import nested

_NUMBERED = re.compile(r"DB[ _-]?(\d{1,5})\b", re.ASCII | re.IGNORECASE)


def parse(text: str, file: str) -> list[Block]:
    """The one DB of a table, named after its file. Raises ``Wrong`` for a bad row."""
    found = rows(text, file)
    if not found:
        raise Place(file, 1).wrong("the table has headings but no row", "export the DB again")
    form = nested if any(row.type.upper() == "END_STRUCT" for row in found) else listed
    body, told = form(found)
    number = _number(found, file)
    title = PurePath(file).stem if number is None else f"DB {number}"
    return [Block("DATA_BLOCK", key_of(title), title, body, Place(file, 1), tuple(told))]


def _number(found: list[Row], file: str) -> int | None:
    """The DB's number, from the addresses or from the file's name."""
    first: int | None = None
    for row in found:
        db = row.offset.db if row.offset else None
        if first is not None and db is not None and db != first:
            raise row.at.wrong(f"an address of DB{db} among those of DB{first}", "one DB, one file")
        first = db if first is None else first
    if first is None and (match := _NUMBERED.match(PurePath(file).stem)):
        return int(match[1])
    return first
