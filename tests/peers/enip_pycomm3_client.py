"""A LogixDriver in a process of its own, told what to do in JSON lines.

``enip_pycomm3_client.py pycomm3 PORT`` or ``... ciplink PORT``: the second library has the
interface of the first on a core of its own. One line in, ``{"call": NAME, "args": [...]}``, gives
one line out, ``{"is": ANSWER}`` or ``{"error": WORDS}``.
"""

import importlib
import json
import sys

library = importlib.import_module(sys.argv[1])


class Client:
    def __init__(self, port: int) -> None:
        self.driver = library.LogixDriver(f"127.0.0.1:{port}/0")

    def open(self) -> object:
        self.driver.open()
        return {"info": self.driver.info}

    def tags(self) -> object:
        return {
            name: {
                "type": tag["data_type_name"],
                "dims": list(tag["dimensions"])[: tag["dim"]],
                "alias": tag["alias"],
                "access": tag["external_access"],
            }
            for name, tag in self.driver.tags.items()
        }

    def types(self) -> object:
        return {
            name: {
                "members": kind["attributes"],
                "handle": kind["template"]["structure_handle"],
                "size": kind["template"]["structure_size"],
                "offsets": {
                    member: found["offset"] for member, found in kind["internal_tags"].items()
                },
            }
            for name, kind in self.driver.data_types.items()
        }

    def read(self, *names: str) -> object:
        found = self.driver.read(*names)
        return [[tag.value, tag.error] for tag in (found if len(names) > 1 else [found])]

    def write(self, *pairs: list[object]) -> object:
        found = self.driver.write(*((name, value) for name, value in pairs))
        return [tag.error for tag in (found if len(pairs) > 1 else [found])]

    def time(self) -> object:
        return self.driver.get_plc_time().value["microseconds"]

    def module(self, slot: int) -> object:
        return self.driver.get_module_info(slot)["product_name"]

    def close(self) -> object:
        self.driver.close()
        return None


client = Client(int(sys.argv[2]))
for line in sys.stdin:
    order = json.loads(line)
    try:
        answer = {"is": getattr(client, order["call"])(*order["args"])}
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer, default=str), flush=True)
