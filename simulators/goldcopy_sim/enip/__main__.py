"""Run a simulated controller alone: ``python -m goldcopy_sim.enip --name line3-palletizer``."""

from goldcopy_sim.service import run_alone

from . import LogixSimulator

if __name__ == "__main__":
    run_alone(LogixSimulator)
