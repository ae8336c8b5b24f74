"""A Modbus server of libmodbus in a process of its own, told what to do by lines of JSON.

``{"size": {"holding": 10, ...}}`` first: it answers ``{"port": N}``. Then any number of
``{"holding": [START, VALUE, ...]}``, likewise ``input``, ``coil``, ``discrete``, and
``{"float": "cdab", "at": START, "value": X}``; each is answered ``{}`` once it is done.
``{"dump": "holding"}`` is answered ``{"values": [...]}``. All values go through libmodbus' own
mapping and functions. It ends when its input does.
"""

from __future__ import annotations

import ctypes
import json
import socket
import sys
import threading
from typing import Any

TABLES = ("coil", "discrete", "input", "holding")
MAX_ADU = 260  # MODBUS_TCP_MAX_ADU_LENGTH


class Mapping(ctypes.Structure):
    """``modbus_mapping_t`` of libmodbus 3.1."""

    _fields_ = (
        *((f"{field}_{table}", ctypes.c_int) for table in TABLES for field in ("nb", "start")),
        ("coil", ctypes.POINTER(ctypes.c_uint8)),
        ("discrete", ctypes.POINTER(ctypes.c_uint8)),
        ("input", ctypes.POINTER(ctypes.c_uint16)),
        ("holding", ctypes.POINTER(ctypes.c_uint16)),
    )


def load() -> ctypes.CDLL:
    lib = ctypes.CDLL("libmodbus.so.5")
    lib.modbus_new_tcp.restype = ctypes.c_void_p
    lib.modbus_mapping_new.restype = ctypes.POINTER(Mapping)
    return lib


def serve(lib: ctypes.CDLL, context: ctypes.c_void_p, listening: int, mapping: object) -> None:
    """One connection after the other, until the process ends."""
    query = (ctypes.c_uint8 * MAX_ADU)()
    accepting = ctypes.c_int(listening)
    while lib.modbus_tcp_accept(context, ctypes.byref(accepting)) >= 0:
        while (size := lib.modbus_receive(context, query)) >= 0:
            lib.modbus_reply(context, query, size, mapping)
        lib.modbus_close(context)


def change(lib: ctypes.CDLL, mapping: Mapping, order: dict[str, Any]) -> None:
    if "float" in order:
        setter = getattr(lib, f"modbus_set_float_{order['float']}")
        registers = ctypes.cast(mapping.holding, ctypes.c_void_p).value or 0
        setter(ctypes.c_float(order["value"]), ctypes.c_void_p(registers + 2 * order["at"]))
        return
    for table, (start, *values) in order.items():
        for number, value in enumerate(values, start):
            getattr(mapping, table)[number] = value


def main() -> None:
    lib = load()
    size = json.loads(sys.stdin.readline())["size"]
    counts = (size.get(table, 0) for table in ("coil", "discrete", "holding", "input"))
    found = lib.modbus_mapping_new(*counts)
    context = ctypes.c_void_p(lib.modbus_new_tcp(b"127.0.0.1", 0))
    listening = lib.modbus_tcp_listen(context, 1)
    assert listening >= 0
    with socket.socket(fileno=listening) as bound:
        port = bound.getsockname()[1]
        print(json.dumps({"port": port}), flush=True)
        arguments = (lib, context, listening, found)
        threading.Thread(target=serve, args=arguments, daemon=True).start()
        for line in sys.stdin:
            order = json.loads(line)
            if "dump" in order:
                table = getattr(found.contents, order["dump"])
                values = table[: size.get(order["dump"], 0)]
                print(json.dumps({"values": values}), flush=True)
                continue
            change(lib, found.contents, order)
            print("{}", flush=True)


if __name__ == "__main__":
    main()
