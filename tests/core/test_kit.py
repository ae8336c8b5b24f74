"""What is in a recovery kit, and what is not; what a runbook tells, to the last value."""

from __future__ import annotations

import html
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.core.gold_people import ALICE, BOB, KEYS, key_words

from goldcopy.drift.survey import Plant
from goldcopy.errors import VaultDamaged, VaultSealed, Wrong
from goldcopy.gold import signers, sshsig
from goldcopy.gold.judgement import APPROVAL, PROPOSAL
from goldcopy.gold.statement import Statement
from goldcopy.inventory import Device, Inventory, load
from goldcopy.kit import Made, make
from goldcopy.kit.reduced import reduced
from goldcopy.kit.ways import ways
from goldcopy.kit.wheels import Wheel, needed
from goldcopy.registry import Registry
from goldcopy.restore.plan import EVERYTHING
from goldcopy.snapshot import Gap, Identity, Item, Snapshot
from goldcopy.vault import Facts, Reader, SigningKey, Vault

REGISTRY = Registry.installed()
HOSTILE = "<script>alert('owned')</script>"
INVENTORY = """\
# a plant
vault: ./vault
identity: ~/secrets/reader.key
gold: {signers: ./people}
notify: [{env: NEWS_URL}]
replicas: [{name: nas, folder: /mnt/nas}]
zones: {hall: {max_devices: 4}, yard: {}}
restore: {waves: [[mixer], [oven]]}
defaults: &all
  timeout: 3s
  recovery: {contacts: [Control room 010]}
devices:
  - name: mixer
    driver: s7
    host: 192.0.2.1
    zone: hall
    writable: true
    description: Mixer no. 1
    username: '007'
    password: {file: secrets/mixer}
    standby_of: spare
    recovery: {project: "mixer.ap17", reset: [Key to STOP], spares: ["Shelf <3>"]}
    options: {rack: 0, slot: 2}
    rules: &rules [{match: "live/**", role: process}]
  - name: oven
    driver: opcua
    host: 192.0.2.2
    zone: yard
    rules: *rules
    options: {certificate: pki/own.der, key: /etc/own.key, trust: pki/trusted}
  - {name: spare, driver: s7, host: 192.0.2.3}
"""
ITEMS = [
    Item("db/5/speed", "tag", "REAL", 42.5, "setting", "read-write", "rpm", "Speed", 0, 100),
    Item("db/5/word", "tag", "WSTRING", HOSTILE, "setting", "read-write"),
    Item("db/5/over", "tag", "INT", 200, "setting", "read-write", high=100),
    Item("sys/clock", "parameter", "STRING", "UTC+1", "setting", "read"),
    Item("OB1", "block", "BYTES", b"\x01" * 9000, "setting", "read"),
    Item("live/temperature", "tag", "REAL", 20.0, "process", "read-write"),
    Item("other/scope", "tag", "INT", 1, "setting", "read-write"),
]
IDENTITY = Identity("Example", "CPU 4711", "6ES7 315-2EH14-0AB0", "S C-123", "V3.2.6", mode="RUN")


class Place:
    """A plant with a sealed vault, in which the mixer has a gold copy and the oven has none."""

    def __init__(self, folder: Path, recipients: bool = True) -> None:
        self.file = folder / "inventory.yaml"
        self.file.write_text(INVENTORY)
        (folder / "people").write_text(f"{ALICE} {key_words(ALICE)}\n{BOB} {key_words(BOB)}\n")
        self.inventory: Inventory = load(self.file, REGISTRY)
        self.reader = Reader()
        sealed_to = self.reader.recipients if recipients else []
        self.vault = Vault.create(folder / "vault", SigningKey(), sealed_to, self.reader)

    async def fill(self) -> None:
        mixer = self.inventory.devices[0]
        snapshot = Snapshot.of(
            "mixer", "s7", IDENTITY, ITEMS, [Gap("db/6", "protected")], mixer.rules.digest
        )
        now = datetime.now(UTC).replace(microsecond=0)
        facts = Facts(now, 0.5, 12, 3400)
        said = Statement.propose(
            snapshot, mixer.rules, vault=self.vault.id, by=ALICE, reason="after the overhaul",
            until=now.replace(year=now.year + 2), time=now, scope=("**", "!other/**"),
        )  # fmt: skip
        approval = said.approval(BOB, now)
        oven = Snapshot.of("oven", "opcua", IDENTITY, ITEMS[:1])
        async with self.vault.writing() as writer:
            await writer.keep(snapshot, facts)
            await writer.keep(oven, facts)
            for kind, one in ((PROPOSAL, said), (APPROVAL, approval)):
                signature = sshsig.sign(one.line, KEYS[one.by])
                body = {"statement": one.line.decode(), "signature": signature}
                await writer.note(kind, "mixer", body)

    def plant(self) -> Plant:
        assert self.inventory.gold
        people = signers.read(self.inventory.gold.signers)
        return Plant(self.vault, people, REGISTRY, datetime.now(UTC), timedelta(days=1))

    def make(self, folder: Path, *names: str, wheels: tuple[Wheel, ...] = ()) -> Made:
        devices = self.inventory.select(*names)
        return make(self.plant(), self.inventory, self.file, devices, folder, wheels)


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    await made.fill()
    return made


