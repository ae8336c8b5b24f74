"""The errors, told apart by what the caller may do next, not by where they came from.

Every message is one line for a person: what happened, on which device, what to do next. A driver
raises with what it knows; ``collect`` puts the device's name in front.
"""

from __future__ import annotations

import os
import socket


class GoldcopyError(Exception):
    """Base of all that goldcopy raises on purpose."""


class Unreachable(GoldcopyError):
    """The controller did not answer, or the connection was lost: a read may be tried again."""


class Refused(GoldcopyError):
    """The controller said no (login, protection level, limits): a person must change something."""


class Malformed(GoldcopyError):
    """What arrived cannot be trusted: all of it is discarded, the connection too.

    A read may be tried again on a new connection.
    """


class Unsupported(GoldcopyError):
    """The controller, or its driver, cannot do this at all."""


class WouldWrite(GoldcopyError):
    """A reading session was asked to send a service that is not on its protocol's read list."""


class Wrong(GoldcopyError):
    """Wrong usage, inventory or options: ours to mend, nothing was sent to any controller."""


class VaultUnavailable(GoldcopyError):
    """The vault cannot be used now: no space, no permission, another writer."""


class VaultSealed(VaultUnavailable):
    """What is asked for is in the vault, and cannot be opened without the reader's identity."""


class VaultDamaged(GoldcopyError):
    """The vault does not hold what it says it holds: its integrity is in doubt."""


def in_words(error: OSError) -> str:
    """What the system says of an error; asyncio would say which of its own calls met it."""
    if error.errno and not isinstance(error, socket.gaierror):  # whose numbers are its own
        return os.strerror(error.errno)
    return error.strerror or str(error)


class Unproved(GoldcopyError):
    """A restore was begun and did not come to its end: its journal says how far it came."""
