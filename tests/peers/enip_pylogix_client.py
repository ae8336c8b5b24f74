"""A pylogix client in a process of its own, told what to do in JSON lines.

``enip_pylogix_client.py PORT``; the lines are those of ``enip_pycomm3_client.py``.
"""

import json
import sys

from pylogix import PLC  # type: ignore[import-not-found]


class Client:
    def __init__(self, port: int) -> None:
        self.plc = PLC("127.0.0.1", port=port)

    def read(self, name: str, count: int = 1) -> object:
        found = self.plc.Read(name, count)
        return [found.Value, found.Status]

    def read_many(self, *names: str) -> object:
        return [[found.Value, found.Status] for found in self.plc.Read(list(names))]

    def write(self, name: str, value: object) -> object:
        return self.plc.Write(name, value).Status

    def tags(self) -> object:
        found = self.plc.GetTagList()
        return [[tag.TagName, tag.DataType] for tag in found.Value]

    def types(self) -> object:
        return {
            name: [field.TagName for field in kind.Fields]
            for name, kind in self.plc.UDTByName.items()
        }

    def time(self) -> object:
        return self.plc.GetPLCTime(raw=True).Value

    def device(self) -> object:
        return self.plc.GetDeviceProperties().Value.ProductName

    def module(self, slot: int) -> object:
        return self.plc.GetModuleProperties(slot).Value.ProductName

    def close(self) -> object:
        self.plc.Close()
        return None


client = Client(int(sys.argv[1]))
for line in sys.stdin:
    order = json.loads(line)
    try:
        answer = {"is": getattr(client, order["call"])(*order["args"])}
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer, default=str), flush=True)
