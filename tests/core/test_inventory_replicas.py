"""The key ``replicas`` of an inventory."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from goldcopy.inventory import (
    InFolder,
    InS3,
    InSftp,
    InventoryMistakes,
    Lock,
    ReplicaPlace,
    SecretSource,
    load,
)
from goldcopy.registry import Registry

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4gF6mJ0Gd9oQH9nN2k3mJm3Yt1f1X8a3zq7yq0o5nC"

FULL = f"""\
vault: ./vault
devices: []
replicas:
  - {{name: nas, folder: nas/goldcopy, timeout: 5s}}
  - name: offsite
    sftp: backup@192.0.2.20:/srv/goldcopy/
    port: 2222
    host_key: {HOST_KEY} root@nas
    key: {{file: ssh/offsite}}
  - {{name: six, sftp: "b@[fd00::20]:/srv", host_key: {HOST_KEY}, password: {{env: SIX}}}}
  - name: cloud
    s3: s3://plant-backup/goldcopy/site-1
    endpoint: https://s3.plant.example:9000/
    region: eu-central-1
    access_key: {{env: KEY}}
    secret_key: {{env: SECRET}}
    lock: {{mode: compliance, days: 3650}}
  - {{name: plain, s3: "s3://plant-backup"}}
"""


def read(tmp_path: Path, text: str) -> list[str]:
    """The mistakes but for the devices, which are not there."""
    path = tmp_path / "inventory.yaml"
    path.write_text(text)
    with pytest.raises(InventoryMistakes) as caught:
        load(path, Registry([]))
    return [
        f"{one.line}: {one.message}"
        for one in caught.value.mistakes
        if not one.message.startswith("devices:")
    ]


def replicas(tmp_path: Path) -> tuple[ReplicaPlace, ...]:
    from goldcopy.inventory import document
    from goldcopy.inventory.fields import Fields
    from goldcopy.inventory.mistakes import Gathered
    from goldcopy.inventory.replicas import replicas as reader

    mistakes = Gathered("inventory.yaml")
    fields = Fields(document.parse(FULL.encode(), mistakes), mistakes, "an inventory")
    nothing: tuple[ReplicaPlace, ...] = ()
    found = fields.take("replicas", lambda node: reader(node, tmp_path, mistakes), nothing)
    mistakes.refuse_any()
    return found


def test_all_kinds(tmp_path: Path) -> None:
    assert read(tmp_path, FULL) == []
    nas, offsite, six, cloud, plain = replicas(tmp_path)
    assert nas == InFolder("nas", tmp_path / "nas/goldcopy", 5.0)
    key = SecretSource(file=tmp_path / "ssh/offsite")
    assert offsite == InSftp(
        "offsite", "backup", "192.0.2.20", "/srv/goldcopy", HOST_KEY, key, None, 2222
    )
    assert isinstance(six, InSftp)
    assert (six.host, six.password, six.port) == ("fd00::20", SecretSource(env="SIX"), 22)
    assert cloud == InS3(
        "cloud",
        "plant-backup",
        "goldcopy/site-1",
        "https://s3.plant.example:9000",
        "eu-central-1",
        SecretSource(env="KEY"),
        SecretSource(env="SECRET"),
        Lock("compliance", 3650),
    )
    assert plain == InS3("plain", "plant-backup", "")
    assert msgspec.structs.asdict(plain)["lock"] is None


SFTP = f"name: x, host_key: {HOST_KEY}, key: {{env: K}}"


@pytest.mark.parametrize(
    ("replica", "right"),
    [
        ("{folder: x}", "a replica has no name"),
        ("{name: x}", "needs one of folder, sftp and s3"),
        ("{name: x, folder: a, s3: s3://bucket}", "needs one of folder, sftp and s3"),
        ("{name: x, folder: a, sfpt: b}", "no key sfpt"),
        ("{name: x, folder: a, lock: {mode: compliance, days: 1}}", "no key lock"),
        ("{name: x y, folder: a}", "is no name"),
        (f"{{{SFTP}, sftp: host}}", "needs USER@HOST:/FOLDER"),
        (f"{{{SFTP}, sftp: 'u@host:relative'}}", "needs USER@HOST:/FOLDER"),
        (f"{{{SFTP}, sftp: 'u:secret@host:/x'}}", "needs USER@HOST:/FOLDER"),
        (f"{{{SFTP}, sftp: 'u@10.0.0.256:/x'}}", "is no IP address"),
        (f"{{{SFTP}, sftp: 'u@h:/x', password: {{env: P}}}}", "one of key and password"),
        (f"{{name: x, sftp: 'u@h:/x', host_key: {HOST_KEY}}}", "one of key and password"),
        ("{name: x, sftp: 'u@h:/x', key: {env: K}}", "has no host_key"),
        ("{name: x, sftp: 'u@h:/x', key: {env: K}, host_key: any}", "the server's public key"),
        (
            "{name: x, sftp: 'u@h:/x', key: {env: K}, host_key: ssh-rsa AAAAC3NzaC1lZDI1}",
            "the server's public key",
        ),
        ("{name: x, sftp: 'u@h:/x', key: hunter2, host_key: any}", "never the secret itself"),
        ("{name: x, s3: bucket}", "needs s3://BUCKET"),
        ("{name: x, s3: 's3://key:secret@bucket'}", "needs s3://BUCKET"),
        ("{name: x, s3: s3://bucket, access_key: {env: A}}", "both, or neither"),
        ("{name: x, s3: s3://bucket, endpoint: minio}", "needs an address"),
        ("{name: x, s3: s3://bucket, lock: {mode: strict, days: 1}}", "no mode of a lock"),
        ("{name: x, s3: s3://bucket, lock: {mode: compliance}}", "a lock has no days"),
        ("{name: x, s3: s3://bucket, lock: {mode: compliance, days: 0}}", "out of range"),
    ],
)
def test_mistakes_say_where_and_what_would_be_right(
    tmp_path: Path, replica: str, right: str
) -> None:
    found = read(tmp_path, f"vault: v\ndevices: []\nreplicas:\n  - {replica}\n")
    assert any(right in one for one in found), found
    assert all(one.startswith("4: ") for one in found)
    assert not any("secret@" in one or "hunter2" in one for one in found)


def test_a_name_twice(tmp_path: Path) -> None:
    text = "vault: v\ndevices: []\nreplicas:\n- {name: nas, folder: a}\n- {name: NAS, folder: b}\n"
    assert read(tmp_path, text) == ["5: name: NAS is already the name of the replica in line 4"]
