"""Simulated EtherNet/IP devices: a Logix controller, a drive, an SLC, with their faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self, Unpack

from goldcopy_sim.service import Recorded

from . import demo
from .data_file import DataFile
from .drive import DriveSimulator
from .identity import Identity, Keyswitch
from .logix import Content, Logix, Setup
from .parameter import Parameter
from .pccc import MICROLOGIX_1100, MICROLOGIX_1400, PcccSimulator
from .pccc_plc5 import Plc5Simulator
from .server import Listener
from .tags import Program, Tag
from .twin import Loaded
from .twin_drive import LoadedDrive
from .twin_pccc import LoadedPccc
from .types import COUNTER, NONE, READ_ONLY, READ_WRITE, STRING, TIMER, Member, Structure, string

__all__ = [
    "COUNTER",
    "MICROLOGIX_1100",
    "MICROLOGIX_1400",
    "NONE",
    "READ_ONLY",
    "READ_WRITE",
    "STRING",
    "TIMER",
    "DataFile",
    "DriveSimulator",
    "Identity",
    "Keyswitch",
    "LogixSimulator",
    "Member",
    "Parameter",
    "PcccSimulator",
    "Plc5Simulator",
    "Program",
    "Structure",
    "Tag",
    "string",
]


class LogixSimulator(Logix, Listener):
    """A simulated ControlLogix: its tags, its programs, its answers."""

    def __init__(self, *, port: int = 0, **content: Unpack[Content]) -> None:
        """Set up a controller; see ``Logix`` for what it can be told."""
        super().__init__(**content)
        self.listen_at(port)

    @classmethod
    def twin(
        cls,
        items: Iterable[Recorded],
        identity: Mapping[str, str],
        options: Mapping[str, object],
        *,
        name: str,
        port: int = 0,
    ) -> LogixSimulator | DriveSimulator | PcccSimulator:
        """The device that a backup is of, by the profile in its options; a controller in slot 0.

        Raises:
            ValueError: It is no such device.
        """
        made: LogixSimulator | DriveSimulator | PcccSimulator
        found: Loaded | LoadedDrive | LoadedPccc
        match options.get("profile", "logix"):
            case "cip":
                found = LoadedDrive(items, identity, options)
                made = found.made(port)
            case "pccc":
                found = LoadedPccc(items, identity)
                made = found.made(port)
            case _:
                found = Loaded(items, identity)
                made = cls(port=port, **found.content())
                found.fill(made)
        # Nobody can turn the key of a twin, and a drill may write to it as it is.
        made.lacks, made.reach = found.lacks, {"path": None, "write_in_run": True}
        return made

    @classmethod
    def demo(cls, name: str, *, port: int = 0, fault: str | None = None) -> Self:
        """A palletizer; the same name gives the same state."""
        return cls(
            port=port,
            fault=fault,
            identity=demo.identity(name),
            modules=demo.modules(name),
            name=name.replace("-", "_"),
            **demo.palletizer(name)._asdict(),
        )

    @classmethod
    def flat(
        cls,
        dints: int = 2000,
        arrays: int = 100,
        length: int = 1000,
        *,
        port: int = 0,
        **content: Unpack[Setup],
    ) -> Self:
        """DINTs and arrays of DINT alone, for measuring how fast a client reads."""
        return cls(port=port, tags=demo.flat(dints, arrays, length), **content)

    @classmethod
    def large(
        cls,
        instances: int = 300,
        programs: int = 20,
        *,
        port: int = 0,
        **content: Unpack[Setup],
    ) -> Self:
        """Nested structures in many tags, and many programs."""
        project = demo.large(instances, programs)
        return cls(port=port, tags=project.tags, programs=project.programs, **content)
