"""The OPC UA driver under the suite that every driver passes."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import ClassVar

import pytest
from asyncua.crypto.cert_gen import (
    dump_private_key_as_pem,
    generate_private_key,
    generate_self_signed_app_certificate,
)
from asyncua.ua import SecurityPolicyType
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from goldcopy.driver import Meter, PublicFile, Secret, Target
from goldcopy.snapshot import Identity, Item, Value
from goldcopy.testing.bench import Bench, Held
from goldcopy.testing.conformance import DriverConformance
from goldcopy.testing.framing import OPC_UA
from goldcopy.testing.powers import LoginConformance, WritableConformance
from goldcopy_opcua import OpcUaDriver, OpcUaOptions
from goldcopy_sim.opcua import Login, OpcUaSimulator, Settings
from goldcopy_sim.opcua.security import Identity as Papers

OVEN = "nsu=http://example.com/oven;s=Devices.oven-1"
DEVICE = "DI:DeviceSet/oven:oven-1"
PARAMETERS = f"{DEVICE}/DI:ParameterSet"
PASSWORD = "correct horse"
PLAIN = OpcUaOptions(security="None", exclude=("**/OpenCount",))
"""Without the number of sessions that have a file open: the suite pulls several times at once."""


WRITES: dict[str, Value] = {
    f"{PARAMETERS}/oven:{name}": value
    for name, value in {
        "Gain": 3.25,
        "HomePosition": -(2**63),
        "Scale": struct.unpack("<d", bytes.fromhex("efbeadde0000f87f"))[0],  # a NaN with a message
        "Commissioned": "2024-02-29T23:59:59.9999999Z",
        "ConfigurationId": "72962b91-fa75-4ae6-8d28-b404dc7daf63",
        "CalibrationKey": bytes(range(33)),
        "OperatorNote": "Türe zu",
        "ActiveView": "nsu=http://example.com/oven;Einstellung",
        "LaneMap": (1, -2, 3, -4, 5, -32768),
        "ActiveRecipe/Zones/1/Setpoint": 181.5,
        "Recipes/2/Title": "Recipe 3, longer than it was",
    }.items()
}


async def learnt(target: Target) -> tuple[dict[str, str], Held]:
    """The path of each address, and what the driver makes of all it reads: digest, types, names.

    Both have tests of their own. Here it counts what value is under a path. Many benches may be
    set up at once, so it takes its time.
    """
    async with OpcUaDriver().open(replace(target, timeout=15.0), Meter()) as session:
        await session.identify()
        items = (await session.read()).items
    made = {item.path: (item.type, item.value) for item in items if _is_made(item)}
    return {item.address: item.path for item in items if item.address}, made


def _is_made(item: Item) -> bool:
    return item.path.startswith(("namespaces", "structure", "types/"))


async def oven(plc: OpcUaSimulator, target: Target, below: str = "") -> Bench:
    """An oven, or what it has below a path."""
    paths, made = await learnt(target)
    paths["nsu=http://example.com/controls/io/;i=1001"] = f"{DEVICE}/io:Status/io:Input1"
    hidden = {f"{OVEN}.ParameterSet.{name}" for name in ("Acknowledge", "DoorSensor", "ServicePin")}
    left_out = hidden | {address for address in plc.values() if address.endswith(".OpenCount")}
    if not below:
        assert plc.values().keys() - paths.keys() == left_out
    plate = {
        name: str(plc.values()[f"{OVEN}.{name}"][1])
        for name in ("SerialNumber", "SoftwareRevision")
    }

    def holds() -> Held:
        values = {
            paths[address]: typed for address, typed in plc.values().items() if address in paths
        }
        held: Held = {path: typed for path, typed in values.items() if path.startswith(below)}
        return {**held, **made}

    return Bench(
        driver=OpcUaDriver(),
        target=target,
        simulator=plc,
        framing=OPC_UA,
        identity=Identity(
            vendor="Example Controls",
            product="EC-OV6 tunnel oven",
            order_code="EC-OV6",
            serial=plate["SerialNumber"],
            firmware=plate["SoftwareRevision"],
            name="oven-1",
            mode="Running",
        ),
        holds=holds,
        change=lambda: plc.change(f"{OVEN}.ParameterSet.Gain", 4.5),
        gaps=[f"{PARAMETERS}/oven:{address.rpartition('.')[2]}" for address in hidden],
    )


class TestOpcUaOven(WritableConformance):
    """A whole machine: every type, structures, files, long messages in chunks."""

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        settings = Settings(security=[SecurityPolicyType.NoSecurity])
        async with OpcUaSimulator.demo("oven-1", settings=settings) as plc:
            target = Target("oven", plc.host, plc.port, timeout=0.5, options=PLAIN)
            yield replace(await oven(plc, target), cuts=150, parallel=16, writes=WRITES)


class Small(DriverConformance):
    """A session so short that it can be cut after each of its bytes."""

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        async with OpcUaSimulator.flat(1, 2) as plc:
            target = Target("bench", plc.host, plc.port, timeout=0.5, options=PLAIN)
            _, made = await learnt(target)

            def holds() -> Held:
                held: Held = {
                    f"bench:Bench/bench:F000/bench:{address.rpartition('.')[2]}": typed
                    for address, typed in plc.values().items()
                }
                return {**held, **made}

            yield Bench(
                driver=OpcUaDriver(),
                target=target,
                simulator=plc,
                framing=OPC_UA,
                identity=Identity(
                    vendor="Example Controls", product="Bench", firmware="1.0", mode="Running"
                ),
                holds=holds,
                change=lambda: plc.change("nsu=http://example.com/bench;s=Bench.F000.V001", 9.5),
                cuts=4000,
                parallel=32,
            )


async def test_a_cut_after_every_byte_of_a_small_session() -> None:
    await Small().test_a_cut_after_every_byte()


class TestOpcUaSecured(LoginConformance, WritableConformance):
    """Signed and encrypted, with a user and a password."""

    papers: ClassVar[Papers]
    options: ClassVar[OpcUaOptions]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def issued(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        """Certificates for both sides."""
        folder = tmp_path_factory.mktemp("papers")
        cls.papers = papers("urn:example:controls:oven-1")
        own = papers("urn:collector")
        (folder / "own.pem").write_bytes(dump_private_key_as_pem(own.key))
        for name, certificate in (("own", own.certificate), ("oven", cls.papers.certificate)):
            (folder / f"{name}.der").write_bytes(certificate.public_bytes(Encoding.DER))
        cls.options = OpcUaOptions(
            server_certificate=PublicFile(folder / "oven.der"),
            certificate=PublicFile(folder / "own.der"),
            key=folder / "own.pem",
            roots=(PARAMETERS,),
        )

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        settings = Settings(users={"vic": Login(PASSWORD, "engineer")}, anonymous=None)
        plc = OpcUaSimulator.demo("oven-1", settings=settings)
        plc.identity = self.papers
        async with plc:
            target = Target(
                "oven",
                plc.host,
                plc.port,
                timeout=1.0,
                username="vic",
                password=Secret(PASSWORD),
                options=self.options,
            )
            yield replace(
                await oven(plc, target, PARAMETERS),
                refused=replace(target, password=Secret("open sesame")),
                login="ActivateSession",
                cuts=60,
                parallel=16,
                writes=dict([*WRITES.items()][-3:]),
            )


def papers(uri: str) -> Papers:
    """A certificate of one's own, and its key."""
    key = generate_private_key()
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri)]
    usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return Papers(generate_self_signed_app_certificate(key, uri, {}, names, usage), key)
