"""The native snap7 server as a process of its own; says its port on stdout, ends with its stdin.

Runs with the Python of an environment that has python-snap7 2.0.2, whose C library is the peer.
Arguments: data blocks, bytes of each. Every byte is a function of its place: see ``byte``.
"""

import ctypes
import socket
import sys

from snap7.server import Server
from snap7.type import SrvArea

AREAS = {SrvArea.PE: 128, SrvArea.PA: 128, SrvArea.MK: 256, SrvArea.CT: 64, SrvArea.TM: 64}


def byte(area: int, number: int, at: int) -> int:
    """What is at a place."""
    return (area * 41 + number * 7 + at * 13 + (at >> 8)) & 0xFF


def main() -> None:
    blocks, size = map(int, sys.argv[1:3])
    server = Server(log=False)
    kept = []
    places = [(area, 0, length) for area, length in AREAS.items()]
    places += [(SrvArea.DB, number, size) for number in range(1, blocks + 1)]
    for area, number, length in places:
        content = bytes(byte(area.value, number, at) for at in range(length))
        memory = (ctypes.c_ubyte * length).from_buffer_copy(content)
        kept.append(memory)  # the library keeps the address only
        server.register_area(area, number, memory)  # type: ignore[arg-type]  # of the 3.x types
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server.start_to("127.0.0.1", tcp_port=port)
    print(port, flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
