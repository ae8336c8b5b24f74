"""The units for systemd: what they allow; and those in deploy/ are the ones that are printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from goldcopy.errors import Wrong
from goldcopy.inventory import (
    Device,
    GoldPolicy,
    InFolder,
    Inventory,
    NightPolicy,
    SecretSource,
    Window,
    Zone,
)
from goldcopy.inventory.replicas import InS3
from goldcopy.night.install import Site, service, steps, timer

DEPLOY = Path(__file__).parents[2] / "deploy"
SECTIONS = {"service": ["Unit", "Service"], "timer": ["Unit", "Timer", "Install"]}
LISTS = {"LoadCredential", "SystemCallFilter", "OnCalendar"}
"""Keys that may be there several times."""


def parsed(text: str) -> dict[str, dict[str, list[str]]]:
    """A unit file, strictly: each line is a section, a comment, or a key with its value."""
    found: dict[str, dict[str, list[str]]] = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
            continue
        key, equals, value = line.partition("=")
        assert equals, line
        assert key.isalpha(), line
        assert key not in section or key in LISTS, line
        section.setdefault(key, []).append(value)
    return found


def plant(vault: str = "/srv/gold/vault", **said: object) -> Inventory:
    named: dict[str, object] = {
        "zones": {
            "a": Zone(window=Window(60, 300)),
            "b": Zone(window=Window(1350, 240)),
            "c": Zone(window=Window(60, 120)),
            "d": Zone(),
        },
        "devices": (
            Device("m", "toy", "h", 1, password=SecretSource(env="MIXER_PASSWORD")),
            Device("n", "toy", "h", 1, password=SecretSource(file=Path("/etc/goldcopy/n.txt"))),
        ),
        "replicas": (
            InFolder("nas", Path("/mnt/nas/gold")),
            InS3("s3", "b", "", secret_key=SecretSource(env="S3_SECRET")),
        ),
        "gold": GoldPolicy(Path("/etc/goldcopy/allowed_signers")),
        "notify": (SecretSource(env="NEWS"),),
        "identity": Path("/etc/goldcopy/keys/reader.key"),
        "night": NightPolicy(deadline=7200, report=Path("/srv/gold/report")),
    }
    return Inventory(vault=Path(vault), **(named | said))  # type: ignore[arg-type]


def site(**said: object) -> Site:
    return Site.of(plant(**said), Path("/etc/goldcopy/inventory.yaml"), Path("/opt/g/bin/goldcopy"))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["service", "timer"])
def test_those_in_deploy_are_those_for_the_usual_places(kind: str) -> None:
    made = {"service": service, "timer": timer}[kind](Site())
    assert (DEPLOY / f"goldcopy-night.{kind}").read_text() == made
    assert list(parsed(made)) == SECTIONS[kind]


def test_the_service_may_write_to_its_folders_and_do_little_else() -> None:
    said = parsed(service(site()))["Service"]
    assert said["ReadWritePaths"] == ["/srv/gold/vault /srv/gold/report /mnt/nas/gold"]
    wanted = {
        "User": "goldcopy",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "CapabilityBoundingSet": "",
        "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
        "Restart": "on-abnormal",
        "ExecStart": "/opt/g/bin/goldcopy night --inventory /etc/goldcopy/inventory.yaml",
    }
    assert {key: said[key] for key in wanted} == {key: [value] for key, value in wanted.items()}
    assert int(said["TimeoutStartSec"][0]) > 7200


def test_secrets_are_credentials() -> None:
    said = parsed(service(site()))["Service"]
    assert said["LoadCredential"] == [
        "reader.key:/etc/goldcopy/keys/reader.key",
        "MIXER_PASSWORD:/etc/goldcopy/secrets/MIXER_PASSWORD",
        "NEWS:/etc/goldcopy/secrets/NEWS",
        "S3_SECRET:/etc/goldcopy/secrets/S3_SECRET",
    ]
    assert said["Environment"] == ["GOLDCOPY_IDENTITY=%d/reader.key PYTHONDONTWRITEBYTECODE=1"]


def test_the_timer_begins_with_each_window_once() -> None:
    assert parsed(timer(site()))["Timer"]["OnCalendar"] == ["*-*-* 01:00:00", "*-*-* 22:30:00"]
    none = parsed(timer(site(zones={})))["Timer"]
    assert (none["OnCalendar"], none["Persistent"]) == (["*-*-* 01:00:00"], ["true"])


def test_a_vault_at_home_can_be_reached() -> None:
    said = parsed(service(site(vault="/home/anna/vault")))["Service"]
    assert said["ProtectHome"] == ["read-only"]


@pytest.mark.parametrize("path", ["/srv/our vault", "/srv/100%", "/srv/a'b", "/srv/a\nb", "/srv/ü"])
def test_a_path_that_a_unit_would_misread_is_refused(path: str) -> None:
    with pytest.raises(Wrong, match="move it"):
        site(vault=path)


def test_the_steps_have_both_units_and_every_file() -> None:
    here = site()
    said = steps(here)
    assert service(here) in said
    assert timer(here) in said
    for word in ("useradd --system", "/etc/goldcopy/n.txt", "/etc/goldcopy/allowed_signers",
                 "/etc/goldcopy/secrets/NEWS", "enable --now goldcopy-night.timer"):  # fmt: skip
        assert word in said
