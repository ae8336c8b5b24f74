"""What one connection has open at the CPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from goldcopy_sim.service import Service

from .block import Key
from .cpu import PROTECTED, WRONG_MODE, Cpu, Refusal


@dataclass
class Upload:
    """A block that is being read, as it was when the upload started."""

    image: bytes
    sent: int = 0


@dataclass
class Download:
    """A block that is being written."""

    key: Key
    filename: bytes
    length: int
    """Bytes announced."""
    image: bytearray = field(default_factory=bytearray)
    error: int = 0
    """Why the CPU ended it, if it was not satisfied."""
    ended: bool = False


@dataclass
class Session:
    """One connection, once setup communication has been answered."""

    cpu: Cpu
    send_job: Callable[[int, bytes], None]
    """Ask something of the client: reference, parameter."""
    pdu: int = 0
    amq: int = 0
    unlocked: bool = False
    uploads: dict[int, Upload] = field(default_factory=dict)
    downloads: dict[int, Download] = field(default_factory=dict)
    """By the reference of the job that the client has yet to answer."""
    reference: int = 0x0100
    refused_first: bool = False
    continued: dict[int, tuple[int, list[bytes]]] = field(default_factory=dict)
    """Replies of more than one data unit: sequence number -> data unit number, what is left."""
    unit: int = 0

    def note(self, name: str, detail: str = "", *, writes: bool = False) -> None:
        """Log a service."""
        self.cpu.log.append(Service(name, writes, detail))

    def need(self, level: int) -> None:
        """Refuse what this protection level forbids: 2 writing, 3 reading too.

        Raises:
            Refusal: The level is in force and no password was given.
        """
        if self.cpu.protection >= level and not self.unlocked:
            raise Refusal(PROTECTED)

    def need_stop(self) -> None:
        """Refuse what changes the program of a CPU that runs.

        Raises:
            Refusal: It runs, and takes blocks in STOP only.
        """
        if self.cpu.running and not self.cpu.load_in_run:
            raise Refusal(WRONG_MODE)
