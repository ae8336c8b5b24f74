"""How these devices can be told to misbehave. Each name is looked for where the service is done."""

from collections.abc import Mapping
from typing import Final

FAULTS: Final[Mapping[str, str]] = {
    "silent": "accepts the TCP connection and never answers anything",
    "refuse-login": "refuses to register a session",
    "refuse-open": "refuses every connection: none is left (0x01/0x0113)",
    "busy": "answers every service with no resources (0x02)",
    "locked": "answers every service with device state conflict (0x10)",
    "garbage": "answers with bytes that are no protocol at all",
    "cut": "closes the connection in the middle of a reply",
    "wrong-session": "answers under another session handle",
    "wrong-context": "answers with another sender context",
    "wrong-sequence": "answers connected requests with another sequence number",
    "wrong-connection": "answers connected requests under another connection id",
    "late": "holds each reply back until the next request has come",
    "duplicate": "sends every reply twice",
    "endless-list": "never says that the list of tags has come to its end",
    "empty-partial": "answers tag reads with partial data (0x06) and no data at all",
    "lying-template": "tells other sizes of templates than it serves",
    "unknown-template": "knows no template at all (0x05)",
    "future-type": "lists tags of a type code that nobody knows",
    "audit-moves": "another audit value each time it is asked",
    "version-moves": "another tag-database version each time it is asked",
}
"""The faults from ``garbage`` to ``duplicate`` spare registering, opening and closing."""
