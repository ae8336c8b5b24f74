"""Other people's OPC UA servers: what was set by their own API is what the snapshot holds."""

from __future__ import annotations

import base64
import random
import struct
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from tests.peers.peer_process import Peer, serving

from goldcopy.driver import Courtesy, Meter, Secret, Target
from goldcopy.errors import Refused
from goldcopy.snapshot import Blob, Item, Snapshot, real_from_bits
from goldcopy.snapshot.diff import diff
from goldcopy_opcua import OpcUaDriver, OpcUaOptions
from goldcopy_opcua.__main__ import main as by_hand

HERE = Path(__file__).parent
MODULES = HERE.parents[1] / ".peers" / "node_opcua"
NODE = which("node")
assert NODE, "no node: install Node.js 18 or newer"
assert (MODULES / "node_modules").exists(), "no node-opcua: run tests/peers/setup first"
NODE_OPCUA = (NODE, str(HERE / "node_opcua" / "server.js"))
ASYNCUA = (sys.executable, str(HERE / "asyncua_server.py"))
LIMITS = {
    "SByte": ("SINT", -(2**7), 2**7 - 1), "Byte": ("USINT", 0, 2**8 - 1),
    "Int16": ("INT", -(2**15), 2**15 - 1), "UInt16": ("UINT", 0, 2**16 - 1),
    "Int32": ("DINT", -(2**31), 2**31 - 1), "UInt32": ("UDINT", 0, 2**32 - 1),
    "Int64": ("LINT", -(2**63), 2**63 - 1), "UInt64": ("ULINT", 0, 2**64 - 1),
}  # fmt: skip


@asynccontextmanager
async def asyncua_peer() -> AsyncIterator[Peer]:
    async with serving(
        ASYNCUA, uris=["http://example.com/other", "http://example.com/peer"]
    ) as peer:
        yield peer


@asynccontextmanager
async def node_peer(folder: Path, **more: object) -> AsyncIterator[Peer]:
    async with serving(NODE_OPCUA, MODULES, start={"folder": str(folder / "pki"), **more}) as peer:
        yield peer


async def pull(
    port: int,
    *,
    window: int = 1,
    user: str = "",
    password: str = "",
    **options: Any,  # noqa: ANN401
) -> Snapshot:
    chosen = OpcUaOptions(**({"security": "None"} | options))
    secret = Secret(password) if password else None
    target = Target(
        "peer", "127.0.0.1", port, 20, Courtesy(window=window), user, secret, options=chosen
    )
    async with OpcUaDriver().open(target, Meter()) as session:
        identity = await session.identify()
        reading = await session.read()
    return Snapshot.of("peer", "opcua", identity, reading.items, reading.gaps)


def same(item: Item, kind: str, value: object) -> bool:
    if isinstance(item.value, Blob) and isinstance(value, bytes):
        value = Blob.of(value)
    return item.type == kind and repr(item.value) == repr(value)


def real(value: float) -> float:
    return real_from_bits(struct.unpack("<I", struct.pack("<f", value))[0])


def invented(rng: random.Random, kind: str) -> tuple[str, Any, Any]:
    """A value of a type: the IEC type, its JSON, and what an item must hold."""
    if kind in LIMITS:
        iec, low, high = LIMITS[kind]
        number = rng.choice([low, high, rng.randint(low, high)])
        return iec, number, number
    match kind:
        case "Boolean":
            flag = rng.random() < 0.5
            return "BOOL", flag, flag
        case "Float":
            wide = rng.choice([-0.0, 1e-40, real(rng.uniform(-1e9, 1e9))])
            return "REAL", wide, real(wide)
        case "Double":
            wide = rng.choice([-0.0, 5e-324, rng.uniform(-1e99, 1e99)])
            return "LREAL", wide, wide
        case "String":
            text = rng.choice(["", "Größe 🔥", "a\tb"]) + str(rng.randrange(100))
            return "STRING", text, text
        case "ByteString":
            raw = rng.randbytes(rng.randrange(1, 40))
            return "BYTES", base64.b64encode(raw).decode(), raw
        case "Guid":
            made = str(uuid.UUID(int=rng.getrandbits(128)))
            return "STRING", made, made
        case "DateTime":
            moment = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(
                milliseconds=rng.randrange(10**11)
            )
            text = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06}0Z"
            return "DATE_AND_TIME", moment.isoformat(), text
    raise AssertionError(kind)


