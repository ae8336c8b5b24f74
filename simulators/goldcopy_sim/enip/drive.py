"""A drive: a plain CIP device with parameters, seen through two objects, and its files."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Self, Unpack

from goldcopy_sim.service import Value

from . import network
from .cip import Reply, Request
from .device import Options
from .dpi import DpiParameters
from .files import EdsFile
from .identity import Identity
from .parameter import Parameter, Parameters
from .server import Listener

CONFIGURATION = 6
"""The assembly that holds the device's configuration."""


class DriveSimulator(Listener):
    """A simulated drive: no backplane, no tags; parameters, assemblies, an EDS file."""

    def __init__(
        self,
        *,
        port: int = 0,
        parameters: Iterable[Parameter] = (),
        assemblies: dict[int, bytes] | None = None,
        eds: bytes = b"",
        hostname: str = "drive",
        address: str = "192.168.3.41",
        mac: bytes = b"\x00\x1d\x9c\x00\x00\x01",
        full: bool = True,
        dpi: bool = True,
        writable: Iterable[int] = (CONFIGURATION,),
        configuration: int = 0,
        **options: Unpack[Options],
    ) -> None:
        """Set up a drive; see ``Device`` for the other options.

        Args:
            port: 0 takes a free one.
            parameters: What can be set.
            assemblies: Data by instance.
            eds: Its electronic data sheet.
            hostname: Of the TCP/IP object.
            address: Likewise; it is told, not listened at.
            mac: Of the Ethernet link object.
            full: Whether parameter instances tell more than attributes 1 to 6.
            dpi: Whether the DPI parameter object is there.
            writable: Assemblies that can be written.
            configuration: The assembly that the parameter object names as such; 0 for none.
            options: What any device can be told.
        """
        options.setdefault("identity", IDENTITY)
        super().__init__(**options)
        self.parameters = {parameter.number: parameter for parameter in parameters}
        running = self.identity.running
        plain = {number: one for number, one in self.parameters.items() if one.plain}
        self._plain = Parameters(plain, running, full=full, configuration=configuration)
        self.dpi = DpiParameters(
            {number: one for number, one in self.parameters.items() if one.dpi}, running
        )
        held = {number: bytearray(data) for number, data in (assemblies or {}).items()}
        self.assemblies = held
        self._writable = frozenset(writable)
        self._eds = eds
        self.objects |= {
            0x04: network.Assemblies(held, self._writable).serve,
            0x0F: self._parameters,
            0x48: network.qos().serve,
            0xF5: network.tcp_ip(hostname, address).serve,
            0xF6: network.ethernet_link(mac).serve,
        }
        if eds:
            self.objects[0x37] = EdsFile(eds).serve
        if dpi:
            self.objects[0x93] = self._dpi
        self.listen_at(port)

    @classmethod
    def demo(cls, name: str, *, port: int = 0, fault: str | None = None) -> Self:
        """A conveyor's drive; the same name gives the same state."""
        chance = random.Random(name)
        return cls(
            port=port,
            fault=fault,
            identity=_identity(chance.randrange(1 << 32)),
            parameters=believable(chance),
            assemblies={
                1: bytes(8),
                2: bytes(8),
                CONFIGURATION: chance.randbytes(24),
            },
            eds=_EDS.encode(),
            hostname=name,
            mac=b"\x00\x1d\x9c" + chance.randbytes(3),
        )

    def values(self) -> dict[str, tuple[str, Value]]:
        """``parameter/12`` by type, ``assembly/6`` and ``file/eds`` as bytes."""
        held: dict[str, tuple[str, Value]] = {
            f"parameter/{number}": (parameter.type, parameter.value)
            for number, parameter in sorted(self.parameters.items())
        }
        for number, data in sorted(self.assemblies.items()):
            held[f"assembly/{number}"] = "BYTES", bytes(data)
        if self._eds:
            held["file/eds"] = "BYTES", self._eds
        return held

    def change(self, address: str, value: Value) -> None:
        """Set a parameter (``dpi/12`` is ``parameter/12``) or an assembly as at the panel.

        Raises:
            LookupError: There is no such thing.
            ValueError: The value does not fit.
        """
        kind, _, number = address.partition("/")
        known = kind in ("parameter", "dpi") and number.isdigit()
        if known and int(number) in self.parameters:
            self._set(self.parameters[int(number)], value)
        elif kind == "assembly" and number.isdigit() and int(number) in self.assemblies:
            data = self.assemblies[int(number)]
            if not isinstance(value, bytes) or len(value) != len(data):
                raise ValueError(f"{address} takes {len(data)} bytes, not {value!r}")
            data[:] = value
        else:
            raise LookupError(f"there is no {address}")

    def wipe(self) -> None:
        """Parameters that can be written and are kept, and assemblies that can be, are zero."""
        for parameter in self.parameters.values():
            if not parameter.read_only and parameter.recallable:
                self._set(parameter, False if parameter.type == "BOOL" else 0)
        for number in self._writable & self.assemblies.keys():
            self.assemblies[number][:] = bytes(len(self.assemblies[number]))

    def _set(self, parameter: Parameter, value: Value) -> None:
        parameter.change(value)
        if parameter.recallable and parameter.dpi:
            self.dpi.stored[parameter.number] = parameter.value

    def _parameters(self, request: Request) -> Reply:
        self._plain.running = self.identity.running
        return self._plain.serve(request)

    def _dpi(self, request: Request) -> Reply:
        self.dpi.running = self.identity.running
        return self.dpi.serve(request)


