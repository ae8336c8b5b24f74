"""The EtherNet/IP driver: what it can do, and opening a session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import ClassVar

import msgspec

from goldcopy.driver import Capability, Meter, Session, Target, Writer
from goldcopy_enip import options
from goldcopy_enip.device import DeviceSession
from goldcopy_enip.device_writer import DeviceWriter
from goldcopy_enip.link import opened
from goldcopy_enip.logix import LogixSession
from goldcopy_enip.pccc_session import PcccSession
from goldcopy_enip.pccc_writer import PcccWriter
from goldcopy_enip.writer import LogixWriter


class EnipDriver:
    """EtherNet/IP: tags of Logix controllers, data files of PCCC ones, parameters of devices."""

    name: ClassVar[str] = "enip"
    title: ClassVar[str] = "EtherNet/IP (CIP, Logix, PCCC)"
    port: ClassVar[int] = 44818
    Options: ClassVar[type[msgspec.Struct]] = options.Options
    capabilities: ClassVar[Sequence[Capability]] = (
        Capability("hardware", "partial", "never run on a real controller: simulators only"),
        Capability("identity and mode", "done"),
        Capability("tags of controller and programs", "done"),
        Capability(
            "tags of targets that list none",
            "partial",
            "those that options.tags names; of structures their bytes alone",
        ),
        Capability("structures as leaves, and their definitions", "done"),
        Capability(
            "access",
            "partial",
            "External Access of tags; what members allow, and which tags are constant, is not told",
        ),
        Capability("names of programs, routines and tasks", "done"),
        Capability(
            "routine logic", "impossible", "no public service reads it: keep the ACD or L5X file"
        ),
        Capability(
            "module configuration", "partial", "only the tags of modules (:C); nothing else is told"
        ),
        Capability(
            "change token",
            "partial",
            "tag database version, template handles and, where it is told, the audit value spare "
            "the tag list; values are always read; the audit value is never met on hardware",
        ),
        Capability(
            "parameters of drives and other devices",
            "partial",
            "Parameter and DPI objects by number; names only where the device itself tells them, "
            "texts of values only of Parameter objects",
        ),
        Capability(
            "assemblies, network settings, data sheet of devices",
            "partial",
            "the configuration assembly, and those that options name: a device lists none",
        ),
        Capability(
            "change token of drives",
            "partial",
            "the DPI checksum covers stored values alone: it spares descriptions and the data "
            "sheet, values are always read",
        ),
        Capability(
            "Micro800",
            "partial",
            "known by its product name, read by name and one by one; no change token",
        ),
        Capability(
            "data files of SLC, MicroLogix, PLC-5 (PCCC)",
            "partial",
            "files S, B, T, C, R, N, F, ST, A, D, L; no input or output images, no other types; "
            "a PLC-5 and some MicroLogix list no files, options must name them",
        ),
        Capability(
            "ladder programs of SLC, MicroLogix, PLC-5",
            "planned",
            "keep the project file of the programming software; no upload is built",
        ),
        Capability(
            "writing",
            "partial",
            "tags, single bits, Parameter and DPI objects, configuration assemblies that options "
            "name, elements and bits of data files; an array longer than a packet goes in parts, "
            "which is not atomic; constant tags, and commands of a device without DPI, are not "
            "told apart: the device must refuse them",
        ),
    )

    def open(self, target: Target, meter: Meter) -> AbstractAsyncContextManager[Session]:
        """Connect, register a session, open a class 3 connection."""
        return _reading(target, meter)

    def open_writing(self, target: Target, meter: Meter) -> AbstractAsyncContextManager[Writer]:
        """As ``open``, for a restore."""
        return _writing(target, meter)


@asynccontextmanager
async def _reading(target: Target, meter: Meter) -> AsyncIterator[Session]:
    chosen = target.options_as(options.Options)
    async with opened(target, chosen, meter) as link:
        match chosen.profile:
            case "logix":
                yield LogixSession(link, chosen)
            case "pccc":
                yield PcccSession(link, chosen)
            case "cip":
                yield DeviceSession(link, chosen)


@asynccontextmanager
async def _writing(target: Target, meter: Meter) -> AsyncIterator[Writer]:
    chosen = target.options_as(options.Options)
    async with opened(target, chosen, meter, writing=True) as link:
        match chosen.profile:
            case "logix":
                yield LogixWriter(link, chosen)
            case "pccc":
                yield PcccWriter(link, chosen)
            case "cip":
                yield DeviceWriter(link, chosen)
