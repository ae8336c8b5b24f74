"""A server that plays a recorded session again, as often as somebody connects."""

from __future__ import annotations

import asyncio
from typing import Self

from goldcopy.testing.record import Recording


class Replay:
    """Answers as the recorded server did, to the recorded requests byte by byte; else it closes.

    Good for protocols whose bytes are the same in each session, not for encrypted ones.
    """

    def __init__(self, recording: Recording) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.strayed = ""
        """Where a client left the recording; "" if none has."""
        self._recording = recording
        self._server: asyncio.Server
        self._clients: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Listen; ``port`` then holds the real port."""
        self._server = await asyncio.start_server(self._accept, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop listening and cut every connection."""
        self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for step, (way, data) in enumerate(self._recording.passed):
                if way == "in":
                    writer.write(data)
                elif not await self._comes(data, reader, step):
                    return
            if extra := await reader.read(16):
                self.strayed = f"after the end of the recording came {extra.hex(' ')}"
        except ConnectionError:
            pass  # the client has gone, which a client may
        finally:
            writer.close()

    async def _comes(self, wanted: bytes, reader: asyncio.StreamReader, step: int) -> bool:
        """Whether the client sends just these bytes; told as soon as one differs."""
        at = 0
        while at < len(wanted):
            part = await reader.read(len(wanted) - at)
            if not part:
                return False
            if part != wanted[at : at + len(part)]:
                self.strayed = (
                    f"in entry {step} came {part.hex(' ')}, "
                    f"where the recording has {wanted[at : at + len(part)].hex(' ')}"
                )
                return False
            at += len(part)
        return True
