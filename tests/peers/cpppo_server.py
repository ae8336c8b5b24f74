"""cpppo's EtherNet/IP server, in a process of its own; JSON of types and values by tag as argument.

It says its port, and ends when its input does. With ``--as-it-is`` as the first argument it puts
the connection id of requests into replies, as it always does; without, the two ids of a connection
are made equal, which a target may do: the id of requests is its choice (CIP 1, 3-5.5.1).
"""

from __future__ import annotations

import json
import os
import random
import socket
import sys
import threading
import types
from typing import Any

from cpppo.server.enip import (  # type: ignore[import-not-found]  # lives in .peers, not in .venv
    device,
)
from cpppo.server.enip.main import main  # type: ignore[import-not-found]

plain = device.Connection_Manager.forward_open


def forward_open(self: Any, data: Any, addr: Any) -> Any:  # noqa: ANN401
    """As cpppo's own, but that the id it chooses is ours."""
    ours = data.forward_open.T_O.connection_ID
    device.random = types.SimpleNamespace(randint=lambda low, high: ours)
    try:
        return plain(self, data, addr)
    finally:
        device.random = random


def filled(tags: dict[str, tuple[str, object]]) -> type:
    """cpppo's attribute, which has our values to start with."""

    class Filled(device.Attribute):  # type: ignore[misc]
        def __init__(self, name: str, type_cls: type, default: object, **more: object) -> None:
            super().__init__(name, type_cls, default=tags[name][1], **more)

    return Filled


if __name__ == "__main__":
    tags = json.loads(sys.argv[-1])
    if "--as-it-is" not in sys.argv:
        device.Connection_Manager.forward_open = forward_open
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def end() -> None:
        sys.stdin.read()
        os._exit(0)

    def told() -> None:
        """Say the port once somebody listens there."""
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                continue
            print(port, flush=True)
            return

    for one in (end, told):
        threading.Thread(target=one, daemon=True).start()
    named = [
        f"{name}={kind}[{len(value)}]" if isinstance(value, list) else f"{name}={kind}"
        for name, (kind, value) in tags.items()
    ]
    where = ["--no-config", "--no-udp", "-a", f"127.0.0.1:{port}", "-w", ""]
    main([*where, *named], attribute_class=filled(tags))
