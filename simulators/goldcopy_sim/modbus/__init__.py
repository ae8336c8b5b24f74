"""A simulated Modbus TCP controller, written from the specification and sharing no codec.

What a newcomer should read, in this order: ``tables`` is the memory, ``memory``, ``files`` and
``identity`` are the functions a client can call on it, ``controller`` puts them behind unit
identifiers, ``connection`` and ``server`` put that on a socket, ``faults`` is how it misbehaves
when told to, and ``plant`` is the machine that ``demo`` shows. Clause numbers are those of the
Modbus Application Protocol Specification V1.1b3 unless another document is named.
"""

from .server import ModbusSimulator
from .tables import Bits, Registers, Unit

__all__ = ["Bits", "ModbusSimulator", "Registers", "Unit"]
