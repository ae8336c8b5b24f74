"""The native snap7 client as a process of its own, told what to do in JSON lines.

Runs with the Python of an environment that has python-snap7 2.0.2, whose C library is the peer.
The library is called directly: the wrapper drops sizes and some return codes.
One line in, ``{"call": NAME, "args": [...]}``, gives one line out, ``{"is": ANSWER}`` or
``{"error": CODE, "text": WORDS}``. Bytes travel in hexadecimal.
"""

import ctypes
import json
import sys

from snap7.common import load_library  # type: ignore[import-not-found]
from snap7.type import S7SZL, S7CpuInfo, S7OrderCode, S7Protection, TS7BlockInfo

SIZE = 0x10000
TYPES = {"OB": 0x38, "DB": 0x41, "SDB": 0x42, "FC": 0x43, "SFC": 0x44, "FB": 0x45, "SFB": 0x46}
ORDER = ("OB", "FB", "FC", "SFB", "SFC", "DB", "SDB")
AREAS = {"I": 0x81, "Q": 0x82, "M": 0x83, "DB": 0x84, "C": 0x1C, "T": 0x1D}
BYTE, COUNTER, TIMER = 0x02, 0x1C, 0x1D
PDU_REQUEST, REMOTE_PORT = 10, 2


class CpInfo(ctypes.Structure):
    """Four int32, as the C header has it; the wrapper's own class says uint16."""

    _fields_ = [
        (name, ctypes.c_int32)
        for name in ("MaxPduLength", "MaxConnections", "MaxMpiRate", "MaxBusRate")
    ]


class Refused(Exception):
    """The library gave this code."""


