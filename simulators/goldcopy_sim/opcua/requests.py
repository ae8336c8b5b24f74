"""The services that need a session: what a request asks for, and how it is answered.

asyncua decodes requests into objects of its own; a Write is decoded here, because asyncua would
round a DateTime and look a structure up in a table that the whole process shares.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from asyncua import ua
from asyncua.common.utils import Buffer, ServiceError
from asyncua.server.address_space import ViewService
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from asyncua.ua.uaerrors import UaError

from .attributes import Attributes, Write
from .browse import Pages, References
from .codec import Kind, Reader, array
from .controller import Controller
from .files import Handles, method, only_reads
from .ids import ObjectIdNames, StatusCodes
from .settings import Role

WRITES = frozenset(
    {
        "Write",
        "Call",
        "AddNodes",
        "AddReferences",
        "DeleteNodes",
        "DeleteReferences",
        "HistoryUpdate",
        "RegisterServer",
        "RegisterServer2",
    }
)
"""Services that change a controller."""


class Request(NamedTuple):
    """A request that has been decoded, and not been carried out."""

    nodes: int
    detail: str
    run: Callable[[Role], Sequence[bytes]]
    """Carry it out for a user; gives the encoded results."""
    limit: str = ""
    """The setting that bounds ``nodes``."""
    writes: bool = False


class Desk:
    """Takes the requests of one session."""

    def __init__(
        self,
        controller: Controller,
        attributes: Attributes,
        references: References,
        views: ViewService,
    ) -> None:
        self._controller = controller
        self._attributes = attributes
        self._views = views
        points = controller.settings.max_browse_continuation_points
        self._pages = Pages(references, points)
        self._handles = Handles(controller.model.files, controller.settings.max_file_read)
        self._decoders: dict[str, Callable[[Buffer], Request]] = {
            "Browse": self._browse,
            "BrowseNext": self._browse_next,
            "Call": self._call,
            "Read": self._read,
            "TranslateBrowsePathsToNodeIds": self._translate,
            "Write": self._write,
        }

    def decode(self, service: str, body: Buffer) -> Request | None:
        """The request; None for a service that this controller does not offer.

        Raises:
            ServiceError: BadDecodingError.
        """
        decoder = self._decoders.get(service)
        try:
            return decoder(body) if decoder else None
        except (UaError, ServiceError, ValueError, struct.error) as error:
            raise ServiceError(StatusCodes.BadDecodingError) from error

    def close(self) -> None:
        """Give back what the session held."""
        self._handles.close()
        self._pages.forget()

    def _browse(self, body: Buffer) -> Request:
        asked = struct_from_binary(ua.BrowseParameters, body)
        nodes, wanted = asked.NodesToBrowse or [], asked.RequestedMaxReferencesPerNode

        def run(_: Role) -> Sequence[bytes]:
            size = min((n for n in (self._controller.page, wanted) if n), default=0)
            results = self._pages.browse(nodes, size)
            if self._controller.fault == "no-continuation":
                self._pages.forget()
            return results

        return Request(len(nodes), f"{len(nodes)} nodes", run, "max_nodes_per_browse")

    def _browse_next(self, body: Buffer) -> Request:
        asked = struct_from_binary(ua.BrowseNextParameters, body)
        points, release = asked.ContinuationPoints or [], bool(asked.ReleaseContinuationPoints)
        return Request(
            len(points),
            f"{len(points)} points" + ", release" * release,
            lambda _: self._pages.next(points, release=release),
            "max_nodes_per_browse",
        )

    def _read(self, body: Buffer) -> Request:
        asked = struct_from_binary(ua.ReadParameters, body)
        nodes, stamps = asked.NodesToRead or [], asked.TimestampsToReturn
        tally = Counter(int(each.AttributeId) for each in nodes)

        def run(role: Role) -> Sequence[bytes]:
            fragile = self._controller.fault == "undecodable-value"
            read = self._attributes.read
            return [read(each, role, stamps, fragile=fragile) for each in nodes]

        detail = f"{len(nodes)} nodes, attributes {','.join(map(str, sorted(tally)))}"
        return Request(len(nodes), detail, run, "max_nodes_per_read")

    def _write(self, body: Buffer) -> Request:
        reader = Reader(body.read(len(body)))
        asked = [Write.decode(reader) for _ in range(reader.unpack(Kind.Int32))]

        def run(role: Role) -> Sequence[bytes]:
            mishap = self._controller.mishap
            return [struct.pack("<I", self._attributes.write(each, role, mishap)) for each in asked]

        detail = f"{len(asked)} nodes"
        return Request(len(asked), detail, run, "max_nodes_per_write", writes=True)

    def _translate(self, body: Buffer) -> Request:
        asked = struct_from_binary(ua.TranslateBrowsePathsToNodeIdsParameters, body)
        paths = asked.BrowsePaths or []

        def run(_: Role) -> Sequence[bytes]:
            found = self._views.translate_browsepaths_to_nodeids(paths)
            return [struct_to_binary(each) for each in found]

        return Request(len(paths), f"{len(paths)} paths", run)

    def _call(self, body: Buffer) -> Request:
        asked = struct_from_binary(ua.CallParameters, body).MethodsToCall or []
        names = [method(each) or each.MethodId.to_string() for each in asked]

        def run(_: Role) -> Sequence[bytes]:
            return [struct_to_binary(self._handles.call(each)) for each in asked]

        writes = not all(only_reads(each) for each in asked)
        return Request(len(asked), ", ".join(names), run, writes=writes)


def results(answers: Sequence[bytes]) -> bytes:
    """What follows the header in every response above: Results, and no DiagnosticInfos."""
    return array(answers) + array(())


def named(typeid: ua.NodeId) -> str:
    """The service that a request type stands for: ``Read``."""
    full = ObjectIdNames.get(int(typeid.Identifier), "") if not typeid.NamespaceIndex else ""
    return full.removesuffix("Request_Encoding_DefaultBinary") or typeid.to_string()
