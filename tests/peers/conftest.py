"""What several tests against other people's programs need."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheelhouse: goldcopy's own wheel, and the locked versions of what it depends on."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    lock = (ROOT / "requirements.lock").read_text()
    pinned = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?(==[^\s;\\]+)", lock, re.M)
    limits = folder.with_name("limits.txt")
    limits.write_text("".join(f"{name}{version}\n" for name, version in pinned))
    own = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    subprocess.run([*pip, *own], check=True, timeout=120)
    (built,) = folder.glob("goldcopy-*.whl")
    words = ("download", "--only-binary", ":all:", "--dest", str(folder), "-c", str(limits))
    subprocess.run([*pip, *words, str(built)], check=True, timeout=200)
    return folder
