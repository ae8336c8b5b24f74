"""Run all benchmarks, or those named: ``python -m benchmarks [core enip modbus …]``.

Each prints ratios against another implementation from one interleaved run on the same data, or a
count. Wall times on a busy machine vary by a factor of two; the ratios are what to look at.
"""

from __future__ import annotations

import importlib
import sys

ALL = ("core", "enip", "modbus", "opcua", "restore", "s7", "vault")


def main() -> None:
    named = [word for word in sys.argv[1:] if not word.startswith("-")]
    for name in named or ALL:
        print(f"\n== {name} ==", flush=True)
        importlib.import_module(f"benchmarks.bench_{name}").main()


main()
