"""The place where a kit is used: a controller, a laptop, and no network but loopback.

Started within an empty network namespace: ``kit_site.py PORT HOLDING=VALUE… -- COMMAND…``. Serves a
simulated mixer, changes its registers, runs the command beside it, and tells in JSON what came of
it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys

from goldcopy_sim.modbus import ModbusSimulator


async def main(port: int, changes: dict[str, int], command: list[str]) -> None:
    async with ModbusSimulator.demo("mixer", port=port) as mixer:
        whole = dict(mixer.values())
        for address, value in changes.items():
            mixer.change(address, value)
        run = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            out, err = await asyncio.wait_for(run.communicate(), 200)
        finally:
            if run.returncode is None:
                os.killpg(run.pid, signal.SIGKILL)
        now = mixer.values()
        answer = {
            "code": run.returncode,
            "out": out.decode(),
            "err": err.decode(),
            "interfaces": [name for _, name in socket.if_nameindex()],
            "other": {path: str(now[path]) for path in now if now[path] != whole[path]},
            "writes": sum(service.writes for service in mixer.log),
        }
    print(json.dumps(answer))


if __name__ == "__main__":
    words = sys.argv[1:]
    split = words.index("--")
    changed = dict(word.split("=") for word in words[1:split])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    asyncio.run(main(int(words[0]), {a: int(v) for a, v in changed.items()}, words[split + 1 :]))
