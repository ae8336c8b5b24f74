"""Tokens of AWL and SCL declarations, made as they are asked for.

On demand, since what follows ``TITLE =`` is no token but the rest of the line, apostrophes and all.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Literal, NamedTuple, NoReturn

from goldcopy_s7.layout.declared import Place

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<comment>//[^\n]*)
    | (?P<open>\(\*|\(/\*)
    | (?P<text>'(?:\$.|[^'$\n])*+')
    | (?P<quoted>"[^"\n]*+")
    | (?P<word>[^\W\d]\w*)
    | (?P<number>[0-9]+)
    | (?P<sign>\.\.|:=|.)
    """,
    re.VERBOSE,
)
_AFTER = re.compile(
    r"""[^\S\n]*
    (?: //(?P<line>[^\n]*) | \(\*(?P<block>[\s\S]*?)\*\) | \(/\*(?P<tia>[\s\S]*?)\*/\) )
    """,
    re.VERBOSE,
)
_LANDMARK = re.compile(
    r"""
    //[^\n]* | \(\* | \(/\*
    | '(?:\$.|[^'$\n])*+'? | "[^"\n]*+"?
    | \b[Ee][Nn][Dd]_\w+
    """,
    re.VERBOSE,
)
_CLOSE = {"(*": "*)", "(/*": "*/)"}

Kind = Literal["text", "quoted", "word", "number", "sign", "end"]


class Token(NamedTuple):
    """One token."""

    kind: Kind
    text: str
    """Without the quotes."""
    at: Place

    @property
    def upper(self) -> str:
        """The keyword that it may be; "" for what is none."""
        return self.text.upper() if self.kind == "word" else ""

    def __str__(self) -> str:
        return "the end of the file" if self.kind == "end" else self.text[:40]


class Scanner:
    """Reads tokens from a text, and keeps the comments that it passes."""

    def __init__(self, text: str, file: str, line: int = 1) -> None:
        self._text = text
        self._at = 0
        self._file = file
        self._line = line
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self.comments: list[str] = []
        self._ahead: tuple[int, Token, int, list[str]] | None = None

    def place(self) -> Place:
        """Where it is."""
        return Place(self._file, self._line - 1 + bisect_right(self._lines, self._at))

    def next(self) -> Token:
        """The next token; it is used up."""
        if self._ahead and self._ahead[0] == self._at:
            _, token, self._at, comments = self._ahead
            self.comments += comments
            return token
        return self._read()

    def _read(self) -> Token:
        while match := _TOKEN.match(self._text, self._at):
            kind, found = match.lastgroup, match[0]
            at = self.place() if kind != "space" else None
            self._at = match.end()
            if at is None:
                continue
            if kind == "comment":
                self.comments.append(found[2:])
            elif kind == "open":
                self._block_comment(found, at)
            elif kind == "sign" and found in "'\"":
                self._refuse_open(found, at)
            elif kind in ("text", "quoted"):
                return Token(kind, found[1:-1], at)  # type: ignore[arg-type]
            else:
                return Token(kind, found, at)  # type: ignore[arg-type]
        return Token("end", "", self.place())

    def peek(self) -> Token:
        """The next token; it stays."""
        before, comments = self._at, self.comments
        if self._ahead and self._ahead[0] == before:
            return self._ahead[1]
        self.comments = []
        token = self._read()
        self._ahead = (before, token, self._at, self.comments)
        self._at, self.comments = before, comments
        return token

    def skip(self, *texts: str) -> bool:
        """Use up the next token if it is one of these signs or keywords."""
        token = self.peek()
        found = token.kind in ("sign", "word") and token.text.upper() in texts
        if found:
            self.next()
        return found

    def expect(self, text: str, after: str) -> None:
        """Use up this sign or keyword. Raises ``Wrong`` if something else is there."""
        if not self.skip(text):
            self.wrong(self.peek(), f"{text} after {after}")

    def rest_of_line(self) -> str:
        """What is left of the line, whatever it is."""
        end = self._text.find("\n", self._at)
        rest = self._text[self._at : end if end >= 0 else None]
        self._at += len(rest)
        return rest

    def take_trailing(self) -> None:
        """Keep the comment beside what was read last, if there is one in its line."""
        if match := _AFTER.match(self._text, self._at):
            self._at = match.end()
            self.comments.append(match[match.lastgroup or 0])

    def label(self) -> str:
        """The comments kept so far, as one line; they are used up."""
        words = " ".join(self.comments).split()
        self.comments.clear()
        return " ".join(words)

    def skip_to(self, word: str) -> bool:
        """Go on behind a keyword, over whatever stands before it; False if there is none.

        Much faster than token by token: of a source most are the values of its DBs.
        """
        while match := _LANDMARK.search(self._text, self._at):
            found, at = match[0], self.place()
            self._at = match.end()
            if found in _CLOSE:
                self._block_comment(found, at)
                self.comments.clear()
            elif found[0] in "'\"" and (len(found) == 1 or found[-1] != found[0]):
                self._refuse_open(found[0], at)
            elif found.upper() == word:
                return True
        return False

    def skip_past(self, pattern: re.Pattern[str]) -> bool:
        """Go on behind the first match; False if there is none."""
        match = pattern.search(self._text, self._at)
        if match:
            self._at = match.end()
        return match is not None

    def wrong(self, token: Token, wanted: str) -> NoReturn:
        """Raise ``Wrong``: this token is not what was wanted."""
        raise token.at.wrong(f"{token} stands where it cannot", f"wanted is {wanted}")

    def _refuse_open(self, quote: str, at: Place) -> NoReturn:
        raise at.wrong(f"a {quote} opens a text that its line does not close", "close it")

    def _block_comment(self, opening: str, at: Place) -> None:
        closing = _CLOSE[opening]
        end = self._text.find(closing, self._at)
        if end < 0:
            raise at.wrong(f"the comment opened by {opening} is not closed", f"end it by {closing}")
        self.comments.append(self._text[self._at : end])
        self._at = end + len(closing)


def number(scanner: Scanner, what: str) -> int:
    """An integer, with its sign. Raises ``Wrong`` for anything else, a constant's name included."""
    minus = scanner.skip("-")
    token = scanner.next()
    if token.kind != "number" or len(token.text) > 10:
        scanner.wrong(token, f"a number for {what}")
    return -int(token.text) if minus else int(token.text)
