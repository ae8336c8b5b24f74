"""Where a secret is found. The inventory never holds one, only this."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import msgspec

from goldcopy.driver import Secret
from goldcopy.errors import Wrong
from goldcopy.inventory.document import Node, Scalar, Table

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What stands here may be a secret in the wrong place, so that no message repeats any of it.
_RIGHT: Final = "needs {env: NAME} or {file: PATH}, never the secret itself"


class SecretSource(msgspec.Struct, frozen=True):
    """An environment variable or a file: one of the two is set.

    Where the variable is not set, systemd's credential of that name serves: other processes can see
    an environment, and not a credential (systemd.exec(5), CREDENTIALS).
    """

    env: str = ""
    file: Path | None = None

    def resolve(self) -> Secret:
        """Fetch it now. May block on a file; raises ``Wrong`` if there is nothing to fetch."""
        value = self._from_file(self.file) if self.file else self._from_environment()
        if not value:
            where = f"file {self.file} is empty" if self.file else f"variable {self.env} is not set"
            raise Wrong(f"the password is missing: {where}; put it there and try again")
        return Secret(value)

    def _from_environment(self) -> str:
        value = os.environ.get(self.env, "")
        folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
        credential = Path(folder) / self.env
        if value or not folder or not credential.exists():
            return value
        return self._from_file(credential)

    @staticmethod
    def _from_file(file: Path) -> str:
        try:
            return file.read_text(encoding="utf-8").removesuffix("\n")
        except OSError as error:
            reason = error.strerror
        except UnicodeDecodeError:
            reason = "not UTF-8 text"
        raise Wrong(f"the password is missing: file {file} cannot be read ({reason})")


def secret_source(node: Node, folder: Path) -> SecretSource:
    """Read ``{env: NAME}`` or ``{file: PATH}``; a path is relative to ``folder``."""
    if not isinstance(node, Table) or len(node.parts) != 1:
        raise Wrong(_RIGHT)
    ((key, part),) = node.parts.items()
    if not isinstance(part, Scalar) or not part.text.strip():
        raise Wrong(_RIGHT)
    if key == "env" and _VARIABLE.fullmatch(part.text):
        return SecretSource(env=part.text)
    if key == "file":
        return SecretSource(file=folder / Path(part.text).expanduser())
    raise Wrong(_RIGHT)
