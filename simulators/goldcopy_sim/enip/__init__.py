"""Simulated EtherNet/IP devices: a Logix controller, a drive, an SLC, with their faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self, Unpack

from goldcopy_sim.service import Recorded

from . import demo
from .drive import DriveSimulator
from .identity import Identity, Keyswitch
from .logix import Content, Logix, Setup
from .parameter import Parameter
from .pccc import MICROLOGIX_1400, DataFile, PcccSimulator
from .pccc_plc5 import Plc5Simulator
from .server import Listener
from .tags import Program, Tag
from .twin import Loaded
from .types import COUNTER, NONE, READ_ONLY, READ_WRITE, STRING, TIMER, Member, Structure, string

__all__ = [
    "COUNTER",
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
        self.lacks: Mapping[str, str] = {}
        self.reach: Mapping[str, object] = {}

    @classmethod
    def twin(
        cls,
        items: Iterable[Recorded],
        identity: Mapping[str, str],
        options: Mapping[str, object],
        *,
        name: str,
        port: int = 0,
    ) -> Self:
        """The controller that a backup is of, in slot 0.

        Raises:
            ValueError: It is no Logix controller.
        """
        if (profile := options.get("profile", "logix")) != "logix":
            raise ValueError(f"of the profile {profile} there is no simulator for a backup")
        found = Loaded(items, identity)
        made = cls(port=port, **found.content())
        found.fill(made)
        made.lacks, made.reach = found.lacks, {"path": None}
        return made

    def lock(self) -> str:
        """Classic CIP has no credentials."""
        return ""

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
