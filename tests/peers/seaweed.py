"""SeaweedFS as an S3 server on loopback, with the ports, keys and data of one test run."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from tests.peers.sshd import free_port

PROGRAM = Path(__file__).parents[2] / ".peers" / "seaweedfs" / "bin" / "weed"
assert PROGRAM.exists(), "no SeaweedFS: run tests/peers/setup first"

ACCESS, SECRET = "collector", "a-secret-of-the-test"
_PORTS = (
    "master.port master.port.grpc volume.port volume.port.grpc filer.port filer.port.grpc "
    "s3.port s3.port.grpc s3.port.iceberg s3.port.lance"
)


class Seaweed:
    """One server. ``s3`` is an administrator's client."""

    def __init__(self, home: Path) -> None:
        rights = ["Admin", "Read", "Write", "List", "Tagging"]
        who = {"accessKey": ACCESS, "secretKey": SECRET}
        config = {"identities": [{"name": "c", "credentials": [who], "actions": rights}]}
        (home / "s3.json").write_text(json.dumps(config))
        ports = {name: free_port() for name in _PORTS.split()}
        self.endpoint = f"http://127.0.0.1:{ports['s3.port']}"
        self.command = [
            *(str(PROGRAM), "server", f"-dir={home}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            *("-filer", "-s3", f"-s3.config={home / 's3.json'}", "-volume.max=20"),
            *("-master.volumeSizeLimitMB=64", "-debug.port=0"),
            *(f"-{name}={port}" for name, port in ports.items()),
        ]
        self.s3: Any = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}),
        )

    @contextlib.contextmanager
    def running(self, log: Path) -> Iterator[Seaweed]:
        with log.open("wb") as out:
            self._process = subprocess.Popen(self.command, stdout=out, stderr=out)
        try:
            self._until_it_answers(log)
            yield self
        finally:
            self.s3.close()
            self._process.kill()
            self._process.wait()

    def _until_it_answers(self, log: Path) -> None:
        for _ in range(300):
            assert self._process.poll() is None, log.read_text()[-2000:]
            with contextlib.suppress(Exception):
                self.s3.list_buckets()
                return
            time.sleep(0.1)
        raise AssertionError(log.read_text()[-2000:])

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def versions(self, bucket: str) -> dict[str, list[dict[str, Any]]]:
        """The versions of every key, newest first."""
        found: dict[str, list[dict[str, Any]]] = {}
        for one in self.s3.list_object_versions(Bucket=bucket).get("Versions", []):
            found.setdefault(one["Key"], []).append(one)
        return found


@contextlib.contextmanager
def seaweed() -> Iterator[Seaweed]:
    home = Path(tempfile.mkdtemp(prefix="goldcopy-seaweed-"))
    try:
        with Seaweed(home).running(home / "log") as server:
            yield server
    finally:
        shutil.rmtree(home, ignore_errors=True)
