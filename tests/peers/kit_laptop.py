"""Somebody with a kit and a laptop, at controllers that were changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.peers.kit_site import Controller, Site

SITE = Path(__file__).with_name("kit_site.py")


class Laptop:
    """Runs commands on site; all that it has of this place is the reader's key, and a home.

    Args:
        folder: of the plant; the home is made in it.
        kit: on its stick.
        controllers: what is on site.
        secrets: variables of the environment.
    """

    def __init__(
        self,
        folder: Path,
        kit: Path,
        controllers: Sequence[Controller],
        secrets: Mapping[str, str],
    ) -> None:
        self.home = folder / "laptop"
        self.home.mkdir()
        self.kit = kit
        self._controllers = list(controllers)
        python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
        self._environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.home),
            "GOLDCOPY_PYTHON": str(python),
            "GOLDCOPY_IDENTITY": str(folder / "keys/reader.key"),
            **secrets,
        }

    def __call__(
        self,
        changes: dict[str, dict[str, Any]],
        *commands: tuple[str, ...],
        kill_after: int = 0,
    ) -> dict[str, Any]:
        """What came of the commands, each a script of the kit and its words."""
        names = [f"{name}={value}" for name, value in self._environment.items()]
        site: Site = {
            "controllers": self._controllers,
            "stick": str(self.kit.parent),
            "changes": changes,
            "commands": [
                ["env", "-i", *names, "sh", str(self.kit / script), *words]
                for script, *words in commands
            ],
            "kill_after": kill_after,
        }
        apart = ["unshare", "--net", "--mount", *["--map-root-user"] * (os.getuid() != 0)]
        done = subprocess.run(
            [*apart, sys.executable, str(SITE)],
            input=json.dumps(site).encode(),
            capture_output=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr.decode()
        answer: dict[str, Any] = json.loads(done.stdout)
        assert answer["interfaces"] == ["lo"]
        return answer
