"""``SHA256SUMS`` over all files of a kit, and the collector's signature of it.

Both are judged without goldcopy: by ``sha256sum -c`` and ``ssh-keygen -Y verify``.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Final

from goldcopy.gold import sshsig
from goldcopy.vault import SigningKey
from goldcopy.vault.folder import disk, publish

SUMS: Final = "SHA256SUMS"
SIGNATURE: Final = "SHA256SUMS.sig"
SIGNERS: Final = "kit_signers"
"""An ``allowed_signers`` file with the one key; whose key it is, its fingerprint on paper says."""
NAMESPACE: Final = "goldcopy-kit"
SIGNER: Final = "collector"


def fingerprint(key: SigningKey) -> str:
    """Of the key that signs, as ``ssh-keygen`` shows it."""
    return sshsig.ed25519_key(base64.b64decode(key.public)).fingerprint


def seal(folder: Path, key: SigningKey | None) -> None:
    """Write the sums of all files that are there, and sign them if there is a key."""
    if key is not None:
        blob = sshsig.ed25519_key(base64.b64decode(key.public)).blob
        line = f'{SIGNER} namespaces="{NAMESPACE}" ssh-ed25519 {base64.b64encode(blob).decode()}\n'
        publish(folder / SIGNERS, [line.encode()])
    sums = "".join(f"{sha256(path)}  {name}\n" for name, path in _files(folder)).encode()
    publish(folder / SUMS, [sums])
    if key is not None:
        signed = sshsig.sign_ed25519(
            sums,
            base64.b64decode(key.public),
            lambda message: base64.b64decode(key.sign(message)),
            NAMESPACE,
        )
        publish(folder / SIGNATURE, [signed.encode()])


def _files(folder: Path) -> list[tuple[str, Path]]:
    with disk(folder):
        found = [path for path in folder.rglob("*") if path.is_file()]
    return sorted((path.relative_to(folder).as_posix(), path) for path in found)


def sha256(path: Path) -> str:
    """Of a file."""
    with disk(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
