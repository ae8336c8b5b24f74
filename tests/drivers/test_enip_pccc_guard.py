"""PCCC: the guard passes what reads, and options name data files."""

from __future__ import annotations

import msgspec
import pytest

from goldcopy_enip.epath import logical
from goldcopy_enip.guard import only_reads
from goldcopy_enip.messages import request
from goldcopy_enip.options import Options


def test_the_guard_passes_what_reads_and_nothing_else() -> None:
    allowed = {(0x06, 0x03), (0x0F, 0xA1), (0x0F, 0xA2), (0x0F, 0x01), (0x0F, 0x68)}
    requestor = b"\x07" + bytes(6)
    passed = {
        (command, function)
        for command in range(256)
        for function in range(256)
        if only_reads(
            request(
                0x4B, logical(0x67, 1), requestor + bytes((command, 0, 1, 2, function)) + bytes(9)
            )
        )
    }
    assert passed == allowed


@pytest.mark.parametrize(
    "message",
    [
        request(0x4B, logical(0x67, 2), b"\x07" + bytes(6) + b"\x06\0\1\2\3"),
        request(0x4C, logical(0x67, 1), b"\x07" + bytes(6) + b"\x06\0\1\2\3"),
        request(0x4B, logical(0x67, 1), b"\x07" + bytes(6) + b"\x06\0\1\2"),
        request(0x4B, logical(0x67, 1), b"\x07" + bytes(6) + b"\x06\1\1\2\3"),
        request(0x4B, logical(0x67, 1), b"\x06" + bytes(6) + b"\x06\0\1\2\3"),
        request(0x4B, logical(0x67, 1), b"\x01\x06\0\1\2\3" + bytes(9)),
        request(0x4B, logical(0x67, 1)),
        request(0x0E, logical(0x67, 1), b"")[:1] + b"\x02\x20\x67",
    ],
    ids=lambda message: message.hex(),
)
def test_what_is_no_usual_pccc_packet_does_not_pass(message: bytes) -> None:
    assert not only_reads(message)


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        ("N7", "N7:256"), ("N7:0", "N7:256"), ("Q7:3", "kinds are"), ("O0:2", "kinds are"),
        ("n7:2", "N7:256"), ("N7:256 ", "N7:256"), ("N1000:2", "N7:256"),
    ],
)  # fmt: skip
def test_options_that_name_no_data_file(listed: str, says: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=says):
        msgspec.convert({"profile": "pccc", "files": ["F8:1", listed]}, Options)


def test_options_that_list_a_number_twice() -> None:
    with pytest.raises(msgspec.ValidationError, match="twice"):
        msgspec.convert({"profile": "pccc", "files": ["N7:1", "F7:1"]}, Options)