KINDS = [
    "Boolean", *LIMITS, "Float", "Double", "String", "DateTime", "Guid", "ByteString",
]  # fmt: skip


def words(value: Any) -> list[int]:  # noqa: ANN401
    """A 64-bit integer as node-opcua has it: two halves."""
    bits = value & (2**64 - 1)
    return [bits >> 32, bits & 0xFFFFFFFF]


# -- asyncua ------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 4])
async def test_asyncua_every_type_scalar_and_array(window: int) -> None:
    rng = random.Random(window)
    held: dict[str, tuple[str, object]] = {}
    async with asyncua_peer() as peer:
        for kind in KINDS:
            iec, value, expected = invented(rng, kind)
            await peer.tell(add=kind, type=kind, value=value)
            held[kind] = (iec, expected)
            many = [invented(rng, kind) for _ in range(rng.randrange(4))]
            await peer.tell(add=f"{kind}s", type=kind, value=[one[1] for one in many])
            held[f"{kind}s"] = (f"ARRAY[{len(many)}] OF {iec}", tuple(one[2] for one in many))
        await peer.tell(add="Label", type="LocalizedText", value={"made of": ["Tür", "de"]})
        held["Label"] = ("STRING", "Tür")
        await peer.tell(add="Node", type="NodeId", value={"made of": ["Label", 3]})
        held["Node"] = ("STRING", "nsu=http://example.com/peer;s=Label")
        await peer.tell(add="Matrix", type="Int16", value=[[1, 2, 3], [4, 5, 6]])
        held["Matrix"] = ("ARRAY[2,3] OF INT", (1, 2, 3, 4, 5, 6))
        await peer.tell(property="Unit", of="Double", type="String", value="bar")
        snapshot = await pull(peer.port, window=window)
        await peer.tell(set="Double", type="Double", value=2.5)
        changed = await pull(peer.port, window=window)
    wrong = {
        name: (item.type, item.value)
        for name, (kind, value) in held.items()
        if not same(item := snapshot.by_path[f"peer:{name}"], kind, value)
    }
    assert wrong == {}
    assert snapshot.gaps == ()
    unit = snapshot.by_path["peer:Double/peer:Unit"]
    assert (unit.value, unit.role) == ("bar", "setting")
    assert snapshot.by_path["peer:Double"].access == "read-write"
    assert [change.path for change in diff(snapshot, changed)] == ["peer:Double"]


async def test_asyncua_structures() -> None:
    members = {
        "Number": 2**32 - 1, "Title": "Brötchen", "Mode": 2, "Home": [1.5, -0.0],
        "Way": [[1.0, 2.0], [3.0, 4.0]], "Weights": [0.5, 0.25],
    }  # fmt: skip
    async with asyncua_peer() as peer:
        await peer.tell(structure=members)
        bare = await pull(peer.port)
    async with asyncua_peer() as peer:
        await peer.tell(structure=members | {"Note": "hot"})
        noted = await pull(peer.port)
    found = {path: bare.by_path[path] for path in bare.by_path if path.startswith("peer:Order")}
    assert {path: (item.type, item.value) for path, item in found.items()} == {
        "peer:Order/Number": ("UDINT", 2**32 - 1),
        "peer:Order/Title": ("STRING", "Brötchen"),
        "peer:Order/Mode": ("DINT", 2),
        "peer:Order/Home/X": ("LREAL", 1.5),
        "peer:Order/Home/Y": ("LREAL", -0.0),
        "peer:Order/Way/0/X": ("LREAL", 1.0),
        "peer:Order/Way/0/Y": ("LREAL", 2.0),
        "peer:Order/Way/1/X": ("LREAL", 3.0),
        "peer:Order/Way/1/Y": ("LREAL", 4.0),
        "peer:Order/Weights": ("ARRAY[2] OF REAL", (0.5, 0.25)),
    }
    assert "Note: String optional" in str(bare.by_path["types/peer:Order"].value)
    assert [(change.path, change.sort) for change in diff(bare, noted)] == [
        ("peer:Order/Note", "added")
    ]


