"""How a simulated controller is set up, and the ways in which it can misbehave."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple

from asyncua import ua

Role = Literal["engineer", "viewer"]
"""An engineer may write what is writable; a viewer may only read."""

FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "silent": "once a session is activated, no service is answered any more",
        "refuse-login": "every ActivateSession is refused, whoever asks",
        "too-many-operations": "250 nodes per request are the limit, which is reported as 0",
        "undecodable-value": "one variable holds a standard structure whose body is cut short",
        "cut": "the connection drops at the k-th Read on it",
        "close-session": "the controller closes the session at the k-th Read in it",
        "wrong-handle": "the answer to a Read names the RequestHandle of another request",
        "wrong-request": "the answer to a Read is sent under the RequestId of another request",
        "no-continuation": "a Browse leaves continuation points that BrowseNext does not know",
        "slow": "answers come a few bytes at a time",
    }
)

SECURITY = (
    ua.SecurityPolicyType.NoSecurity,
    ua.SecurityPolicyType.Basic256Sha256_Sign,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_Sign,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
)


class Login(NamedTuple):
    """A user that the controller knows."""

    password: str
    role: Role


@dataclass(frozen=True)
class Settings:
    """What is not the controller's state but its manner. A limit of 0 is none."""

    max_nodes_per_read: int = 0
    max_nodes_per_write: int = 0
    max_nodes_per_browse: int = 0
    max_references_per_node: int = 0
    max_browse_continuation_points: int = 0
    """How many a session may hold at once."""
    report_limits: bool = True
    """False publishes every operation limit as 0, as some servers do, and enforces it still."""
    max_file_read: int = 65_536
    """Bytes that one Read of a file gives at most."""

    users: Mapping[str, Login] = field(default_factory=dict)
    anonymous: Role | None = "engineer"
    """What a nameless user may do; None does not let one in."""
    security: Collection[ua.SecurityPolicyType] = SECURITY
    trusted_clients: Collection[bytes] | None = None
    """Client certificates (DER) that may open a secure channel; None trusts all."""

    delay: float = 0.0
    """Seconds before each message is sent, independently of those still under way."""
    fault_at: int = 2
    """The k of the faults that strike at the k-th Read."""
