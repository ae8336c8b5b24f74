"""TCP/IP, Ethernet link and QoS objects (CIP volume 2, chapter 5), and assemblies."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping

from . import cip
from .amiss import another
from .cip import Attributes, Refusal, Reply, Request


class Instances:
    """An object with fixed instances of plain attributes."""

    def __init__(self, instances: Mapping[int, Attributes]) -> None:
        self._instances = instances

    def serve(self, request: Request) -> Reply:
        """Hand on to the instance that is meant."""
        _, number, _ = request.target
        if number not in self._instances:
            raise Refusal(cip.PATH_UNKNOWN, 0)
        return self._instances[number].serve(request)


def tcp_ip(hostname: str, address: str) -> Instances:
    """0xF5: how the device got its address, and which one."""
    numbers = (address, "255.255.255.0", "192.168.3.1", "192.168.3.1", "0.0.0.0")
    domain = b"plant.example"
    settings = b"".join(socket.inet_aton(number)[::-1] for number in numbers)
    name = hostname.encode("ascii")
    return Instances({1: Attributes({
        1: struct.pack("<I", 1),
        2: struct.pack("<I", 0x14),
        3: struct.pack("<I", 0),
        4: b"\x02\x00\x20\xf6\x24\x01",
        5: settings + struct.pack("<H", len(domain)) + domain + b"\0" * (len(domain) % 2),
        6: struct.pack("<H", len(name)) + name + b"\0" * (len(name) % 2),
        8: b"\x01",
        9: bytes(8),
        13: struct.pack("<H", 120),
    }, get_all=(1, 2, 3, 4, 5, 6))})  # fmt: skip


def ethernet_link(mac: bytes) -> Instances:
    """0xF6: speed, flags, hardware address."""
    values = {1: struct.pack("<I", 100), 2: struct.pack("<I", 0x0F), 3: mac}
    return Instances({1: Attributes(values, get_all=(1, 2, 3))})


def qos() -> Instances:
    """0x48: how packets are marked."""
    marks = {4: 55, 5: 47, 6: 43, 7: 31, 8: 27}
    values = {1: b"\0"} | {number: bytes((mark,)) for number, mark in marks.items()}
    return Instances({1: Attributes(values)})


class Assemblies:
    """0x04: blocks of bytes; those of outputs and of configuration can be written."""

    def __init__(self, held: dict[int, bytearray], writable: frozenset[int]) -> None:
        self.held, self._writable = held, writable

    def serve(self, request: Request) -> Reply:
        """Attribute 3 is the data, 4 its size."""
        _, number, attribute = request.target
        if number not in self.held:
            raise Refusal(cip.PATH_UNKNOWN, 0)
        data = self.held[number]
        if request.service == cip.SET_SINGLE:
            if attribute != 3 or number not in self._writable:
                raise Refusal(cip.NOT_SETTABLE)
            if len(request.data) != len(data):
                short = len(request.data) < len(data)
                raise Refusal(cip.NOT_ENOUGH_DATA if short else cip.TOO_MUCH_DATA)
            data[:] = request.keep(request.data, bytes(data), another(request.data))
            return Reply()
        return Attributes({3: bytes(data), 4: struct.pack("<H", len(data))}).serve(request)