async def test_asyncua_a_bad_value_is_a_gap() -> None:
    async with asyncua_peer() as peer:
        await peer.tell(add="Good", type="Double", value=1.5)
        await peer.tell(add="Broken", type="Double", value=1.5)
        await peer.tell(bad="Broken", status="BadSensorFailure")
        snapshot = await pull(peer.port)
    assert [gap.path for gap in snapshot.gaps] == ["peer:Broken"]
    assert "peer:Good" in snapshot.by_path


# -- node-opcua ---------------------------------------------------------------------------------

DEVICE = "DI:DeviceSet/peer:Peer1"
PARAMETERS = f"{DEVICE}/DI:ParameterSet"
RECIPE = {
    "Number": 7, "Title": "Baguette 🥖", "Released": "2026-03-04T05:06:07.089Z", "Mode": 7,
    "First": {"Seconds": 10, "Speed": 1.5},
    "Steps": [{"Seconds": 20, "Speed": 2.5}, {"Seconds": 30, "Speed": -0.0}],
    "Ramp": [0.5, -1e300],
}  # fmt: skip


@pytest.mark.parametrize("window", [1, 4])
async def test_node_opcua_every_type_scalar_and_array(tmp_path: Path, window: int) -> None:
    rng = random.Random(window)
    held: dict[str, tuple[str, object]] = {}
    async with node_peer(tmp_path) as peer:
        for kind in KINDS:
            half = words if kind in ("Int64", "UInt64") else lambda value: value
            iec, value, expected = invented(rng, kind)
            await peer.tell(set=kind, type=kind, value=half(value))
            held[kind] = (iec, expected)
            many = [invented(rng, kind) for _ in range(rng.randrange(1, 4))]
            await peer.tell(set=f"{kind}s", type=kind, value=[half(one[1]) for one in many])
            held[f"{kind}s"] = (f"ARRAY[{len(many)}] OF {iec}", tuple(one[2] for one in many))
        await peer.tell(matrix=[1.5, 2.5, 3.5, 4.5, 5.5, -0.0])
        held["Matrix"] = ("ARRAY[2,3] OF LREAL", (1.5, 2.5, 3.5, 4.5, 5.5, -0.0))
        await peer.tell(set="Locked", type="Double", value=4.5)
        held["Locked"] = ("LREAL", 4.5)
        snapshot = await pull(peer.port, window=window)
        again = await pull(peer.port, window=window)
    wrong = {
        name: (item.type, item.value)
        for name, (kind, value) in held.items()
        if not same(item := snapshot.by_path[f"{PARAMETERS}/peer:{name}"], kind, value)
    }
    assert wrong == {}
    assert snapshot.id == again.id
    roles = {
        name: snapshot.by_path[f"{PARAMETERS}/peer:{name}"].role for name in ("Double", "Locked")
    }
    assert roles == {"Double": "setting", "Locked": "process"}
    assert [gap.path for gap in snapshot.gaps if "Hidden" in gap.path] == [
        f"{PARAMETERS}/peer:Hidden"
    ]


async def test_node_opcua_structures(tmp_path: Path) -> None:
    async with node_peer(tmp_path) as peer:
        await peer.tell(recipe=RECIPE)
        await peer.tell(recipes=[RECIPE, RECIPE | {"Number": 8, "Steps": []}])
        snapshot = await pull(peer.port)
    one = f"{PARAMETERS}/peer:Recipe/"
    found = {
        path.removeprefix(one): (item.type, item.value)
        for path, item in snapshot.by_path.items()
        if path.startswith(one)
    }
    assert found == {
        "Number": ("UINT", 7),
        "Title": ("STRING", "Baguette 🥖"),
        "Released": ("DATE_AND_TIME", "2026-03-04T05:06:07.0890000Z"),
        "Mode": ("DINT", 7),
        "First/Seconds": ("UINT", 10),
        "First/Speed": ("REAL", 1.5),
        "Steps/0/Seconds": ("UINT", 20),
        "Steps/0/Speed": ("REAL", 2.5),
        "Steps/1/Seconds": ("UINT", 30),
        "Steps/1/Speed": ("REAL", -0.0),
        "Ramp": ("ARRAY[2] OF LREAL", (0.5, -1e300)),
    }
    many = f"{PARAMETERS}/peer:Recipes"
    assert snapshot.by_path[f"{many}/0/Steps/1/Seconds"].value == 30
    assert snapshot.by_path[f"{many}/1/Number"].value == 8
    assert snapshot.by_path[f"{many}/1/Steps"].type == "ARRAY[0] OF BYTES"
    assert snapshot.by_path["types/recipe:Mode"].value == "enumeration\n0 Off\n7 Auto"


