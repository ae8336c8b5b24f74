"""One pull of a Logix controller: identity, tag database, values, and whether it held still."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from goldcopy.driver import Reading
from goldcopy.errors import Malformed
from goldcopy.snapshot import Gap, Identity, Item, Snapshot
from goldcopy_enip import identity, listing, templates, unlisted
from goldcopy_enip.carried import blobs_of, content_of
from goldcopy_enip.database import Database
from goldcopy_enip.link import MICRO800, Link
from goldcopy_enip.named import parsed
from goldcopy_enip.options import Options
from goldcopy_enip.values import Values

_SYMBOLS, _VERSION = "database/symbols", "database/version"
_AUDIT, _MASK = "database/audit", "database/audit-mask"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Database).decode


class Tokens(NamedTuple):
    """What moves when somebody edits: the program, or the tag database."""

    version: tuple[int, ...]
    audit: tuple[int, ...]

    def items(self) -> list[Item]:
        """The version is among what is told of the database."""
        if not self.audit:
            return []
        value, mask = self.audit
        label = "moves when the logic is edited, and with all else that the mask has it count"
        return [
            Item(_AUDIT, "parameter", "LWORD", value, role="diagnostic", label=label),
            Item(_MASK, "parameter", "LWORD", mask),
        ]


class LogixSession:
    """An open link to one controller, for reading only."""

    def __init__(self, link: Link, options: Options) -> None:
        self._link = link
        self._options = options
        self._who: identity.Found | None = None
        self._audited = True
        """Whether the controller tells its audit value, as far as is known."""

    async def identify(self) -> Identity:
        """What the controller says of itself."""
        return (await self._known()).identity

    async def read(self) -> Reading:
        """All tags, and the definitions of their structures."""
        return await self._pull(None)

    async def read_since(self, previous: Snapshot) -> Reading:
        """As ``read``; tags and templates are not listed again if their version is as it was.

        Values are always read: the version does not cover them.
        """
        return await self._pull(previous)

    async def _known(self) -> identity.Found:
        if self._who is None:
            self._who = await identity.read(self._link, logix=True)
            if self._who.identity.product.startswith(MICRO800.decode()):
                self._link.multiple = False
        return self._who

    async def _pull(self, previous: Snapshot | None) -> Reading:
        who = await self._known()
        if self._options.tags:
            return await self._named(who)
        for _ in range(2):
            before = await self._tokens()
            reading = await self._once(who, before, previous)
            if await self._tokens() == before:
                return reading
            previous = None
        raise Malformed(
            "the program or its tags changed while they were read, twice: somebody edits or "
            "downloads; nothing of it is kept, pull again when that is over"
        )

    async def _tokens(self) -> Tokens:
        version = await listing.version(self._link)
        audit = await listing.audit(self._link) if self._audited else ()
        self._audited = bool(audit)
        return Tokens(version, audit)

    async def _once(self, who: identity.Found, now: Tokens, previous: Snapshot | None) -> Reading:
        meter = self._link.meter
        meter.total += 1
        known = await self._reused(who.identity, now, previous) if previous else None
        database, why = (known, {}) if known else await listing.database(self._link, now.version)
        meter.done += 1
        found, gaps = await self._values(database, why)
        items = [*who.items, *now.items(), *about(database), *found]
        if known is None or previous is None:
            items.append(_kept(database))
            return _unique(Reading(items, gaps))
        kept = previous.by_path[_SYMBOLS]
        blobs = blobs_of(kept, _encode(database))
        return _unique(Reading([*items, kept], gaps, [_SYMBOLS], blobs))

    async def _values(
        self, database: Database, why: dict[int, str]
    ) -> tuple[list[Item], list[Gap]]:
        values = Values(self._link, database)
        values.unread |= why
        found = await values.read()
        return found.items, [*found.gaps, *_unread(database, values.unread)]

    async def _named(self, who: identity.Found) -> Reading:
        """Tags that the options name, of a target that lists none."""
        database, gaps = await unlisted.database(self._link, parsed(self._options.tags))
        items, more = await self._values(database, {})
        return Reading([*who.items, *items], [*gaps, *more])

    async def _reused(self, who: Identity, now: Tokens, previous: Snapshot) -> Database | None:
        """The tag database of the previous snapshot, if nothing says that it is another."""
        before = previous.identity
        if not now.version or (who.product, who.serial, who.firmware) != (
            before.product, before.serial, before.firmware
        ):  # fmt: skip
            return None
        audit = previous.by_path.get(_AUDIT)
        if now.audit[:1] != ((audit.value,) if audit else ()):
            return None
        database = _taken(previous)
        if database is None or database.version != now.version:
            return None
        return database if await listing.same_handles(self._link, database.templates) else None


def about(database: Database) -> list[Item]:
    """Names of programs, routines and tasks, the version, the definitions of structures."""
    items = [
        _names("programs", database.programs),
        _names("tasks", database.tasks),
        *(_names(f"routines/{name}", own) for name, own in database.routines.items()),
    ]
    if database.version:
        kind = f"ARRAY[{len(database.version)}] OF DWORD"
        items.append(Item(_VERSION, "parameter", kind, database.version, role="diagnostic"))
    titles = Counter(one.name.lower() for one in database.templates.values())
    for number, one in database.templates.items():
        twin = titles[one.name.lower()] > 1
        name = f"{one.name}~{number:x}" if twin else one.name
        definition = templates.text(one, database.templates)
        items.append(Item(f"type/{name}", "block", "STRING", definition))
    return items


def _names(path: str, names: Sequence[str]) -> Item:
    return Item(path, "block", f"ARRAY[{len(names)}] OF STRING", tuple(names))


def _kept(database: Database) -> Item:
    """The tag database for the next pull; instance numbers are in it, so it is no setting."""
    return Item(_SYMBOLS, "file", "BYTES", _encode(database), role="diagnostic")


def _taken(previous: Snapshot) -> Database | None:
    item = previous.by_path.get(_SYMBOLS)
    content = content_of(item, previous) if item is not None else None
    if content is None:
        return None
    try:
        database = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return database if _encode(database) == content else None


def _unread(database: Database, why: dict[int, str]) -> Iterable[Gap]:
    for number, reason in sorted(why.items()):
        template = database.templates.get(number)
        name = template.name if template else f"{number:#x}"
        yield Gap(f"type/{name}", f"{reason}; its structures are kept as bytes")


def _unique(reading: Reading) -> Reading:
    """Raises ``Malformed`` if a controller names two things alike."""
    for things in (reading.items, reading.gaps):
        paths = [one.path for one in things]
        if len(set(paths)) != len(paths):
            twin = Counter(paths).most_common(1)[0][0]
            raise Malformed(f"the controller has {twin} twice; nothing of it is kept")
    return reading
