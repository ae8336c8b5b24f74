"""What makes systemd run the night: a service that may do little else, a timer, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from goldcopy.errors import Wrong
from goldcopy.inventory import Inventory, SecretSource

NAME: Final = "goldcopy-night"
SECRETS: Final = Path("/etc/goldcopy/secrets")
"""Where the files of credentials lie; only root can read them."""
SPARE: Final = 3600
"""Seconds for proving, copying and telling, after the deadline of the pulls."""
ONCE: Final = "01:00"
"""When the night begins if no zone has a window."""
_PATH: Final = re.compile(r"/[A-Za-z0-9_./@+=,-]+")


class Site(msgspec.Struct, frozen=True):
    """What the units name. All paths are absolute."""

    command: Path = Path("/opt/goldcopy/bin/goldcopy")
    inventory: Path = Path("/etc/goldcopy/inventory.yaml")
    vault: Path = Path("/var/lib/goldcopy/vault")
    report: Path = Path("/var/lib/goldcopy/report")
    identity: Path = Path("/etc/goldcopy/keys/reader.key")
    replicas: tuple[Path, ...] = ()
    """Those in folders."""
    credentials: tuple[str, ...] = ()
    """What the inventory calls ``{env: NAME}``."""
    files: tuple[Path, ...] = ()
    """What it calls ``{file: PATH}``, and the file of allowed signers."""
    begins: tuple[str, ...] = (ONCE,)
    deadline: float = 4 * 3600.0

    @classmethod
    def of(cls, plant: Inventory, inventory: Path, command: Path) -> Site:
        """That of an inventory. Raises ``Wrong`` for a path that a unit cannot name."""
        secrets = list(_secrets(plant))
        windows = {str(zone.window).partition("-")[0] for zone in plant.zones.values()
                   if zone.window}  # fmt: skip
        folders = (getattr(place, "folder", None) for place in plant.replicas)
        files = [secret.file for secret in secrets if secret.file]
        files += [plant.gold.signers] if plant.gold else []
        return cls(
            command=_path(command),
            inventory=_path(inventory),
            vault=_path(plant.vault),
            report=_path(plant.night.report),
            identity=_path(plant.identity),
            replicas=tuple(_path(folder) for folder in folders if isinstance(folder, Path)),
            credentials=tuple(sorted({secret.env for secret in secrets if secret.env})),
            files=tuple(sorted({_path(file) for file in files})),
            begins=tuple(sorted(windows)) or (ONCE,),
            deadline=plant.night.deadline,
        )


def service(site: Site) -> str:
    """The unit that runs one night. Options as in systemd.exec(5) and systemd.service(5)."""
    writes = " ".join(map(str, (site.vault, site.report, *site.replicas)))
    paths = (site.command, site.inventory, site.vault, site.report, *site.replicas)
    home = any(path.is_relative_to("/home") or path.is_relative_to("/root") for path in paths)
    credentials = "".join(f"LoadCredential={name}:{SECRETS / name}\n" for name in site.credentials)
    return f"""\
[Unit]
Description=goldcopy: pull all controllers, prove the vault, tell what differs
Wants=network-online.target
After=network-online.target
# A night that is killed goes on where it was; one that is killed again and again does not.
StartLimitIntervalSec=12h
StartLimitBurst=3

[Service]
Type=oneshot
User=goldcopy
Group=goldcopy
ExecStart={site.command} night --inventory {site.inventory}
# Exit code 1 or 3 is an answer (docs/cli.md), and no reason to begin anew; a signal is.
Restart=on-abnormal
RestartSec=1min
TimeoutStartSec={site.deadline + SPARE:.0f}
Nice=10
UMask=0027

# Secrets: other processes of this user cannot see them, and no file of theirs is readable to it.
Environment=GOLDCOPY_IDENTITY=%d/reader.key PYTHONDONTWRITEBYTECODE=1
LoadCredential=reader.key:{site.identity}
{credentials}
# The disk: the vault and the report, nothing else.
ProtectSystem=strict
ReadWritePaths={writes}
ProtectHome={"read-only" if home else "yes"}
PrivateTmp=yes
PrivateDevices=yes
RemoveIPC=yes

# The machine: nothing of it.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

# The network: IP only. AF_UNIX is for the journal and the resolver. Where the plant's networks are
# known, add IPAddressDeny=any and IPAddressAllow= with them, and with those of replicas and mail.
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
"""


def timer(site: Site) -> str:
    """The unit that begins a night whenever a zone's window opens."""
    calendar = "".join(f"OnCalendar=*-*-* {begin}:00\n" for begin in site.begins)
    return f"""\
[Unit]
Description=goldcopy: the night run

[Timer]
{calendar}# If this machine was off then: as soon as it is on; zones keep their windows.
Persistent=true
AccuracySec=1min

[Install]
WantedBy=timers.target
"""


def steps(site: Site) -> str:
    """What a person has to do, as commands for a shell."""
    return "".join(f"{line}\n" for line in _steps(site))


def _steps(site: Site) -> Iterator[str]:
    folders = (site.vault, site.report, *site.replicas)
    yield "# 1. A user that owns the vault and the report, and may do nothing else."
    yield "sudo useradd --system --user-group --no-create-home --shell /usr/sbin/nologin goldcopy"
    for folder in folders:
        yield f"sudo install -d -m 0750 {folder} && sudo chown -R goldcopy:goldcopy {folder}"
    yield ""
    yield "# 2. What it reads; its folders must be open to it too."
    for file in (site.inventory, *site.files):
        yield f"sudo chgrp goldcopy {file} && sudo chmod 0640 {file}"
    yield ""
    yield "# 3. What only root reads, and systemd hands over (systemd.exec(5), LoadCredential)."
    yield f"sudo chown root:root {site.identity} && sudo chmod 0600 {site.identity}"
    if site.credentials:
        yield f"sudo install -d -m 0700 {SECRETS}"
    for name in site.credentials:
        yield f"sudo install -m 0600 /dev/stdin {SECRETS / name}    # type it, then Ctrl-D twice"
    yield ""
    yield "# 4. The units."
    for suffix, text in (("service", service(site)), ("timer", timer(site))):
        yield f"sudo tee /etc/systemd/system/{NAME}.{suffix} > /dev/null <<'UNIT'"
        yield f"{text}UNIT"
    yield ""
    yield "# 5. Check them, try one night now, and let the timer do it from then on."
    yield f"systemd-analyze verify /etc/systemd/system/{NAME}.service"
    yield "sudo systemctl daemon-reload"
    yield f"sudo systemctl start {NAME}.service; journalctl -u {NAME}.service -n 40"
    yield f"sudo systemctl enable --now {NAME}.timer"
    yield ""
    yield "# A monitoring system reads the unit's exit code: 0 all is well, 1 somebody must look,"
    yield "# 2 the inventory is wrong, 3 the integrity of the vault is in doubt:"
    yield f"systemctl show -P ExecMainStatus {NAME}.service"


def _secrets(plant: Inventory) -> Iterable[SecretSource]:
    yield from plant.notify
    for part in (*plant.devices, *plant.replicas):
        values = (getattr(part, field) for field in part.__struct_fields__)
        yield from (value for value in values if isinstance(value, SecretSource))


def _path(path: Path) -> Path:
    absolute = path.absolute()
    if not _PATH.fullmatch(str(absolute)):
        raise Wrong(f"{absolute}: a unit of systemd cannot name such a path as it is; move it")
    return absolute
