"""Run a simulated S7 CPU alone: ``python -m goldcopy_sim.s7 --name line1-press``."""

from goldcopy_sim.service import run_alone

from . import S7Simulator

if __name__ == "__main__":
    run_alone(S7Simulator)
