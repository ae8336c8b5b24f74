"""Signing: with a key file of OpenSSH, or by ``ssh-keygen``, which reaches agents and tokens.

Nothing here logs, and no error repeats what a file or a program has said of a key's content.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from goldcopy.driver import Secret
from goldcopy.errors import Unreachable, Unsupported, Wrong
from goldcopy.gold import sshsig
from goldcopy.gold.sshsig import NAMESPACE, PrivateKey

PATIENCE: Final = 120.0
"""Seconds for a person to find the token and touch it, or to type a passphrase."""


def load_key(path: Path, passphrase: Secret | None = None) -> PrivateKey:
    """Read a private key. Blocks: the file, and for a passphrase a slow hash on purpose.

    Raises ``Wrong`` if it cannot be used, ``Unsupported`` if only ``ssh-keygen`` can use it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Wrong(f"the key {path} cannot be read: {error.strerror}") from None
    if data.startswith((b"ssh-", b"ecdsa-", b"sk-")):
        raise Wrong(f"{path} is a public key; an agent or a token signs for it, not this file")
    secret = passphrase.reveal().encode() if passphrase else None
    try:
        key = load_ssh_private_key(data, secret)
    except TypeError:
        why = "has no passphrase; give none" if secret else "has a passphrase; give it"
        raise Wrong(f"the key {path} {why}") from None
    except UnsupportedAlgorithm:
        raise Unsupported(
            f"the key {path} is of a kind that needs ssh-keygen to sign (a hardware token?)"
        ) from None
    except ValueError:
        why = "the passphrase is wrong, or it is" if secret else "it is"
        raise Wrong(f"the key {path} cannot be used: {why} no private key of OpenSSH") from None
    if not isinstance(
        key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    ):
        raise Wrong(f"the key {path} is a DSA key, which nobody takes any more; make a new one")
    sshsig.public_key(key)
    return key


async def with_ssh_keygen(
    message: bytes,
    key: Path,
    notice: Callable[[str], None] = lambda _: None,
    patience: float = PATIENCE,
) -> str:
    """The armored signature that ``ssh-keygen -Y sign`` makes.

    Args:
        message: what to sign.
        key: a public key whose private half is in the agent, the handle of a hardware token, or
            a private key whose passphrase ssh-keygen asks for itself.
        notice: is told what a person has to do, such as to touch the token.
        patience: seconds until the person is given up on.

    Raises ``Unsupported`` where there is no ssh-keygen, ``Unreachable`` if nobody came in time,
    ``Wrong`` if it would not sign.
    """
    program = shutil.which("ssh-keygen")
    if program is None:
        raise Unsupported("ssh-keygen is not installed; install OpenSSH, or sign with a key file")
    process = await asyncio.create_subprocess_exec(
        *(program, "-Y", "sign", "-n", NAMESPACE, "-f", str(key)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(patience):
            armored, said = await _talk(process, message, notice)
    except TimeoutError:
        raise Unreachable(
            f"no signature by {key} within {patience:g} s; "
            "is the token plugged in, is the agent running?"
        ) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise Wrong(f"ssh-keygen did not sign with {key}: {said or 'it does not say why'}")
    sshsig.parse(armored).verify(message)
    return armored


async def _talk(
    process: asyncio.subprocess.Process, message: bytes, notice: Callable[[str], None]
) -> tuple[str, str]:
    """What it prints, and the last thing that it says to the person."""
    assert process.stdin
    assert process.stdout
    assert process.stderr
    said = ""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may refuse unread
        process.stdin.write(message)
        await process.stdin.drain()
    process.stdin.close()
    printed = asyncio.ensure_future(process.stdout.read())
    try:
        while line := await process.stderr.readline():
            if text := line.decode(errors="replace").strip():
                said = text
                notice(text)
        armored = await printed
        await process.wait()
    finally:
        printed.cancel()
    return armored.decode("ascii", "replace"), said
