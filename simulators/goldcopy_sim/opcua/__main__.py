"""``python -m goldcopy_sim.opcua --name line1-oven --port 4840``: run one until interrupted."""

from goldcopy_sim.opcua import OpcUaSimulator
from goldcopy_sim.service import run_alone

if __name__ == "__main__":
    run_alone(OpcUaSimulator)
