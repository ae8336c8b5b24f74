"""A Modbus server of pyModbusTCP in a process of its own, told what to do by lines of JSON.

``{"size": {"holding": 10, ...}, "identity": [TEXT, ...]}`` first (identity may be missing): it
answers ``{"port": N}``. Then any number of ``{"holding": [START, VALUE, ...]}``, likewise
``input``, ``coil``, ``discrete``; each is answered ``{}`` once it is done.
``{"dump": "holding"}`` is answered ``{"values": [...]}``, for ``coil`` too. It ends when its input
does.
"""

from __future__ import annotations

import json
import sys

from pyModbusTCP.server import (  # type: ignore[import-not-found]  # lives in .peers, not in .venv
    DataBank,
    DeviceIdentification,
    ModbusServer,
)


def main() -> None:
    told = json.loads(sys.stdin.readline())
    size = told["size"]
    bank = DataBank(
        coils_size=size.get("coil", 0),
        d_inputs_size=size.get("discrete", 0),
        h_regs_size=size.get("holding", 0),
        i_regs_size=size.get("input", 0),
    )
    identity = None
    if "identity" in told:
        identity = DeviceIdentification(*(text.encode() for text in told["identity"]))
    server = ModbusServer("127.0.0.1", 0, no_block=True, data_bank=bank, device_id=identity)
    server.start()
    print(json.dumps({"port": server._service.server_address[1]}), flush=True)  # noqa: SLF001
    setters = {
        "coil": bank.set_coils,
        "discrete": bank.set_discrete_inputs,
        "holding": bank.set_holding_registers,
        "input": bank.set_input_registers,
    }
    getters = {"coil": bank.get_coils, "holding": bank.get_holding_registers}
    for line in sys.stdin:
        order = json.loads(line)
        if "dump" in order:
            values = getters[order["dump"]](0, size[order["dump"]])
            print(json.dumps({"values": [int(value) for value in values]}), flush=True)
            continue
        for table, (start, *values) in order.items():
            assert setters[table](start, values)
        print("{}", flush=True)
    server.stop()


if __name__ == "__main__":
    main()
