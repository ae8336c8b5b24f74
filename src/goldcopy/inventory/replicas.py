"""The key ``replicas``: the other places that hold the vault."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args

import msgspec

from goldcopy.errors import Wrong
from goldcopy.inventory.document import Node
from goldcopy.inventory.fields import Fields, each
from goldcopy.inventory.hosts import NAME, NAME_RIGHT, checked_host
from goldcopy.inventory.mistakes import Gathered
from goldcopy.inventory.scalars import duration, text, whole
from goldcopy.inventory.secrets import SecretSource, secret_source

Mode = Literal["compliance", "governance"]
_MODES: Final[tuple[Mode, ...]] = get_args(Mode)
_SFTP: Final = re.compile(r"([^@:/\s]+)@(\[[^\]]+\]|[^@:/\s]+):(/\S.*)")
_S3: Final = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[\w!.*'()-]+)*)/?", re.ASCII)
_ENDPOINT: Final = re.compile(r"https?://[^\s/@]+/?")
_KEY_TYPES: Final = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384")


class Lock(msgspec.Struct, frozen=True):
    """How long nobody may delete a file of a bucket, and whether some may after all."""

    mode: Mode
    days: int


class InFolder(msgspec.Struct, frozen=True):
    """A folder on another disk."""

    name: str
    folder: Path
    timeout: float = 30.0
    """Seconds to wait for one answer."""


class InSftp(msgspec.Struct, frozen=True):
    """A folder on a server."""

    name: str
    user: str
    host: str
    folder: str
    host_key: str
    """The one that the server must have: ``ssh-ed25519 AAAA…``."""
    key: SecretSource | None
    """The private key; one of ``key`` and ``password`` is set."""
    password: SecretSource | None
    port: int = 22
    timeout: float = 30.0


class InS3(msgspec.Struct, frozen=True):
    """A bucket."""

    name: str
    bucket: str
    prefix: str
    """Without slash at its ends; "" is the whole bucket."""
    endpoint: str = ""
    """"" is AWS's own."""
    region: str = "us-east-1"
    access_key: SecretSource | None = None
    secret_key: SecretSource | None = None
    lock: Lock | None = None
    timeout: float = 30.0


ReplicaPlace = InFolder | InSftp | InS3


def replicas(node: Node, folder: Path, mistakes: Gathered) -> tuple[ReplicaPlace, ...]:
    """The places of a list; relative paths are relative to ``folder``."""
    reader = _Reader(folder, mistakes)
    return tuple(place for part in each(node) if (place := reader.place(part)) is not None)


class _Folder(NamedTuple):
    user: str
    host: str
    path: str


class _Reader:
    def __init__(self, folder: Path, mistakes: Gathered) -> None:
        self._folder = folder
        self._mistakes = mistakes
        self._names: dict[str, int] = {}

    def place(self, node: Node) -> ReplicaPlace | None:
        fields = Fields(node, self._mistakes, "a replica")
        name = fields.require("name", self._name, "", "name: nas")
        timeout = fields.take("timeout", duration("1ms", "1h"), 30.0)
        kinds = [kind for kind in ("folder", "sftp", "s3") if fields.has(kind)]
        place: ReplicaPlace | None = None
        if len(kinds) != 1:
            self._mistakes.add(
                fields.place, "a replica needs one of folder, sftp and s3, for example "
                "`folder: /mnt/nas/goldcopy`"
            )  # fmt: skip
            return None
        if kinds == ["folder"]:
            place = InFolder(name, fields.take("folder", self._path, Path()), timeout)
        elif kinds == ["sftp"]:
            place = self._sftp(fields, name, timeout)
        else:
            place = self._s3(fields, name, timeout)
        fields.close()
        return place

    def _sftp(self, fields: Fields, name: str, timeout: float) -> InSftp:
        at = fields.take("sftp", _sftp, _Folder("", "", ""))
        example = 'host_key: "ssh-ed25519 AAAA…", as `ssh-keyscan HOST` shows it'
        if fields.has("key") == fields.has("password"):
            fields.wrong("sftp", "needs one of key and password: `key: {file: …}`")
        return InSftp(
            name=name,
            user=at.user,
            host=at.host,
            folder=at.path,
            host_key=fields.require("host_key", _host_key, "", example),
            key=fields.take("key", self._secret, None),
            password=fields.take("password", self._secret, None),
            port=fields.take("port", whole(1, 65535), 22),
            timeout=timeout,
        )

    def _s3(self, fields: Fields, name: str, timeout: float) -> InS3:
        bucket, prefix = fields.take("s3", _s3, ("", ""))
        if fields.has("access_key") != fields.has("secret_key"):
            fields.wrong("s3", "needs access_key and secret_key both, or neither")
        return InS3(
            name=name,
            bucket=bucket,
            prefix=prefix,
            endpoint=fields.take("endpoint", _endpoint, ""),
            region=fields.take("region", text, "us-east-1"),
            access_key=fields.take("access_key", self._secret, None),
            secret_key=fields.take("secret_key", self._secret, None),
            lock=fields.take("lock", self._lock, None),
            timeout=timeout,
        )

    def _lock(self, node: Node) -> Lock | None:
        fields = Fields(node, self._mistakes, "a lock")
        mode = fields.require("mode", _mode, None, "mode: compliance")
        days = fields.require("days", whole(1, 36_500), 0, "days: 3650")
        fields.close()
        return Lock(mode, days) if mode and days else None

    def _name(self, node: Node) -> str:
        name = text(node)
        if not NAME.fullmatch(name):
            raise Wrong(f"{name!r} {NAME_RIGHT}")
        if name.lower() in self._names:
            raise Wrong(
                f"{name} is already the name of the replica in line {self._names[name.lower()]}"
            )
        self._names[name.lower()] = node.place.line
        return name

    def _path(self, node: Node) -> Path:
        return self._folder / Path(text(node)).expanduser()

    def _secret(self, node: Node) -> SecretSource:
        return secret_source(node, self._folder)


def _sftp(node: Node) -> _Folder:
    match = _SFTP.fullmatch(text(node))
    if match is None:
        raise Wrong("needs USER@HOST:/FOLDER, like backup@192.0.2.20:/srv/goldcopy, and no secret")
    return _Folder(match[1], checked_host(match[2].strip("[]")), match[3].rstrip("/") or "/")


def _s3(node: Node) -> tuple[str, str]:
    match = _S3.fullmatch(text(node))
    if match is None:
        raise Wrong("needs s3://BUCKET or s3://BUCKET/PREFIX, and no secret")
    return match[1], match[2].strip("/")


def _endpoint(node: Node) -> str:
    written = text(node)
    if not _ENDPOINT.fullmatch(written):
        raise Wrong("needs an address like https://s3.plant.example:9000, without path and secret")
    return written.rstrip("/")


def _host_key(node: Node) -> str:
    kind, _, rest = text(node).partition(" ")
    encoded = rest.split(" ")[0]
    with_length = len(kind).to_bytes(4, "big") + kind.encode()
    try:
        good = base64.b64decode(encoded, validate=True).startswith(with_length)
    except (binascii.Error, ValueError):
        good = False
    if kind not in _KEY_TYPES or not good:
        raise Wrong(
            "needs the server's public key, like `ssh-ed25519 AAAA…`, as `ssh-keyscan` shows it; "
            "compare it with the one that the server itself has"
        )
    return f"{kind} {encoded}"


def _mode(node: Node) -> Mode | None:
    written = text(node)
    for mode in _MODES:
        if mode == written:
            return mode
    raise Wrong(f"{written} is no mode of a lock; {' or '.join(_MODES)}")
