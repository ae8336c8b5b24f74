"""AWL and SCL sources: DATA_BLOCK and TYPE as STEP 7 V5 and TIA Portal export them.

Names, types and comments are taken; initial values and the values after BEGIN are passed over,
since the CPU has its own. Code blocks in the same file are passed over too.
"""

from __future__ import annotations

import re

from goldcopy_s7.layout import typename
from goldcopy_s7.layout.declared import (
    Array,
    Block,
    Member,
    Named,
    Struct,
    Type,
    key_of,
    refuse_twins,
)
from goldcopy_s7.layout.scanner import Scanner, Token
from goldcopy_s7.layout.typename import Simple

MAX_DEPTH = 16
"""Structures within structures; S7 has 8."""

_CODE = {
    word: re.compile(rf"^[^\S\n]*END_{word}\b", re.IGNORECASE | re.MULTILINE)
    for word in ("FUNCTION", "FUNCTION_BLOCK", "ORGANIZATION_BLOCK")
}
_TOLD = ("TITLE", "AUTHOR", "FAMILY", "NAME", "VERSION")
_MARKS = ("KNOW_HOW_PROTECT", "READ_ONLY", "NON_RETAIN", "RETAIN", "UNLINKED", "WRITE_PROTECTED")
_RETAIN = ("RETAIN", "NON_RETAIN")
_NO_NAMES = ("BEGIN", "END_STRUCT", "END_VAR", "END_DATA_BLOCK", "END_TYPE")


def parse(text: str, file: str) -> list[Block]:
    """All that a source declares. Raises ``Wrong`` with the line of the first mistake."""
    return _Parser(Scanner(text, file)).blocks()


