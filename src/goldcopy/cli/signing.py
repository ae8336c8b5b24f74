"""A person's signature, with their own SSH key, wherever that is."""

from __future__ import annotations

from pathlib import Path


def signature_of(message: bytes, key: Path) -> str:
    """An armored SSH signature; by ssh-keygen where the key is in an agent or a token."""
    import asyncio
    import sys

    from goldcopy.cli.passphrase import unlocked
    from goldcopy.driver import Secret
    from goldcopy.errors import Unsupported
    from goldcopy.gold import signing, sshsig

    if key.suffix != ".pub":
        try:
            return sshsig.sign(
                message,
                unlocked(key, lambda f, p: signing.load_key(f, Secret(p) if p else None)),
            )
        except Unsupported:
            pass  # a hardware token's handle: ssh-keygen can use it
    notice = lambda text: print(text, file=sys.stderr)  # noqa: E731
    return asyncio.run(signing.with_ssh_keygen(message, key, notice))