class Native:
    def __init__(self, port: int, rack: int, slot: int, pdu: int) -> None:
        self.lib = load_library()
        self.lib.Cli_Create.restype = ctypes.c_void_p
        self.handle = ctypes.c_void_p(self.lib.Cli_Create())
        for number, value, width in (
            (REMOTE_PORT, port, ctypes.c_uint16),
            (PDU_REQUEST, pdu, ctypes.c_int32),
        ):
            self.run("SetParam", number, ctypes.byref(width(value)))
        self.place = rack, slot

    def run(self, name: str, *arguments: object) -> None:
        code = getattr(self.lib, f"Cli_{name}")(self.handle, *arguments)
        if code:
            raise Refused(code)

    def text(self, code: int) -> str:
        words = ctypes.create_string_buffer(1024)
        self.lib.Cli_ErrorText(code, words, 1024)
        return words.value.decode("latin-1")

    def structure(
        self, name: str, kind: type[ctypes.Structure], *arguments: object
    ) -> dict[str, int | str]:
        found = kind()
        self.run(name, *arguments, ctypes.byref(found))
        return {
            field[0]: value.decode("latin-1") if isinstance(value, bytes) else value
            for field in kind._fields_
            for value in [getattr(found, field[0])]
        }

    def connect(self) -> None:
        self.run("ConnectTo", b"127.0.0.1", *self.place)

    def pdu(self) -> int:
        asked, granted = ctypes.c_int(), ctypes.c_int()
        self.run("GetPduLength", ctypes.byref(asked), ctypes.byref(granted))
        return granted.value

    def list_blocks(self) -> dict[str, int]:
        counts = (ctypes.c_int32 * 7)()
        self.run("ListBlocks", ctypes.byref(counts))
        return dict(zip(ORDER, counts, strict=True))

    def list_of_type(self, kind: str) -> list[int]:
        numbers = (ctypes.c_uint16 * 0x2000)()
        count = ctypes.c_int(0x2000)
        self.run("ListBlocksOfType", TYPES[kind], ctypes.byref(numbers), ctypes.byref(count))
        return list(numbers[: count.value])

    def info(self, kind: str, number: int) -> dict[str, int | str]:
        return self.structure("GetAgBlockInfo", TS7BlockInfo, TYPES[kind], number)

    def full_upload(self, kind: str, number: int) -> str:
        octets, size = (ctypes.c_ubyte * SIZE)(), ctypes.c_int(SIZE)
        self.run("FullUpload", TYPES[kind], number, ctypes.byref(octets), ctypes.byref(size))
        return bytes(octets[: size.value]).hex()

    def upload(self, kind: str, number: int) -> str:
        octets, size = (ctypes.c_ubyte * SIZE)(), ctypes.c_int(SIZE)
        self.run("Upload", TYPES[kind], number, ctypes.byref(octets), ctypes.byref(size))
        return bytes(octets[: size.value]).hex()

    def download(self, number: int, block: str) -> None:
        octets = bytes.fromhex(block)
        self.run("Download", number, octets, len(octets))

    def delete(self, kind: str, number: int) -> None:
        self.run("Delete", TYPES[kind], number)

    def read(self, area: str, number: int, start: int, size: int) -> str:
        octets = (ctypes.c_ubyte * SIZE)()
        width = {"C": COUNTER, "T": TIMER}.get(area, BYTE)
        self.run("ReadArea", AREAS[area], number, start, size, width, ctypes.byref(octets))
        return bytes(octets[: size if width == BYTE else size * 2]).hex()

    def write(self, area: str, number: int, start: int, data: str) -> None:
        octets = bytes.fromhex(data)
        width = {"C": COUNTER, "T": TIMER}.get(area, BYTE)
        amount = len(octets) if width == BYTE else len(octets) // 2
        self.run("WriteArea", AREAS[area], number, start, amount, width, octets)

    def szl(self, number: int, index: int) -> dict[str, int | str]:
        found, size = S7SZL(), ctypes.c_int(ctypes.sizeof(S7SZL))
        self.run("ReadSZL", number, index, ctypes.byref(found), ctypes.byref(size))
        octets = bytes(found)[4 : 4 + found.Header.LengthDR * found.Header.NDR]
        return {"length": found.Header.LengthDR, "count": found.Header.NDR, "data": octets.hex()}

    def cpu_info(self) -> dict[str, int | str]:
        return self.structure("GetCpuInfo", S7CpuInfo)

    def order_code(self) -> dict[str, int | str]:
        return self.structure("GetOrderCode", S7OrderCode)

    def cp_info(self) -> dict[str, int | str]:
        return self.structure("GetCpInfo", CpInfo)

    def protection(self) -> dict[str, int | str]:
        return self.structure("GetProtection", S7Protection)

    def state(self) -> int:
        mode = ctypes.c_int()
        self.run("GetPlcStatus", ctypes.byref(mode))
        return mode.value

    def clock(self) -> list[int]:
        parts = (ctypes.c_int32 * 9)()
        self.run("GetPlcDateTime", ctypes.byref(parts))
        return list(parts)

    def set_clock(self, *parts: int) -> None:
        self.run("SetPlcDateTime", ctypes.byref((ctypes.c_int32 * 9)(*parts)))

    def password(self, words: str) -> None:
        self.run("SetSessionPassword", words.encode())

    def clear_password(self) -> None:
        self.run("ClearSessionPassword")

    def stop(self) -> None:
        self.run("PlcStop")

    def hot_start(self) -> None:
        self.run("PlcHotStart")

    def cold_start(self) -> None:
        self.run("PlcColdStart")

    def compress(self) -> None:
        self.run("Compress", 5000)

    def copy_ram_to_rom(self) -> None:
        self.run("CopyRamToRom", 5000)

    def disconnect(self) -> None:
        self.run("Disconnect")


def main() -> None:
    native = Native(*map(int, sys.argv[1:5]))
    for line in sys.stdin:
        wanted = json.loads(line)
        try:
            answer = {"is": getattr(native, wanted["call"])(*wanted.get("args", ()))}
        except Refused as refused:
            (code,) = refused.args
            answer = {"error": code, "text": native.text(code)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
