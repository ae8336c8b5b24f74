"""Who is at work, as packs, notes and the lock name them."""

from __future__ import annotations

import getpass
import os
import socket


def me() -> str:
    """``user@host``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
