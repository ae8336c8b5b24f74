"""Block transfer: upload in fragments, download driven by the CPU."""

from __future__ import annotations

import time
from typing import Final

from .block import LENGTH_AT, SYSTEM, Block, Key
from .cpu import (
    BAD_FRAME,
    BAD_SEQUENCE,
    BROKEN_BLOCK,
    CANNOT,
    COORDINATION,
    NO_MORE_UPLOADS,
    NOT_FOUND,
    WRONG_LENGTHS,
    Refusal,
)
from .directory import SYNTAX, find, parse_name
from .faults import REFUSED_FIRST
from .frames import Message
from .session import Download, Session, Upload

MAX_UPLOADS: Final = 8
"""On one connection at once."""
REQUEST_DOWNLOAD, DOWNLOAD, DOWNLOAD_ENDED, START_UPLOAD, UPLOAD, END_UPLOAD = range(0x1A, 0x20)
_UPLOAD_OVERHEAD: Final = 18
"""S7 header 12, parameter 2, length and constant 4."""
_MORE, _LAST = 1, 0
_CONSTANT: Final = 0x00FB


def start_upload(session: Session, request: Message) -> tuple[bytes, bytes]:
    """Function 0x1D: take a copy of the block, so that its parts belong together."""
    name = _filename(request.parameter)
    key = parse_name(name[1:8])
    session.note("start upload", str(key or name.hex()))
    if key is None:
        raise Refusal(SYNTAX)
    session.need(3)
    if session.cpu.fault == "first-upload-refused" and not session.refused_first:
        session.refused_first = True
        raise Refusal(REFUSED_FIRST)
    image = None if key.kind in SYSTEM else find(session, key, name[8:9])
    if image is None:
        raise Refusal(NOT_FOUND)
    if len(session.uploads) >= MAX_UPLOADS:
        raise Refusal(NO_MORE_UPLOADS)
    if session.cpu.fault == "lying-length":
        told = int.from_bytes(image[LENGTH_AT], "big") + 26
        image = image[: LENGTH_AT.start] + told.to_bytes(4, "big") + image[LENGTH_AT.stop :]
    number = _free_id(session)
    session.uploads[number] = Upload(image)
    length = b"%07d" % len(image)
    answer = bytes((START_UPLOAD, 0, 1, 0)) + number.to_bytes(4, "big") + b"\x07" + length
    return answer, b""


def upload(session: Session, request: Message) -> tuple[bytes, bytes]:
    """Function 0x1E: the next fragment."""
    number, going = _upload(session, "upload", request)
    session.note("upload", f"id {number} from {going.sent}")
    part = going.image[going.sent : going.sent + session.pdu - _UPLOAD_OVERHEAD]
    if session.cpu.fault == "upload-cut":
        part = part[: len(going.image) // 2]
        going.sent = len(going.image)
    else:
        going.sent += len(part)
    status = _MORE if going.sent < len(going.image) else _LAST
    return bytes((UPLOAD, status)), _part_head(part) + part


def end_upload(session: Session, request: Message) -> tuple[bytes, bytes]:
    """Function 0x1F: forget the copy."""
    number, going = _upload(session, "end upload", request)
    session.note("end upload", f"id {number}, {going.sent} of {len(going.image)} bytes sent")
    del session.uploads[number]
    return bytes((END_UPLOAD,)), b""


def request_download(session: Session, request: Message) -> tuple[bytes, bytes]:
    """Function 0x1A: agree to take a block; what follows is asked for by the CPU."""
    name = _filename(request.parameter)
    key = parse_name(name[1:8])
    session.note("request download", str(key or name.hex()), writes=True)
    if key is None or key.kind in SYSTEM:
        raise Refusal(SYNTAX)
    session.need(2)
    session.need_stop()
    if time.monotonic() < session.cpu.kept_until:
        raise Refusal(COORDINATION)
    if session.cpu.fault == "download-refused":
        raise Refusal(CANNOT)
    sizes = request.parameter[9 + len(name) :]
    # A count, "1", the bytes of load memory and of MC7 code in six digits each.
    if len(sizes) != 14 or sizes[0] != 13 or not sizes[1:].isdigit():
        raise Refusal(BAD_FRAME)
    if session.cpu.fault != "download-silent":
        ask(session, DOWNLOAD, Download(key, name, int(sizes[2:8])))
    return bytes((REQUEST_DOWNLOAD,)), b""


def answered(session: Session, answer: Message) -> None:
    """The client's answer to a job of the CPU: a part of a block, or that it has ended."""
    going = session.downloads.pop(answer.reference, None)
    if going is None:
        session.cpu.violations.append(f"an answer to no job of the CPU ({answer.reference:#06x})")
        return
    if answer.error:
        return  # the client gave up
    if going.ended:
        if not going.error:
            session.cpu.passive[going.key] = bytes(going.image)
        return
    part = answer.data[4:]
    if len(answer.parameter) < 2 or answer.data[:4] != _part_head(part):
        going.error = BAD_FRAME
    if session.cpu.fault == "download-rejected":
        going.error = BROKEN_BLOCK
    going.image += part
    more = len(answer.parameter) > 1 and answer.parameter[1] == _MORE
    if going.error or len(going.image) > going.length or not more:
        if len(going.image) != going.length and not going.error:
            going.error = WRONG_LENGTHS
            session.cpu.violations.append(
                f"download of {going.key} announced {going.length} bytes and "
                f"brought {len(going.image)}"
            )
        going.ended = True
        ask(session, DOWNLOAD_ENDED, going)
    else:
        ask(session, DOWNLOAD, going)


def ask(session: Session, function: int, going: Download) -> None:
    """Send a job to the client; its answer comes back to ``answered``."""
    session.reference = reference = (session.reference + 1) & 0xFFFF
    session.downloads[reference] = going
    head = bytes((function, 0)) + going.error.to_bytes(2, "big") + bytes(4)
    session.send_job(reference, head + bytes((len(going.filename),)) + going.filename)


def structural_error(key: Key, image: bytes) -> bool:
    """Whether a block that was downloaded cannot be linked."""
    try:
        block = Block.parse(image)
    except ValueError:
        return True
    return Key(block.kind, block.number) != key


def _part_head(part: bytes) -> bytes:
    return len(part).to_bytes(2, "big") + _CONSTANT.to_bytes(2, "big")


def _filename(parameter: bytes) -> bytes:
    """``_0A00005A`` after the length at byte 8."""
    if len(parameter) < 9 or len(parameter) < 9 + parameter[8]:
        raise Refusal(BAD_FRAME)
    return parameter[9 : 9 + parameter[8]]


def _upload(session: Session, service: str, request: Message) -> tuple[int, Upload]:
    number = int.from_bytes(request.parameter[4:8], "big")
    if number not in session.uploads:
        session.note(service, f"unknown id {number}")
        session.cpu.violations.append(f"{service}: id {number} is not open on this connection")
        raise Refusal(BAD_SEQUENCE)
    return number, session.uploads[number]


def _free_id(session: Session) -> int:
    """Ids fit one byte: some clients keep no more of them."""
    cpu = session.cpu
    while True:
        cpu.upload_ids = cpu.upload_ids % 255 + 1
        if cpu.upload_ids not in session.uploads:
            return cpu.upload_ids