class _Parser:
    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner

    def blocks(self) -> list[Block]:
        found: list[Block] = []
        while (token := self.scanner.next()).kind != "end":
            if token.upper == "DATA_BLOCK":
                found.append(self._data_block())
            elif token.upper == "TYPE":
                found.append(self._type())
            elif token.upper in _CODE:
                if not self.scanner.skip_past(_CODE[token.upper]):
                    raise token.at.wrong(f"{token.upper} has no end", f"END_{token.upper} ends it")
            elif token.text != ";":
                self.scanner.wrong(token, "DATA_BLOCK or TYPE")
        return found

    def _data_block(self) -> Block:
        title, token = self._name("DB")
        self._header()
        body = self._body(token)
        self.scanner.skip(";")
        if self.scanner.skip("BEGIN"):
            if not self.scanner.skip_to("END_DATA_BLOCK"):
                raise token.at.wrong(f"{title} has no end", "END_DATA_BLOCK ends it")
        else:
            self.scanner.expect("END_DATA_BLOCK", "the declaration")
        return Block("DATA_BLOCK", key_of(title), title, body, token.at)

    def _type(self) -> Block:
        title, token = self._name("UDT")
        self._header()
        self.scanner.expect("STRUCT", "the head of a TYPE")
        body = self._struct(1)
        self.scanner.skip(";")
        self.scanner.expect("END_TYPE", "the declaration")
        return Block("TYPE", key_of(title), title, body, token.at)

    def _name(self, numbered: str) -> tuple[str, Token]:
        """``"Mixer"``, ``DB 5``, ``DB5`` or a bare name; a number is kept as ``DB 5``."""
        token = self.scanner.next()
        if token.upper == numbered and self.scanner.peek().kind == "number":
            return f"{numbered} {int(self.scanner.next().text[:9])}", token
        digits = token.text[len(numbered) :]
        if token.upper.startswith(numbered) and digits.isascii() and digits.isdecimal():
            return f"{numbered} {int(digits[:9])}", token
        if token.kind not in ("quoted", "word") or not token.text:
            self.scanner.wrong(token, f'a name, as "Mixer" or {numbered} 5')
        return token.text, token

    def _header(self) -> None:
        """Title, author and the like, up to the declaration; only the access is of interest."""
        while True:
            token = self.scanner.peek()
            if token.text == "{" and token.kind == "sign":
                self._refuse_optimized(token)
            elif token.upper in _TOLD:
                self.scanner.next()
                self.scanner.rest_of_line()
            elif not self.scanner.skip(*_MARKS):
                return

    def _refuse_optimized(self, token: Token) -> None:
        attributes = self._attributes()
        if attributes.get("S7_OPTIMIZED_ACCESS") == "TRUE":
            raise token.at.wrong(
                "the DB has optimized block access, so its members have no offsets",
                "turn that off in its properties, download it and export it again",
            )

    def _attributes(self) -> dict[str, str]:
        """``{ S7_m_c := 'true'; … }``, if one comes next."""
        found: dict[str, str] = {}
        if not self.scanner.skip("{"):
            return found
        name = ""
        while not self.scanner.skip("}"):
            token = self.scanner.next()
            if token.kind == "end":
                self.scanner.wrong(token, "} after the attributes")
            if token.kind == "word":
                name = token.upper
            elif token.kind == "text":
                found[name] = token.text.upper()
        return found

    def _body(self, block: Token) -> Struct | Named:
        if self.scanner.skip("STRUCT"):
            return self._struct(1)
        if not self.scanner.skip("VAR"):
            if self.scanner.peek().upper in ("", "BEGIN") and self.scanner.peek().kind != "quoted":
                self.scanner.wrong(self.scanner.peek(), "STRUCT, VAR or the name of a type")
            named = typename.simple(self.scanner)
            if not isinstance(named, Named):
                raise block.at.wrong("the DB is of an elementary type", "declare a STRUCT")
            return named
        self.scanner.skip(*_RETAIN)
        struct = self._members("END_VAR", 1)
        if self.scanner.peek().upper == "VAR":
            self.scanner.wrong(self.scanner.peek(), "one VAR section: a standard DB has no second")
        return struct

    def _struct(self, depth: int) -> Struct:
        return self._members("END_STRUCT", depth)

    def _members(self, end: str, depth: int) -> Struct:
        opening = self.scanner.place()
        if depth > MAX_DEPTH:
            raise opening.wrong(f"structures {depth} deep", "S7 allows 8")
        members: list[Member] = []
        while not self.scanner.skip(end):
            members += self._declaration(end, depth)
        if not members:
            raise opening.wrong("a structure without members", "declare one, or drop it")
        refuse_twins(tuple(members))
        return Struct(tuple(members))

    def _declaration(self, end: str, depth: int) -> list[Member]:
        """``speed, torque { … } : REAL := 0.0;  // comment``: one or more members."""
        scanner = self.scanner
        names = [self._member_name(end)]
        scanner.comments.clear()
        self._attributes()
        while scanner.skip(","):
            names.append(self._member_name(end))
        scanner.expect(":", "the name")
        self._attributes()
        type_, label = self._member_type(depth)
        self._attributes()
        if scanner.skip(":="):
            self._pass_value()
        closed = scanner.skip(";")
        if not closed and not isinstance(type_, Struct):
            scanner.wrong(scanner.peek(), "; after the declaration")
        if isinstance(type_, Struct) or _of_struct(type_):
            scanner.comments.clear()
        scanner.take_trailing()
        label = " ".join(filter(None, (label, scanner.label())))
        return [Member(token.text, type_, label, token.at) for token in names]

    def _member_name(self, end: str) -> Token:
        token = self.scanner.next()
        named = token.kind in ("word", "quoted") and token.text
        if not named or token.upper in _NO_NAMES:
            self.scanner.wrong(token, f"the name of a member, or {end}")
        return token

    def _member_type(self, depth: int) -> tuple[Type, str]:
        """The type, and the comment beside the word STRUCT if it is one."""
        bounds = None
        if self.scanner.skip("ARRAY"):
            bounds = typename.bounds(self.scanner)
            self.scanner.expect("OF", "the indexes")
            self.scanner.take_trailing()
        label = ""
        if self.scanner.skip("STRUCT"):
            self.scanner.take_trailing()
            label = self.scanner.label()
            element: Struct | Simple = self._struct(depth + 1)
        else:
            element = typename.simple(self.scanner)
        return (element if bounds is None else Array(bounds, element)), label

    def _pass_value(self) -> None:
        """An initial value, up to its semicolon."""
        while (token := self.scanner.peek()).text != ";" or token.kind != "sign":
            if token.kind == "end" or token.upper in ("END_STRUCT", "END_VAR", "BEGIN"):
                self.scanner.wrong(token, "; after the initial value")
            self.scanner.next()


def _of_struct(type_: Type) -> bool:
    return isinstance(type_, Array) and isinstance(type_.element, Struct)
