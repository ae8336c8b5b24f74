"""The ``allowed_signers`` file: whose key is whose, for what, and from when to when.

The format is that of ``ssh-keygen(1)``, ALLOWED SIGNERS, so one file serves goldcopy, git and
``ssh-keygen -Y verify``. It is read strictly: a line that is wrong trusts nobody, so it is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import translate
from pathlib import Path
from typing import Final, NamedTuple

from goldcopy.errors import Wrong
from goldcopy.gold.sshkeys import KINDS, PublicKey, key_from_text

# A quoted text may hold blanks and commas; OpenSSH knows no way to write a quote within it.
_WORD: Final = re.compile(r'(?:[^\s"]|"[^"]*")+')
_OPTION: Final = re.compile(r'([A-Za-z-]+)(?:="([^"]*)")?(,|$)')
_TIME: Final = re.compile(r"(\d{8})(\d{4})?(\d{2})?(Z)?", re.ASCII)


class Signer(NamedTuple):
    """One line: these people sign with this key."""

    principals: str
    """Patterns, separated by commas; ``*`` and ``?`` stand for text, ``!`` in front excludes."""
    key: PublicKey
    namespaces: str = ""
    """Patterns as above; "" is any."""
    after: datetime | None = None
    before: datetime | None = None

    def is_for(self, person: str) -> bool:
        """Whether this person signs with this key."""
        return _listed(self.principals, person)

    def refusal(self, namespace: str, at: datetime) -> str:
        """Why this key does not count here and now; "" if it does."""
        if self.namespaces and not _listed(self.namespaces, namespace):
            return f"the key is for {self.namespaces}, not for {namespace}"
        if self.after is not None and at < self.after:
            return f"the key is valid only after {_shown(self.after)}"
        if self.before is not None and at > self.before:
            return f"the key was valid only before {_shown(self.before)}"
        return ""


class Signers:
    """All lines of an ``allowed_signers`` file."""

    def __init__(self, signers: Iterable[Signer]) -> None:
        self._by_key: dict[bytes, list[Signer]] = {}
        for signer in signers:
            self._by_key.setdefault(signer.key.blob, []).append(signer)

    def of(self, key: PublicKey) -> list[Signer]:
        """The lines with this key."""
        return self._by_key.get(key.blob, [])

    def __len__(self) -> int:
        return sum(map(len, self._by_key.values()))


def read(path: Path) -> Signers:
    """Read a file. Blocks on it; raises ``Wrong`` with every mistake in it and its line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise Wrong(
            f"the allowed signers {path} cannot be read: {why}\n"
            f'next: a line for each person: echo "NAME $(cat ~/.ssh/id_ed25519.pub)" >> {path}'
        ) from None
    return parse(text, str(path))


def parse(text: str, name: str = "allowed_signers") -> Signers:
    """The signers in a text; ``name`` is for messages. Raises ``Wrong``."""
    found, mistakes = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            found.append(_line(line))
        except Wrong as error:
            mistakes.append(f"{name}:{number}: {error}")
    if mistakes:
        raise Wrong("\n".join(mistakes))
    return Signers(found)


def _line(line: str) -> Signer:
    words = _WORD.findall(line)
    if len(words) < 3:
        raise Wrong("a line is `who [options] kind key`, like `alice@plant ssh-ed25519 AAAA…`")
    principals = words[0].replace('"', "")
    is_key = words[1] in KINDS or "-cert-v01@" in words[1]
    after = before = None
    namespaces = ""
    if not is_key:
        options = _options(words[1])
        namespaces = options.get("namespaces", "")
        after, before = (
            _time(options[key]) if key in options else None
            for key in ("valid-after", "valid-before")
        )
        words = words[1:]
    if len(words) < 3:
        raise Wrong("the key is missing: a kind like ssh-ed25519, then its base64")
    if after and before and before <= after:
        raise Wrong("valid-before is not later than valid-after, so the key is never valid")
    return Signer(principals, key_from_text(words[1], words[2]), namespaces, after, before)


def _options(word: str) -> dict[str, str]:
    options: dict[str, str] = {}
    at = 0
    while at < len(word):
        found = _OPTION.match(word, at)
        if found is None:
            raise Wrong(f'{word[at:]!r} is no option; they look like namespaces="goldcopy"')
        name, value = found[1].lower(), found[2]
        if name == "cert-authority":
            raise Wrong(
                "cert-authority is not taken: goldcopy judges no certificates; "
                "list the people's own keys, one line each"
            )
        if name not in ("namespaces", "valid-after", "valid-before"):
            raise Wrong(f"{name} is no option; namespaces, valid-after and valid-before are")
        if value is None:
            raise Wrong(f'{name} needs a value in double quotes, like {name}="…"')
        if name in options:
            raise Wrong(f"{name} is there twice; keep one")
        options[name] = value
        at = found.end()
    return options


def _time(text: str) -> datetime:
    """``YYYYMMDD[HHMM[SS]]``, of this machine's time zone, or of UTC with a Z behind it."""
    found = _TIME.fullmatch(text)
    if found is None or (found[3] and not found[2]):
        raise Wrong(f"{text!r} is no time; write it like 20270131, or 202701311530Z for UTC")
    try:
        when = datetime.strptime(
            found[1] + (found[2] or "0000") + (found[3] or "00"), "%Y%m%d%H%M%S"
        )
    except ValueError:
        raise Wrong(f"{text!r} is no day and time that there is") from None
    return when.replace(tzinfo=UTC) if found[4] else when.astimezone()


def _listed(patterns: str, word: str) -> bool:
    """OpenSSH's pattern lists: one that matches admits, one with ! that matches excludes."""
    admitted = False
    for pattern in patterns.split(","):
        plain = pattern.removeprefix("!")
        # fnmatch also knows sets, which these patterns do not: [ stands for itself.
        if re.match(translate(plain.replace("[", "[[]")), word):
            if plain != pattern:
                return False
            admitted = True
    return admitted


def _shown(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
