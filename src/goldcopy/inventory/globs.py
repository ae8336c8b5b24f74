"""Path patterns to regular expressions.

``*`` stands for any text within a segment, ``?`` for one character, ``[a-f]`` and ``[!a-f]`` for
one of a set; none of them is ever a ``/``. ``**`` as a whole segment stands for any number of
segments, none included, but at the end for at least one: ``db/9/**`` is all that is in DB 9.

Every part but the last of its kind is an atomic group with the shortest match. For patterns of
this sort the first match is as good as any (as with ``fnmatch``), and it keeps a pattern like
``*a*a*a*b`` from trying all combinations.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from goldcopy.errors import Wrong


def regex(pattern: str) -> str:
    """The regular expression for a path pattern; match it from the start, it holds its own end.

    Raises ``Wrong`` for what is no pattern.
    """
    if pattern.startswith("/") or pattern.endswith("/"):
        raise Wrong(f"{pattern} begins or ends with /; paths do not")
    chunks: list[list[str]] = [[]]
    for segment in pattern.split("/"):
        if segment == "**":
            chunks.append([])
        elif "**" in segment:
            raise Wrong(
                f"{pattern} has ** within a segment; ** stands alone between two /, else use *"
            )
        else:
            chunks[-1].append(_segment(segment))
    first, *rest = chunks
    if not rest:
        return "/".join(first) + r"\Z"
    *middle, last = rest
    text = "".join(segment + "/" for segment in first)
    for chunk in filter(None, middle):
        text += "(?>(?:[^/]*/)*?" + "".join(segment + "/" for segment in chunk) + ")"
    return text + (r"(?:[^/]*/)*" + "/".join(last) if last else r"(?s:.*)") + r"\Z"


def path_matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a path matches the pattern. Raises ``Wrong`` for what is no pattern."""
    match = re.compile(regex(pattern)).match
    return lambda path: match(path) is not None


def literal(pattern: str) -> bool:
    """Whether the pattern stands for just one path, its own text."""
    return not any(sign in pattern for sign in "*?[")


def _segment(pattern: str) -> str:
    pieces = [""]  # what stands between the stars
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "[":
            text, at = _set(pattern, at)
            pieces[-1] += text
            continue
        at += 1
        if char == "*":
            pieces.append("")
        else:
            pieces[-1] += "[^/]" if char == "?" else re.escape(char)
    first, *rest = pieces
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>[^/]*?{piece})" for piece in middle if piece) + "[^/]*" + last


def _set(pattern: str, start: int) -> tuple[str, int]:
    """The regular expression for the set that begins at ``start``, and where it ends."""
    at = start + 1
    negated = pattern[at : at + 1] == "!"
    at += negated
    end = pattern.find("]", at + 1)  # a ] that comes first is a member
    if end < 0:
        raise Wrong(f"{pattern} has a [ without its ]; write [[] for the sign itself")
    members = pattern[at:end]
    text = ""
    at = 0
    while at < len(members):
        low, high = members[at], members[at]
        if members[at + 1 : at + 2] == "-" and at + 2 < len(members):
            high = members[at + 2]
            at += 2
        if low > high:
            raise Wrong(f"{pattern} has the range {low}-{high} the wrong way round")
        text += re.escape(low) + ("-" + re.escape(high) if low != high else "")
        at += 1
    return f"(?!/)[{'^' if negated else ''}{text}]", end + 1
