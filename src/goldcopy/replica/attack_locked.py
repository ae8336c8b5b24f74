"""What somebody with the collector's key can try on a bucket with Object Lock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import ClientError

from goldcopy.errors import Refused
from goldcopy.inventory.replicas import Lock
from goldcopy.replica.bucket import Access
from goldcopy.replica.contract import Attack, AttackName


class _Wait(Protocol):
    def __call__(self, work: Callable[[], None], size: int) -> Awaitable[None]: ...


def attacks(
    s3: Any,  # noqa: ANN401 - boto3 has no types
    access: Access,
    lock: Lock,
    find: Callable[[str], dict[str, str]],
    wait: _Wait,
) -> Mapping[AttackName, Attack]:
    """The attacks; ``find`` gives the bucket, key and first version of a file."""
    bypass = {"BypassGovernanceRetention": True} if lock.mode == "governance" else {}

    def over(name: str) -> dict[str, str]:
        return {"Bucket": access.bucket, "Key": find(name)["Key"]}

    def overwrite(name: str, _: str) -> None:
        s3.put_object(**over(name), Body=b"overwritten")

    def truncate(name: str, _: str) -> None:
        s3.put_object(**over(name), Body=b"")

    def delete(name: str, _: str) -> None:
        version = find(name)
        s3.delete_object(**over(name))
        s3.delete_object(**version, **bypass)

    def replay(name: str, old: str) -> None:
        s3.copy_object(**over(name), CopySource=find(old))

    def shorten(name: str, _: str) -> None:
        soon = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        retention = {"Mode": lock.mode.upper(), "RetainUntilDate": soon}
        s3.put_object_retention(**find(name), Retention=retention, **bypass)

    def suspend(_: str, __: str) -> None:
        def versioning(status: str) -> None:
            s3.put_bucket_versioning(
                Bucket=access.bucket, VersioningConfiguration={"Status": status}
            )

        versioning("Suspended")
        versioning("Enabled")  # it was possible: that is the finding, not a state to leave behind

    def refusable(act: Callable[[str, str], None]) -> Attack:
        def tried(name: str, other: str) -> None:
            try:
                act(name, other)
            except ClientError as error:
                raise Refused(f"the server says {error.response['Error']['Code']}") from None

        async def attack(name: str, other: str) -> None:
            await wait(lambda: tried(name, other), 0)

        return attack

    return {
        "overwrite": refusable(overwrite),
        "truncate": refusable(truncate),
        "delete": refusable(delete),
        "replay an old head": refusable(replay),
        "shorten retention": refusable(shorten),
        "suspend versioning": refusable(suspend),
    }