def _identity(serial: int) -> Identity:
    return Identity(
        type=0x8F,
        product=0x0390,
        revision=(14, 3),
        serial=serial,
        name="PowerFlex 755",
        running=False,
        mode_bits=False,
    )


IDENTITY = _identity(0x00D21FE5)


def believable(chance: random.Random) -> list[Parameter]:
    """The parameters of a drive on a conveyor."""
    speed = round(chance.uniform(20, 60), 1)
    ramp = chance.choice((15, 20, 30, 50))
    return [
        Parameter(1, "Output Freq", "UINT", 0, 0, 5000, 0, "Hz", "What the motor gets",
                  (1, 100, 1, 0), 2, read_only=True, recallable=False),
        Parameter(3, "Output Current", "REAL", 0.0, 0.0, 40.0, 0.0, "A", "Of the motor",
                  read_only=True, recallable=False),
        Parameter(25, "Motor NP Volts", "UINT", 400, 0, 480, 400, "VAC", "From the name plate",
                  stopped_only=True),
        Parameter(26, "Motor NP FLA", "REAL", 4.5, 0.0, 20.0, 5.0, "A", "From the name plate"),
        Parameter(30, "Start Source", "USINT", 1, 0, 3, 0, "", "Who may start the drive",
                  choices=("Keypad", "Terminals", "Network", "Fieldbus")),
        Parameter(41, "Accel Time 1", "UINT", ramp, 0, 6000, 100, "s", "0 to full speed",
                  (1, 10, 1, 0), 1),
        Parameter(42, "Decel Time 1", "UINT", ramp + 5, 0, 6000, 100, "s", "Full speed to 0",
                  (1, 10, 1, 0), 1),
        Parameter(44, "Max Speed", "REAL", speed, 0.0, 650.0, 60.0, "Hz", "Upper limit"),
        Parameter(46, "Torque Trim", "INT", -chance.randrange(1, 80), -1000, 1000, 0, "%",
                  "Signed", (1, 10, 1, 0), 1),
        Parameter(60, "Position Bias", "DINT", -chance.randrange(1, 1 << 20), -(1 << 31),
                  (1 << 31) - 1, 0, "cnt", "Signed, 32 bits"),
        Parameter(80, "Fault Config", "WORD", 0x0015, 0, 0xFFFF, 0, "", "One bit a fault"),
        Parameter(97, "Reset Defaults", "USINT", 0, 0, 2, 0, "", "A command",
                  choices=("Ready", "Factory", "Custom"), recallable=False),
        Parameter(300, "Run Hours", "UDINT", chance.randrange(1 << 24), 0, (1 << 32) - 1, 0, "h",
                  read_only=True, recallable=False),
    ]  # fmt: skip


_EDS = """$ Simulated device
[File]
  DescText = "Simulated drive";
  CreateDate = 03-14-2021;
  Revision = 1.1;
[Device]
  VendCode = 1;
  ProdType = 143;
  ProdCode = 912;
  MajRev = 14;
  MinRev = 3;
  ProdName = "PowerFlex 755";
[Params]
  Param41 = 0,6,"20 0F 24 29",0,0xC7,2,"Accel Time 1","s","",0,6000,100,1,10,1,0,,,,,1;
"""
