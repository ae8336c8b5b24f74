"""What a person may have meant by a word that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near(word: str, words: Iterable[str], has: str) -> str:
    """``did you mean …?`` if any word is close, else the first few of them."""
    words = list(words)
    close = difflib.get_close_matches(word, _likely(word, words), n=3)
    if close:
        return f"did you mean {' or '.join(close)}?"
    more = f" and {len(words) - 5} more" if len(words) > 5 else ""
    return f"{has} {', '.join(words[:5])}{more}"


def _likely(word: str, words: list[str]) -> list[str]:
    """Of very many words, those in the same folder: comparing all would take seconds."""
    if len(words) <= 2000:
        return words
    folder = word.rpartition("/")[0]
    return [one for one in words if one.rpartition("/")[0] == folder][:2000]
