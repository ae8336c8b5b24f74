"""Run a simulated controller alone: ``python -m goldcopy_sim.enip --name line3-palletizer``.

With ``--drive``, ``--pccc`` or ``--plc5`` as the first argument it is a drive, an SLC or a PLC-5.
"""

import sys

from goldcopy_sim.service import Simulator, run_alone

from . import DriveSimulator, LogixSimulator, PcccSimulator, Plc5Simulator

KINDS: dict[str, type[Simulator]] = {
    "--drive": DriveSimulator,
    "--pccc": PcccSimulator,
    "--plc5": Plc5Simulator,
}

if __name__ == "__main__":
    kind = KINDS.get(" ".join(sys.argv[1:2]))
    if kind is not None:
        del sys.argv[1]
    run_alone(kind or LogixSimulator)
