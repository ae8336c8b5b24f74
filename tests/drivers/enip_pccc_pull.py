"""A pull over PCCC, with replies that are changed on their way."""

from __future__ import annotations

from collections.abc import Callable

from goldcopy.driver import Meter, Target
from goldcopy.snapshot import Snapshot
from goldcopy_enip import EnipDriver
from goldcopy_enip.options import Options
from goldcopy_sim.enip import DriveSimulator, PcccSimulator
from goldcopy_sim.enip.cip import Reply, Request

PCCC = Options(profile="pccc")


HEAD = 11
"""Bytes of a reply before what the command brought: requestor, command, status, transaction."""


TYPED_READ = "PCCC typed read"


async def pulled(simulator: PcccSimulator | DriveSimulator, options: Options = PCCC) -> Snapshot:
    target = Target("slc", simulator.host, simulator.port, timeout=2.0, options=options)
    async with EnipDriver().open(target, Meter()) as session:
        identity = await session.identify()
        reading = await session.read()
    return Snapshot.of("slc", "enip", identity, reading.items, reading.gaps)


def spoil(
    simulator: PcccSimulator, name: str, change: Callable[[bytes], bytes], within: str = ""
) -> None:
    """Change the replies to the commands of this name."""
    serve = simulator.objects[0x67]

    def spoilt(asked: Request) -> Reply:
        reply = serve(asked)
        service = simulator.services[-1]
        if service.name == name and service.detail.startswith(within):
            return reply._replace(data=change(reply.data))
        return reply

    simulator.objects[0x67] = spoilt


def gaps(snapshot: Snapshot) -> dict[str, str]:
    return {gap.path: gap.reason for gap in snapshot.gaps}


def reads(simulator: PcccSimulator, name: str = TYPED_READ) -> int:
    return [service.name for service in simulator.log].count(name)
