"""A plant of simulated controllers that changes a little every night: what the vault is judged on.

The same seed gives the same bytes anywhere: ``digest`` shows it. Each device is ``tags.json`` and
some blocks of 8 KiB that compress a little.
"""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import msgspec

from goldcopy.snapshot import Identity, Item, Snapshot

BLOCK, PATCH = 8192, 64
_WORDS = ["Kp", "Ki", "Kd", "SP", "HiLim", "LoLim", "Preset", "Mode"]
_WEIGHTS = [20] + [1] * 255

Tags = dict[str, dict[str, Any]]


class Fleet:
    """The devices as they are now. The order of the draws is part of the workload."""

    def __init__(self, devices: int = 200, tags: int = 1500, blocks: int = 10) -> None:
        self._random = random.Random(1)
        self.devices = [self._device(tags, blocks) for _ in range(devices)]

    def _device(self, tags: int, blocks: int) -> tuple[Tags, list[str], list[bytearray]]:
        draw = self._random
        found: Tags = {}
        for n in range(tags):
            place = f"Area{draw.randrange(20):02d}.Unit{draw.randrange(40):02d}.PID{n:04d}"
            path = f"{place}.{draw.choice(_WORDS)}"
            found[path] = {
                "addr": f"%DB{n // 50}.DBD{n % 50 * 4}",
                "type": draw.choice(["REAL", "DINT", "BOOL", "TIME"]),
                "value": self._value(),
                "scope": "controller",
                "unit": draw.choice(["bar", "degC", "rpm", "mA"]),
                "ext": "ReadWrite",
            }
        content = [
            bytearray(draw.choices(range(256), weights=_WEIGHTS, k=BLOCK)) for _ in range(blocks)
        ]
        return found, list(found), content

    def _value(self) -> float:
        return round(self._random.uniform(-1000, 1000), 4)

    def mutate(self) -> None:
        """One day: 1 % of the tags of each device, and in 1 % of the blocks 64 bytes."""
        draw = self._random
        for tags, names, blocks in self.devices:
            for name in draw.sample(names, len(names) // 100):
                tags[name]["value"] = self._value()
            for block in blocks:
                if draw.random() < 0.01:
                    at = draw.randrange(BLOCK - PATCH)
                    block[at : at + PATCH] = draw.randbytes(PATCH)

    def json(self, device: int) -> bytes:
        """``tags.json`` of a device."""
        document = {
            "device": name(device),
            "vendor": "acme",
            "fw": "33.011",
            "tags": self.devices[device][0],
        }
        return msgspec.json.encode(document, order="sorted")

    def digest(self) -> str:
        """SHA-256 over all that the devices hold."""
        found = hashlib.sha256()
        for device, (_, _, blocks) in enumerate(self.devices):
            found.update(self.json(device))
            for block in blocks:
                found.update(block)
        return found.hexdigest()

    def write(self, folder: Path) -> None:
        """As files, a folder for each device; a file that is right already is not touched."""
        for device, (_, _, blocks) in enumerate(self.devices):
            home = folder / name(device)
            home.mkdir(parents=True, exist_ok=True)
            _write(home / "tags.json", self.json(device))
            for number, block in enumerate(blocks):
                _write(home / f"OB{number}.bin", block)

    def snapshots(self) -> list[Snapshot]:
        """What a pull of each device would find."""
        return [
            snapshot(name(device), tags, {f"OB{n}": bytes(block) for n, block in enumerate(blocks)})
            for device, (tags, _, blocks) in enumerate(self.devices)
        ]


def name(device: int) -> str:
    return f"plc{device:03d}"


def read(folder: Path) -> Snapshot:
    """What a pull of the device would find that lies in this folder."""
    tags = msgspec.json.decode((folder / "tags.json").read_bytes())["tags"]
    return snapshot(folder.name, tags, {p.stem: p.read_bytes() for p in folder.glob("*.bin")})


def snapshot(device: str, tags: Tags, blocks: dict[str, bytes]) -> Snapshot:
    return Snapshot.of(device, "bench", IDENTITY, items(tags, blocks))


def items(tags: Tags, blocks: dict[str, bytes]) -> list[Item]:
    values = [
        Item(
            path,
            "tag",
            "LREAL",
            tag["value"],
            access="read-write",
            unit=tag["unit"],
            address=tag["addr"],
        )
        for path, tag in tags.items()
    ]
    return values + [Item(path, "block", "BYTES", content) for path, content in blocks.items()]


IDENTITY = Identity(vendor="acme", firmware="33.011")


def _write(path: Path, content: bytes | bytearray) -> None:
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)
