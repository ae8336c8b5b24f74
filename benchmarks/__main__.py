"""Run all benchmarks, or those named: ``python -m benchmarks [core enip modbus …]``.

Each prints ratios against another implementation from one interleaved run on the same data, or a
count. Wall times on a busy machine vary by a factor of two; the ratios are what to look at.
"""

from __future__ import annotations

import argparse
import importlib

ALL = ("core", "enip", "modbus", "opcua", "restore", "s7", "vault")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"some of: {', '.join(ALL)}; all without any")
    parser.add_argument("--long", action="store_true", help="vault: 700 devices x 365 nights too")
    args = parser.parse_args()
    if unknown := set(args.name) - set(ALL):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(ALL)}")
    for name in args.name or ALL:
        print(f"\n== {name} ==", flush=True)
        importlib.import_module(f"benchmarks.bench_{name}").main()


main()
