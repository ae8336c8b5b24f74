"""A signed statement in a file: a line of JSON, and below it the signature over the line."""

from __future__ import annotations

import msgspec

from goldcopy.errors import VaultDamaged
from goldcopy.vault.keys import SigningKey


class _Signature(msgspec.Struct, frozen=True):
    signature: str


def signed(statement: object, key: SigningKey) -> bytes:
    """The content of the file; ``statement`` is what JSON can tell."""
    line = msgspec.json.encode(statement)
    return line + b"\n" + msgspec.json.encode(_Signature(key.sign(line))) + b"\n"


def parts(data: bytes) -> tuple[bytes, str]:
    """The statement's line and the signature, not verified. Raises ``VaultDamaged``."""
    line, _, rest = data.partition(b"\n")
    try:
        found = msgspec.json.decode(rest, type=_Signature)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise VaultDamaged("it is no signed statement") from None
    if rest != msgspec.json.encode(found) + b"\n":
        raise VaultDamaged("there is more in it than a statement and its signature")
    return line, found.signature
