"""What an S3 server says when it does not do what it is asked, in words for a person."""

from __future__ import annotations

from typing import Final

from goldcopy.errors import VaultUnavailable

_ADVICE: Final = {
    "NoSuchBucket": "there is no such bucket: make it, or mend its name in the inventory",
    "AccessDenied": "its key may not do this: give it the right to list, get and put objects",
    "AllAccessDisabled": "its account is disabled: ask the provider",
    "InvalidAccessKeyId": "it does not know the access_key: check it",
    "SignatureDoesNotMatch": "the secret_key does not fit the access_key: check both",
    "RequestTimeTooSkewed": "the clock of this machine is wrong: set it",
    "QuotaExceeded": "it is full: make room or raise its quota; what is there is safe",
    "XMinioStorageFull": "it is full: make room; what is there is safe",
    "InsufficientStorage": "it is full: make room; what is there is safe",
    "PermanentRedirect": "it is in another region: set region in the inventory",
    "AuthorizationHeaderMalformed": "it is in another region: set region in the inventory",
}


def unavailable(replica: str, bucket: str, code: str, said: str) -> VaultUnavailable:
    """The error for an answer with this code (``AccessDenied``) and these words."""
    advice = _ADVICE.get(code) or f"the server says {code or 'no'}: {said}"
    return VaultUnavailable(f"replica {replica}: bucket {bucket}: {advice}")


def unreachable(replica: str, endpoint: str) -> VaultUnavailable:
    """The server does not answer."""
    where = endpoint or "S3"
    return VaultUnavailable(
        f"replica {replica}: {where} does not answer: its link or the server is down; what is "
        "missing there is sent next time"
    )
