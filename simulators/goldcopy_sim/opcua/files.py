"""Files that can be read over OPC UA (FileType, OPC 10000-20, 4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from asyncua import ua
from asyncua.common.utils import ServiceError

from .codec import Data, Kind
from .ids import ObjectIds, StatusCodes
from .variable import Variable

METHODS = {
    ObjectIds.FileType_Open: "Open",
    ObjectIds.FileType_Close: "Close",
    ObjectIds.FileType_Read: "Read",
    ObjectIds.FileType_Write: "Write",
    ObjectIds.FileType_GetPosition: "GetPosition",
    ObjectIds.FileType_SetPosition: "SetPosition",
}
OPEN_FOR_READING = 1


@dataclass(eq=False)
class File:
    """A file and the two variables that follow it."""

    content: bytes
    size: Variable
    open_count: Variable

    def put(self, content: bytes) -> None:
        """Replace the content."""
        self.content = content
        self.size.put(Data(Kind.UInt64, len(content)))

    def opened(self, change: int) -> None:
        """Count one more open handle, or one less."""
        held = self.open_count.data.value
        assert isinstance(held, int)
        self.open_count.put(Data(Kind.UInt16, held + change))


@dataclass
class _Handle:
    file: File
    position: int = 0


class Handles:
    """The open files of one session."""

    def __init__(self, files: dict[ua.NodeId, File], cap: int) -> None:
        self._files = files
        self._cap = cap
        self._open: dict[int, _Handle] = {}
        self._numbers = count(1)

    def call(self, asked: ua.CallMethodRequest) -> ua.CallMethodResult:
        """Call a method on a file."""
        try:
            outputs = self._call(asked)
        except ServiceError as error:
            return ua.CallMethodResult(StatusCode=ua.StatusCode(ua.UInt32(error.code)))
        return ua.CallMethodResult(OutputArguments=outputs)

    def close(self) -> None:
        """Close every file, as the end of a session does."""
        for handle in self._open.values():
            handle.file.opened(-1)
        self._open.clear()

    def _call(self, asked: ua.CallMethodRequest) -> list[ua.Variant]:
        file = self._files.get(asked.ObjectId)
        if file is None:
            raise ServiceError(StatusCodes.BadNodeIdUnknown)
        given = [each.Value for each in asked.InputArguments or ()]
        match method(asked), given:
            case "Open", [int(mode)]:
                return [ua.Variant(self._opened(file, mode), Kind.UInt32)]
            case "Close", [int(number)]:
                self._handle(file, number)
                del self._open[number]
                file.opened(-1)
                return []
            case "Read", [int(number), int(length)] if length >= 0:
                return [ua.Variant(self._read(self._handle(file, number), length))]
            case "Write", [int(), bytes()]:
                raise ServiceError(StatusCodes.BadNotWritable)
            case "GetPosition", [int(number)]:
                return [ua.Variant(self._handle(file, number).position, Kind.UInt64)]
            case "SetPosition", [int(number), int(position)]:
                handle = self._handle(file, number)
                handle.position = min(position, len(file.content))
                return []
            case None, _:
                raise ServiceError(StatusCodes.BadMethodInvalid)
        raise ServiceError(StatusCodes.BadInvalidArgument)

    def _opened(self, file: File, mode: int) -> int:
        if mode != OPEN_FOR_READING:
            raise ServiceError(StatusCodes.BadNotWritable)
        number = next(self._numbers)
        self._open[number] = _Handle(file)
        file.opened(+1)
        return number

    def _read(self, handle: _Handle, length: int) -> bytes:
        """At most the cap, and less than that at the end: the client has to ask again."""
        start = handle.position
        handle.position = min(start + min(length, self._cap), len(handle.file.content))
        return handle.file.content[start : handle.position]

    def _handle(self, file: File, number: int) -> _Handle:
        handle = self._open.get(number)
        if handle is None or handle.file is not file:
            raise ServiceError(StatusCodes.BadInvalidArgument)
        return handle


def method(asked: ua.CallMethodRequest) -> str | None:
    """The name of a method of FileType; None for any other."""
    if asked.MethodId.NamespaceIndex:
        return None
    return METHODS.get(int(asked.MethodId.Identifier))


def only_reads(asked: ua.CallMethodRequest) -> bool:
    """Whether a call leaves the controller as it is."""
    name = method(asked)
    if name == "Open":
        return [each.Value for each in asked.InputArguments or ()] == [OPEN_FOR_READING]
    return name in ("Read", "Close", "GetPosition", "SetPosition")
