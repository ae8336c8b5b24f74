"""Status codes (OPC 10000-6, annex A): their names, and what they mean for us."""

from __future__ import annotations

from asyncua.ua.status_codes import StatusCodes as _Codes
from asyncua.ua.status_codes import code_to_name_doc

from goldcopy.errors import GoldcopyError, Refused, Unreachable, Unsupported

BAD_DECODING = _Codes.BadDecodingError
NO_CONTINUATION_POINTS = _Codes.BadNoContinuationPoints
POINT_INVALID = _Codes.BadContinuationPointInvalid
NODE_UNKNOWN = _Codes.BadNodeIdUnknown
REQUEST_TOO_LARGE = _Codes.BadRequestTooLarge

TOO_MANY = frozenset(
    {_Codes.BadTooManyOperations, _Codes.BadRequestTooLarge, _Codes.BadTcpMessageTooLarge}
)
"""So many nodes are never possible."""
TOO_MUCH = TOO_MANY | {_Codes.BadResponseTooLarge, _Codes.BadEncodingLimitsExceeded}
"""The server could not do this at once; in smaller pieces it may work."""

_MEANS = {
    _Codes.BadUserAccessDenied: "this user may not read it",
    _Codes.BadNotReadable: "it can only be written",
    _Codes.BadSecurityModeInsufficient: "the server gives it over a safer channel only",
    _Codes.BadNodeIdUnknown: "it went away while the server was read",
    _Codes.BadWaitingForInitialData: "the server has no value for it yet",
    _Codes.BadOutOfService: "its source is out of service",
    _Codes.BadNotConnected: "the server has lost its source",
    _Codes.BadDeviceFailure: "the device behind it has failed",
    _Codes.BadSensorFailure: "its sensor has failed",
    _Codes.BadNoCommunication: "the server does not reach its source",
    _Codes.BadDecodingError: "what the server sends for it cannot be decoded",
    _Codes.BadNoContinuationPoints: "the server could not list all of it: no continuation points",
    _Codes.BadContinuationPointInvalid: "the server lost its place in the list; it is not complete",
    _Codes.BadResponseTooLarge: "it is too large for one response of this server",
    _Codes.BadEncodingLimitsExceeded: "it is too large for one response of this server",
}

_WRITING = {
    _Codes.BadUserAccessDenied: "this user may not write it",
    _Codes.BadNotWritable: "it can only be read",
    _Codes.BadTypeMismatch: "it is of another type",
    _Codes.BadOutOfRange: "the controller does not allow this value",
    _Codes.BadNodeIdUnknown: "it is no longer there",
    _Codes.BadWriteNotSupported: "the server takes no such write",
    _Codes.GoodClamped: "the controller wrote a limit instead of this value",
}

_LOGIN = frozenset(
    {
        _Codes.BadIdentityTokenInvalid,
        _Codes.BadIdentityTokenRejected,
        _Codes.BadUserAccessDenied,
        _Codes.BadUserSignatureInvalid,
        _Codes.BadIdentityChangeNotSupported,
    }
)
_TRUST = frozenset(
    {
        _Codes.BadSecurityChecksFailed,
        _Codes.BadCertificateUntrusted,
        _Codes.BadCertificateInvalid,
        _Codes.BadCertificateUriInvalid,
        _Codes.BadCertificateTimeInvalid,
        _Codes.BadCertificateUseNotAllowed,
        _Codes.BadCertificateRevoked,
        _Codes.BadCertificateChainIncomplete,
        _Codes.BadSecurityPolicyRejected,
        _Codes.BadSecurityModeRejected,
    }
)
_AGAIN = frozenset(
    {
        _Codes.BadTimeout,
        _Codes.BadShutdown,
        _Codes.BadServerHalted,
        _Codes.BadServerNotConnected,
        _Codes.BadCommunicationError,
        _Codes.BadConnectionClosed,
        _Codes.BadConnectionRejected,
        _Codes.BadDisconnect,
        _Codes.BadSecureChannelClosed,
        _Codes.BadSecureChannelIdInvalid,
        _Codes.BadSecureChannelTokenUnknown,
        _Codes.BadSessionIdInvalid,
        _Codes.BadSessionClosed,
        _Codes.BadSessionNotActivated,
        _Codes.BadTcpServerTooBusy,
        _Codes.BadTcpInternalError,
        _Codes.BadTcpNotEnoughResources,
        _Codes.BadOutOfMemory,
        _Codes.BadResourceUnavailable,
        _Codes.BadRequestTimeout,
        _Codes.BadRequestInterrupted,
    }
)


def bad(status: int) -> bool:
    """Whether no value comes with it (the two highest bits, OPC 10000-4, 7.39)."""
    return status & 0x80000000 != 0


def uncertain(status: int) -> bool:
    """Whether the server doubts the value."""
    return status & 0xC0000000 == 0x40000000


def name(status: int) -> str:
    """``BadNodeIdUnknown``; the low half holds flags that do not change the name."""
    code = status & 0xFFFF0000
    return code_to_name_doc[code][0] if code in code_to_name_doc else f"status 0x{code:08X}"


def reason(status: int) -> str:
    """The name and what it means, for a gap."""
    code = status & 0xFFFF0000
    means = _MEANS.get(code)
    if means is None and code in code_to_name_doc:
        means = code_to_name_doc[code][1].rstrip(".")
    return f"{name(status)}: {means}" if means else name(status)


def accepted(status: int) -> bool:
    """Whether a write is acknowledged; one that goes on in the device is (reading back tells)."""
    return status in (_Codes.Good, _Codes.GoodCompletesAsynchronously)


def why_not_written(status: int) -> str:
    """The name and what it means, for a value that was not written."""
    means = _WRITING.get(status & 0xFFFF0000)
    return f"{name(status)}: {means}" if means else reason(status)


def unwritten(status: int) -> GoldcopyError:
    """The error for a Write that the server refused as a whole."""
    if status & 0xFFFF0000 in _LOGIN:
        return Refused(f"the server does not let this user write ({name(status)})")
    if status & 0xFFFF0000 in TOO_MUCH:
        return Refused(f"the server does not take so much in one Write ({name(status)})")
    return error(status)


def error(status: int, *, user: str = "") -> GoldcopyError:
    """The error for a service, or a whole connection, that ended with this status."""
    code, called = status & 0xFFFF0000, name(status)
    if code in _LOGIN:
        if user:
            return Refused(
                f"the login as {user!r} was refused ({called}): check username and password in the "
                "inventory, and that this user may log in over OPC UA"
            )
        return Refused(
            f"a login without a name was refused ({called}): give username and password in the "
            "inventory, or allow anonymous reading at the server"
        )
    if code in _TRUST:
        return Refused(
            f"the server refused our certificate or security settings ({called}): put our "
            "certificate into its trust list, and check security and policy in the inventory"
        )
    if code in (_Codes.BadTooManySessions, _Codes.BadMaxConnectionsReached):
        return Refused(f"the server has no session left for us ({called}): close another client")
    if code == _Codes.BadServiceUnsupported:
        return Unsupported(f"the server does not have a service that reading needs ({called})")
    if code in _AGAIN:
        return Unreachable(f"the server ended the exchange ({reason(status)})")
    return Refused(f"the server refused ({reason(status)})")
