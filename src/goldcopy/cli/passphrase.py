"""Passphrases: from the environment or asked for; never an argument, which others can see."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

VARIABLE = "GOLDCOPY_PASSPHRASE"
K = TypeVar("K")


def unlocked(file: Path, load: Callable[[Path, str], K]) -> K:
    """A key from its file; its passphrase is asked for only if it has one.

    Raises ``Wrong`` if the passphrase does not open it, or if there is nobody to ask.
    """
    from goldcopy.errors import Wrong

    given = os.environ.get(VARIABLE, "")
    try:
        return load(file, given)
    except Wrong as error:
        if given or not file.exists() or not _locked(file):
            raise
        if not sys.stdin.isatty():
            raise Wrong(f"{error}; set it in {VARIABLE}, or run on a terminal") from None
    return load(file, getpass.getpass(f"Passphrase of {file}: "))


def chosen(what: str) -> str:
    """A new passphrase, asked for twice, or the one in the environment."""
    from goldcopy.errors import Wrong

    given = os.environ.get(VARIABLE, "")
    if given:
        return given
    if not sys.stdin.isatty():
        raise Wrong(f"set the passphrase in {VARIABLE}, or run on a terminal")
    first = getpass.getpass(f"New passphrase for {what}: ")
    if not first or first != getpass.getpass("Again: "):
        raise Wrong("the two passphrases differ, or are empty; nothing was made")
    return first


def _locked(file: Path) -> bool:
    head = file.read_bytes()[:200]
    return head.startswith(b"age-encryption.org/") or b"ENCRYPTED" in head
