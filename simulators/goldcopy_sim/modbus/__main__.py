"""``python -m goldcopy_sim.modbus --name mixer --port 5020``: run one until interrupted."""

from goldcopy_sim.modbus import ModbusSimulator
from goldcopy_sim.service import run_alone

if __name__ == "__main__":
    run_alone(ModbusSimulator)
