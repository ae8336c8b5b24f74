"""Files (OPC 10000-20, 4.2): opened for reading, read to their end, closed whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from goldcopy.errors import GoldcopyError
from goldcopy.snapshot import Gap, Item

from . import answers, status
from .builtin import BYTE, BYTE_STRING, INT32, UINT32, Data, NodeId, Result
from .channel import GOODBYE, spread
from .client import Client
from .crawl import Node
from .encode import variant
from .guard import CLOSE_FILE, OPEN_FILE, READ_FILE
from .keys import Keys
from .services import METHOD, OBJECT, VALUE
from .transport import LARGEST

CHUNK = 65_536
"""Bytes asked for at a time; a server may give less, and says the end with nothing."""
_LEAST = 512
_READING = 1
_NEEDED = (OPEN_FILE, READ_FILE, CLOSE_FILE)
_TRUST_LIST = NodeId(0, 12522)


class File(NamedTuple):
    """A FileType object and its three methods."""

    node: Node
    methods: dict[str, NodeId]


class _Stopped(Exception):
    """The file cannot be had; the reason is for a gap."""


def files_among(nodes: Iterable[Node]) -> list[File]:
    """The files, trust lists left out: those are an administrator's, and never put back."""
    found = []
    for node in nodes:
        if node.node_class != OBJECT or node.type_definition == _TRUST_LIST:
            continue
        methods = {
            child.name.name: child.id
            for child in node.children
            if child.node_class == METHOD and child.name.ns == 0
        }
        complete = all(name in methods for name in _NEEDED) and node.child("Size") is not None
        if complete and "OpenWithMasks" not in methods:
            found.append(File(node, methods))
    return found


class Files:
    """Reads files. ``items`` and ``gaps`` are what came of it."""

    def __init__(self, client: Client, keys: Keys, values: dict[NodeId, Result], most: int) -> None:
        self.items: list[Item] = []
        self.gaps: list[Gap] = []
        self._client = client
        self._keys = keys
        self._values = values
        self._most = most
        limit = client.limits.byte_string
        self._chunk = min(CHUNK, limit) if limit else CHUNK

    async def read(self, files: Sequence[File]) -> None:
        """Read all, as many at a time as the window allows."""
        for file in files:
            self._client.channel.guard.allow_file(file.node.id, file.methods)
        await spread(self._client.channel.window, files, self._one)

    async def _one(self, file: File) -> None:
        node = file.node
        try:
            size = self._known_size(node)
            if size is not None and size > self._most:
                raise _Stopped(f"{size} bytes are more than options.max_file allows")
            content = await self._content(file)
            if len(content) != size and len(content) != await self._size_now(node):
                raise _Stopped("what was read is not as long as the file says to be")
        except _Stopped as stopped:
            self.gaps.append(Gap(node.path, str(stopped)))
            return
        self.items.append(
            Item(
                path=node.path,
                kind="file",
                type="BYTES",
                value=content,
                access="read-write" if self._writable(node) else "read",
                label=node.display if node.display != node.name.name else "",
                address=self._keys.address(node.id),
            )
        )

    async def _content(self, file: File) -> bytes:
        while True:
            content = await self._opened(file)
            if content is not None:
                return content
            if self._chunk <= _LEAST:
                raise _Stopped("the server cannot give even a small piece of it")
            self._chunk //= 2

    async def _opened(self, file: File) -> bytes | None:
        """One attempt; None if the pieces were too large for the server."""
        handle = await self._open(file)
        try:
            content = await self._pieces(file, handle)
        except BaseException:
            with suppress(GoldcopyError, TimeoutError):
                async with asyncio.timeout(GOODBYE):
                    await self._close(file, handle)
            raise
        await self._close(file, handle)
        return content

    async def _open(self, file: File) -> int:
        answer = await self._call(file, OPEN_FILE, variant(Data(BYTE, _READING)))
        if status.bad(answer.status):
            raise _Stopped(f"it cannot be opened: {status.reason(answer.status)}")
        if len(answer.outputs) != 1 or answer.outputs[0].kind != UINT32:
            raise _Stopped("its Open does not answer with a handle")
        handle = answer.outputs[0].value
        assert isinstance(handle, int)
        return handle

    async def _pieces(self, file: File, handle: int) -> bytes | None:
        pieces: list[bytes] = []
        total = 0
        arguments = variant(Data(UINT32, handle)), variant(Data(INT32, self._chunk))
        while True:
            answer = await self._call(file, READ_FILE, *arguments)
            if answer.status in status.TOO_MUCH:
                return None
            if status.bad(answer.status):
                raise _Stopped(f"reading it failed: {status.reason(answer.status)}")
            if len(answer.outputs) != 1 or answer.outputs[0].kind not in (0, BYTE_STRING):
                raise _Stopped("its Read does not answer with bytes")
            piece = answer.outputs[0].value
            if not isinstance(piece, bytes) or not piece:
                return b"".join(pieces)
            pieces.append(piece)
            total += len(piece)
            if total > min(self._most, 16 * LARGEST):
                raise _Stopped(f"more than the {self._most} bytes that options.max_file allows")

    async def _close(self, file: File, handle: int) -> None:
        await self._call(file, CLOSE_FILE, variant(Data(UINT32, handle)))

    async def _call(self, file: File, method: str, *arguments: bytes) -> answers.Called:
        return await self._client.call(file.node.id, file.methods[method], *arguments)

    def _known_size(self, node: Node) -> int | None:
        child = node.child("Size")
        return _number(self._values.get(child.id)) if child is not None else None

    async def _size_now(self, node: Node) -> int | None:
        """The size again: it may have changed since all values were read."""
        child = node.child("Size")
        if child is None:
            return None
        [result] = await self._client.read([(child.id, VALUE)])
        return _number(result)

    def _writable(self, node: Node) -> bool:
        child = node.child("UserWritable")
        result = self._values.get(child.id) if child is not None else None
        return result is not None and result.data.value is True


def _number(result: Result | None) -> int | None:
    if result is None or status.bad(result.status) or type(result.data.value) is not int:
        return None
    return result.data.value
