"""OpenSSH's server as this user, or as nobody if that is root: one folder, one key, loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncssh

UNPACKED = Path(__file__).parents[2] / ".peers" / "openssh"
assert UNPACKED.exists(), "no sshd: run tests/peers/setup first"

APPEND_ONLY = " -P remove,rename,posix-rename,setstat,fsetstat,lsetstat,rmdir,symlink"

_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {home}/host
PidFile none
AuthorizedKeysFile {home}/authorized
StrictModes no
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp{more}
ForceCommand internal-sftp{more}
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Sshd:
    """One server. ``data`` is the folder that a replica may use."""

    def __init__(self, home: Path, more: str) -> None:
        self.home, self.data, self.port = home, home / "data", free_port()
        self.user = "nobody" if os.getuid() == 0 else _me()
        keys = {name: asyncssh.generate_private_key("ssh-ed25519") for name in ("host", "user")}
        self.host_key = keys["host"].export_public_key().decode().strip()
        self.key = keys["user"].export_private_key().decode()
        keys["host"].write_private_key(str(home / "host"))
        (home / "host").chmod(0o600)
        (home / "authorized").write_bytes(keys["user"].export_public_key())
        (home / "config").write_text(_CONFIG.format(port=self.port, home=home, more=more))
        self.data.mkdir()
        shutil.copytree(UNPACKED, home / "openssh", symlinks=True)
        if os.getuid() == 0:
            for path in (home, *home.rglob("*")):
                shutil.chown(path, "nobody", "nogroup")

    @contextlib.contextmanager
    def running(self) -> Iterator[Sshd]:
        libraries = {str(path.parent) for path in (self.home / "openssh").rglob("*.so.*")}
        who = {"user": "nobody", "group": "nogroup", "extra_groups": ()}
        program = [str(self.home / "openssh/usr/sbin/sshd"), "-D", "-e", "-f"]
        with (self.home / "log").open("wb") as log:
            self._process = subprocess.Popen(  # type: ignore[call-overload]
                [*program, str(self.home / "config")],
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={"LD_LIBRARY_PATH": ":".join(libraries)},
                **(who if os.getuid() == 0 else {}),
            )
        try:
            self._until_it_listens()
            yield self
        finally:
            for child in self.children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            self._process.kill()
            self._process.wait()

    def _until_it_listens(self) -> None:
        for _ in range(200):
            if b"Server listening" in (self.home / "log").read_bytes():
                return
            assert self._process.poll() is None, (self.home / "log").read_text()
            time.sleep(0.05)
        raise AssertionError((self.home / "log").read_text())

    def children(self) -> list[int]:
        """The processes that serve connections, and theirs."""
        found: list[int] = []
        waiting = [self._process.pid]
        while waiting:
            parent = waiting.pop()
            with contextlib.suppress(FileNotFoundError):
                text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
                waiting += (children := [int(word) for word in text.split()])
                found += children
        return found

    def signal(self, number: signal.Signals) -> None:
        """To all processes that serve a connection."""
        for child in self.children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)


def _me() -> str:
    import getpass

    return getpass.getuser()


@contextlib.contextmanager
def sshd(more: str = "") -> Iterator[Sshd]:
    """A server, with ``more`` as arguments of its internal-sftp."""
    home = Path(tempfile.mkdtemp(prefix="goldcopy-sshd-"))
    try:
        with Sshd(home, more).running() as server:
            yield server
    finally:
        shutil.rmtree(home)
