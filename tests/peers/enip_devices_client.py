"""Clients for devices other than Logix in a process of their own, told what to do in JSON lines.

``enip_devices_client.py slc PORT`` is pycomm3's SLCDriver, ``... cip PORT`` its CIPDriver; the
lines are those of ``enip_pycomm3_client.py``, bytes travel in hexadecimal.
"""

import contextlib
import json
import sys
from typing import Any

from pycomm3 import CIPDriver, SLCDriver


class Slc:
    def __init__(self, port: int) -> None:
        self.driver: Any = SLCDriver(f"127.0.0.1:{port}")  # type: ignore[no-untyped-call]

    def open(self) -> object:
        return self.driver.open()

    def directory(self) -> object:
        with contextlib.redirect_stdout(sys.stderr):  # it prints
            return self.driver.get_file_directory()

    def processor(self) -> object:
        return self.driver.get_processor_type()

    def read(self, *addresses: str) -> object:
        found = self.driver.read(*addresses)
        return [[tag.value, tag.error] for tag in (found if len(addresses) > 1 else [found])]

    def write(self, address: str, value: object) -> object:
        return self.driver.write((address, value)).error

    def close(self) -> object:
        self.driver.close()
        return None


class Cip:
    def __init__(self, port: int) -> None:
        self.driver: Any = CIPDriver(f"127.0.0.1:{port}")

    def open(self) -> object:
        return self.driver.open()

    def ask(
        self, service: int, class_: int, instance: int, attribute: int | None, data: str
    ) -> object:
        found = self.driver.generic_message(
            service,
            class_,
            instance,
            attribute=b"" if attribute is None else attribute.to_bytes(1, "little"),
            request_data=bytes.fromhex(data),
            connected=True,
            route_path=False,
        )
        return [found.value.hex() if found.value else "", found.error]

    def close(self) -> object:
        self.driver.close()
        return None


client = {"slc": Slc, "cip": Cip}[sys.argv[1]](int(sys.argv[2]))
for line in sys.stdin:
    order = json.loads(line)
    try:
        answer = {"is": getattr(client, order["call"])(*order["args"])}
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer, default=str), flush=True)
