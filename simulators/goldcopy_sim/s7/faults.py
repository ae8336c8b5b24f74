"""How this CPU can be told to misbehave. Each name is looked for where the service is done."""

from collections.abc import Mapping
from typing import Final

FAULTS: Final[Mapping[str, str]] = {
    "silent": "accepts the TCP connection and never answers anything",
    "refuse-login": "refuses the COTP connection, and every password",
    "pdu-zero": "grants a PDU of 0 bytes",
    "pdu-huge": "grants a PDU of 65535 bytes",
    "busy": "refuses every job for want of resources (0x8302)",
    "garbage": "answers with bytes that are no protocol at all",
    "cut": "closes the connection in the middle of a reply",
    "wrong-reference": "answers with the reference of another job",
    "duplicate": "sends every reply twice",
    "late": "holds each reply back until the next request has come",
    "first-upload-refused": "refuses the first upload of each connection (0x8702)",
    "upload-cut": "ends an upload half way and calls it complete",
    "download-refused": "refuses to take any block (0x8404)",
    "download-silent": "agrees to take a block, and never asks for a part of it",
    "download-cut": "closes the connection when the first part of a block has come",
    "download-rejected": "ends a download with an error (0xD230) when the first part has come",
    "insert-refused": "takes blocks and refuses to link them in (0xD230)",
    "insert-altered": "links in a block that differs in one byte from the one it took",
    "lying-length": "uploads blocks whose header tells another length",
    "endless-list": "never says that a list of blocks has come to its end",
    "item-count-lie": "answers one variable fewer than it was asked for",
    "szl-lie": "announces one status list record more than it sends",
}
"""Faults other than the first four act once a connection is set up."""

REFUSED_FIRST: Final = 0x8702
