"""An open session, for reading."""

from __future__ import annotations

from goldcopy.driver import Reading
from goldcopy.snapshot import Identity

from .client import Client
from .identity import identify
from .options import OpcUaOptions
from .pull import pull
from .server import Server, look


class OpcUaSession:
    """An open session, for reading."""

    def __init__(self, client: Client, options: OpcUaOptions) -> None:
        self._client = client
        self._options = options
        self._server: Server | None = None

    async def identify(self) -> Identity:
        """DI nameplate of the one device, else BuildInfo; the server's state is the mode."""
        return await identify(self._client, await self._look())

    async def read(self) -> Reading:
        """All variables and files below the roots, each path once."""
        return await pull(self._client, await self._look(), self._options)

    async def _look(self) -> Server:
        if self._server is None:
            self._server = await look(self._client)
        return self._server