def page(folder: Path, name: str) -> str:
    return (folder / "runbooks" / f"{name}.html").read_text()


def words(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_a_runbook_tells_what_is_automatic_and_what_by_hand(place: Place, tmp_path: Path) -> None:
    made = place.make(tmp_path / "kit", "mixer")
    assert made.no_gold == {}
    text = page(tmp_path / "kit", "mixer")
    assert "<script" not in text
    said = words(text)
    for expected in (
        "Mixer no. 1. s7 at 192.0.2.1:102 , zone hall",
        "Control room 010", "Shelf <3>", "mixer.ap17", "Key to STOP",
        "order code 6ES7 315-2EH14-0AB0", "firmware V3.2.6", "serial S C-123",
        "Settings that goldcopy writes and reads back: 2.",
        "sh restore mixer --by YOUR-NAME --key YOUR-SSH-KEY", "export GOLDCOPY_IDENTITY=",
        "Settings that goldcopy cannot write: 2",
        "sys/clock UTC+1 read-only here", "db/5/over 200 200 is above the upper limit 100",
        "Load the program (blocks: 1) with the engineering tool: mixer.ap17",
        "Not in the backup: db/6 (protected)", made.fingerprint,
        "of which the gold copy does not speak, and that stay as they are: 1",
        "Live values and diagnostics, which stay as they are: 1",
        "db/5/speed Speed 42.5 rpm 0..100", HOSTILE,
        "after the overhaul; approved by bob@plant", "secrets/mixer , not in the kit", "user 007",
    ):  # fmt: skip
        assert expected in said, (expected, said)
    assert "NO VALID GOLD COPY" not in said


def test_a_device_without_gold_is_told_as_such(place: Place, tmp_path: Path) -> None:
    made = place.make(tmp_path / "kit", "mixer", "oven")
    assert made.no_gold.keys() == {"oven"}
    said = words(page(tmp_path / "kit", "oven"))
    assert "NO VALID GOLD COPY" in said
    assert "which nobody has approved" in said
    assert "goldcopy writes nothing to this device: the inventory does not say writable" in said
    assert made.bring == ("secrets/mixer", "pki/trusted", "pki/own.der", "/etc/own.key")


def test_nothing_of_the_plant_leads_out_of_the_kit(place: Place, tmp_path: Path) -> None:
    made = place.make(tmp_path / "kit", "oven", "mixer")
    text = (tmp_path / "kit/inventory.yaml").read_text()
    for word in ("NEWS_URL", "mnt/nas", "waves", "reader.key", "standby_of", "192.0.2.3"):
        assert word not in text
    found = load(tmp_path / "kit/inventory.yaml", REGISTRY)
    assert [device.name for device in found.devices] == ["mixer", "oven"]
    assert found.devices[0].username == "007"
    assert found.devices[0].rules == place.inventory.devices[0].rules
    assert found.source == tmp_path / "kit/vault"
    assert str(found.vault).endswith(f"{made.name}/vault")
    assert not found.vault.is_relative_to(tmp_path / "kit")
    assert found.gold
    assert found.gold.signers.read_text() == (tmp_path / "people").read_text()
    assert not list(tmp_path.glob("kit/**/*.key"))


def test_a_kit_is_judged_by_other_programs(place: Place, tmp_path: Path) -> None:
    made = place.make(tmp_path / "kit", "mixer")
    check = ["sh", str(tmp_path / "kit/check")]
    done = subprocess.run(check, capture_output=True, text=True, timeout=30)
    assert (done.returncode, made.fingerprint in done.stderr) == (0, True), done.stderr
    (tmp_path / "kit/README.txt").chmod(0o644)
    (tmp_path / "kit/README.txt").write_text("Type: rm -rf /")
    assert subprocess.run(check, capture_output=True, timeout=30).returncode == 3


def test_files_that_people_bring_are_not_in_the_way(place: Place, tmp_path: Path) -> None:
    place.make(tmp_path / "kit", "mixer", "oven")
    (tmp_path / "kit/pki/trusted").mkdir(parents=True)
    (tmp_path / "kit/pki/trusted/root.der").write_text("x")
    (tmp_path / "kit/secrets").mkdir()
    (tmp_path / "kit/secrets/mixer").write_text("x")
    check = ["sh", str(tmp_path / "kit/check")]
    assert subprocess.run(check, capture_output=True, timeout=30).returncode == 0
    (tmp_path / "kit/secrets/mixer2").write_text("x")
    assert subprocess.run(check, capture_output=True, timeout=30).returncode == 3


def test_who_cannot_write_to_the_vault_makes_an_unsigned_kit(place: Place, tmp_path: Path) -> None:
    (tmp_path / "vault/collector/writer.key").unlink()
    made = place.make(tmp_path / "kit", "mixer")
    assert made.fingerprint == ""
    assert "Nobody has signed this kit" in (tmp_path / "kit/README.txt").read_text()
    done = subprocess.run(
        ["sh", str(tmp_path / "kit/check")], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, "nobody has signed it" in done.stderr) == (0, True)


def test_no_kit_without_what_it_takes(place: Place, tmp_path: Path) -> None:
    def refused(
        kind: type[Exception], said: str, change: Callable[[], object], *names: str
    ) -> None:
        change()
        target = tmp_path / said
        with pytest.raises(kind, match=said):
            place.make(target, *names)
        assert list(target.iterdir()) == []

    with pytest.raises(Wrong, match="not empty"):
        place.make(tmp_path, "mixer")
    refused(Wrong, "no snapshot of spare", lambda: None, "spare")
    pack = tmp_path / "vault/packs/00000001.pack"
    data = pack.read_bytes()
    pack.chmod(0o644)
    refused(VaultDamaged, "copy of the vault", lambda: pack.write_bytes(data[:-1]), "mixer")
    pack.write_bytes(data)
    place.vault.close()
    place.vault = Vault.open(tmp_path / "vault")
    refused(VaultSealed, "cannot be opened here", lambda: None, "mixer")


@pytest.mark.parametrize(
    ("change", "never"),
    [
        ({"writable": False}, "writable"),
        ({"safety": True}, "safety controllers are never written"),
    ],
)
def test_what_is_never_written_is_all_by_hand(
    place: Place, change: dict[str, bool], never: str
) -> None:
    import msgspec

    device: Device = msgspec.structs.replace(place.inventory.devices[0], **change)
    snapshot = place.vault.load("mixer")
    found = ways(snapshot, device, EVERYTHING, REGISTRY)
    assert never in found.never
    assert found.automatic == []
    assert [item.path for item, _ in found.by_hand] == [
        "db/5/over", "db/5/speed", "db/5/word", "other/scope", "sys/clock",
    ]  # fmt: skip
    assert [item.path for item in found.programs] == ["OB1"]


TEXTS = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff"), min_size=1
)
SCALARS = st.one_of(
    st.sampled_from(["010", "no", "1_000", "22:30", "~", "0x1F", "1e3", "'010'", '"no"', "*x"]),
    TEXTS,
)


@given(st.lists(SCALARS, min_size=1, max_size=5), TEXTS)
def test_no_value_is_understood_otherwise_in_a_kit(
    tmp_path_factory: pytest.TempPathFactory, values: list[str], text: str
) -> None:
    quoted = [
        value if value[0] in "'\"" else yaml.dump(value)[:-1].split("\n")[0] for value in values
    ]
    source = "vault: v\ndevices:\n  - name: a\n    x:\n"
    source += "".join(f"      - {value}\n" for value in quoted)
    source += f"    y: {yaml.dump(text, default_style=chr(34), width=10_000)}"
    try:
        before = yaml.safe_load(source)
    except yaml.YAMLError:
        return
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(source, "utf-8")
    device = Device("a", "s7", "192.0.2.1", 102)
    after = yaml.safe_load(reduced(file, [device], "w"))
    assert after["devices"] == before["devices"]


def test_wheels_that_lack_anything_are_refused_here_and_not_on_site(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match=r"lacks what goldcopy .* needs"):
        needed(tmp_path)
    with pytest.raises(Wrong, match="no folder"):
        needed(tmp_path / "none")