async def test_node_opcua_identity_units_and_addresses(tmp_path: Path) -> None:
    async with node_peer(tmp_path) as peer:
        await peer.tell(set="Speed", type="Double", value=55.5)
        snapshot = await pull(peer.port)
    who = snapshot.identity
    assert (who.vendor, who.product, who.order_code) == ("Example Peers", "P-100", "P100-7")
    assert (who.serial, who.firmware, who.name, who.mode) == (
        "SN 0815",
        "9.8.7",
        "Peer1",
        "Running",
    )
    speed = snapshot.by_path[f"{DEVICE}/peer:Speed"]
    assert (speed.value, speed.low, speed.high, speed.role) == (55.5, -10.0, 110.0, "process")
    assert speed.unit
    assert speed.address == "nsu=http://example.com/peer;s=Speed"
    assert snapshot.by_path[f"{DEVICE}/peer:Speed/EURange/High"].role == "setting"
    serial = snapshot.by_path[f"{DEVICE}/DI:SerialNumber"]
    assert (serial.value, serial.role) == ("SN 0815", "setting")
    # Its numeric ids are counted at each start: no address may be made of them.
    assert [item for item in snapshot.items if "peer;i=" in item.address] == []


async def test_node_opcua_files(tmp_path: Path) -> None:
    async with node_peer(tmp_path) as peer:
        for size in (0, 1, 9_999, 10_000, 150_001):
            content = random.Random(size).randbytes(size)
            await peer.tell(file=base64.b64encode(content).decode())
            snapshot = await pull(peer.port)
            item = snapshot.by_path[f"{DEVICE}/peer:Program.bin"]
            assert item.kind == "file"
            assert same(item, "BYTES", content)


async def test_node_opcua_a_bad_value_is_a_gap(tmp_path: Path) -> None:
    async with node_peer(tmp_path) as peer:
        await peer.tell(set="Double", status="BadSensorFailure")
        await peer.tell(set="Float", status="BadOutOfService")
        snapshot = await pull(peer.port)
    found = {gap.path: gap.reason for gap in snapshot.gaps}
    assert found[f"{PARAMETERS}/peer:Double"].startswith("BadSensorFailure")
    assert found[f"{PARAMETERS}/peer:Float"].startswith("BadOutOfService")


async def test_node_opcua_a_restart_makes_no_drift(tmp_path: Path) -> None:
    snapshots = []
    for _ in range(2):
        async with node_peer(tmp_path) as peer:
            await peer.tell(set="Double", type="Double", value=1.5)
            await peer.tell(recipe=RECIPE)
            snapshots.append(await pull(peer.port))
    assert [(change.path, change.sort) for change in diff(*snapshots)] == []


@pytest.mark.parametrize(
    ("policy", "security"),
    [
        ("Basic256Sha256", "SignAndEncrypt"),
        ("Aes256Sha256RsaPss", "SignAndEncrypt"),
        ("Aes128Sha256RsaOaep", "SignAndEncrypt"),
        ("Basic256Sha256", "Sign"),
    ],
)
async def test_node_opcua_security(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str, security: str
) -> None:
    own: dict[str, Any] = {"certificate": tmp_path / "own.der", "key": tmp_path / "own.pem"}
    monkeypatch.setattr(sys, "argv", ["x", "create", "collector", *map(str, own.values())])
    assert by_hand() == 0
    login = {"user": "vic", "password": "geheim 🔑"} if security == "SignAndEncrypt" else {}
    async with node_peer(tmp_path, **login) as peer:
        how = own | {"policy": policy, "security": security}
        how["server_certificate"] = Path(peer.certificate)
        snapshot = await pull(peer.port, **(how | login))
        assert snapshot.identity.serial == "SN 0815"
        if login:
            with pytest.raises(Refused, match="login as 'vic' was refused"):
                await pull(peer.port, **(how | login | {"password": "wrong"}))
