"""A vault with signed, chained packs, and replicas that misbehave, for the tests of replicas."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from goldcopy.errors import VaultUnavailable
from goldcopy.inventory import InFolder
from goldcopy.replica.contract import Attack, AttackName, Opening, Replica, conflict, strangers
from goldcopy.replica.opening import openings
from goldcopy.vault import keyring, marker
from goldcopy.vault.keys import SigningKey
from goldcopy.vault.pack import Builder, Trust


def is_unfinished(name: str) -> bool:
    """Whether it is what a writer that was stopped has left."""
    return strangers([name])[1] == [name]


class VaultOfPacks:
    """Written by one key; ``write`` adds a pack."""

    def __init__(self, path: Path, packs: int = 3) -> None:
        self.path = path
        self.owner, self.writer = SigningKey(), SigningKey()
        marker.prepare(path)
        writers = [keyring.Writer("collector", self.writer.public)]
        ring = keyring.write(path, self.owner, [], writers)
        marker.make(path, ring)
        self.id = keyring.vault_id(self.owner.public)
        self._trust = Trust(self.id, ring)
        self.seq, self.last = 0, ""
        for _ in range(packs):
            self.write()

    def write(self, text: str = "") -> None:
        builder = Builder(self.seq + 1, self._trust)
        builder.add(f'{{"record":"test","text":"{text or self.seq}"}}'.encode())
        pack = builder.write(self.path, self.writer, "me@here", self.last)
        self.seq, self.last = pack.seq, pack.hash

    def pack(self, seq: int) -> Path:
        return self.path / "packs" / f"{seq:08d}.pack"

    def names(self) -> list[str]:
        packs = [f"packs/{seq:08d}.pack" for seq in range(1, self.seq + 1)]
        return ["vault.json", "keyring/0001.json", *packs]

    def content(self) -> dict[str, bytes]:
        return {name: (self.path / name).read_bytes() for name in self.names()}

    def in_folder(
        self, root: Path, name: str = "nas", seconds: float = 30.0
    ) -> Mapping[str, Opening]:
        root.mkdir(exist_ok=True)
        return openings([InFolder(name, root, seconds)], self.id)


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


class Fake:
    """A replica in memory, with a fault at one of its puts."""

    advice = "none"

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.attacks: Mapping[AttackName, Attack] = {}
        self.files: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.fail_at = 0
        self.hang_at = 0

    async def list(self) -> Mapping[str, int]:
        return {name: len(data) for name, data in self.files.items()}

    async def get(self, name: str) -> bytes:
        return self.files[name]

    async def put(self, name: str, data: bytes) -> None:
        self.puts.append(name)
        if len(self.puts) == self.fail_at:
            raise VaultUnavailable(f"replica {self.name}: it is full")
        if len(self.puts) == self.hang_at:
            await asyncio.Event().wait()
        await asyncio.sleep(0)  # others get their turn, as on a network
        if self.files.setdefault(name, data) != data:
            raise conflict(self.name, name)

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[Replica]:
        yield self
