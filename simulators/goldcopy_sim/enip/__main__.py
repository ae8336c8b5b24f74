"""Run a simulated controller alone: ``python -m goldcopy_sim.enip --name line3-palletizer``.

With ``--drive`` as the first argument it is a drive.
"""

import sys

from goldcopy_sim.service import run_alone

from . import DriveSimulator, LogixSimulator

if __name__ == "__main__":
    if sys.argv[1:2] == ["--drive"]:
        del sys.argv[1]
        run_alone(DriveSimulator)
    else:
        run_alone(LogixSimulator)
