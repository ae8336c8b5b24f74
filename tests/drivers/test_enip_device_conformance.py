"""The profile for drives and other CIP devices, judged by the suite that every driver passes."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.drivers.enip_plant import pulled

from goldcopy.driver import Target
from goldcopy.snapshot import Identity, Value
from goldcopy.testing.bench import Bench, Held
from goldcopy.testing.framing import ETHERNET_IP
from goldcopy.testing.powers import TokenedConformance, WritableConformance
from goldcopy_enip import EnipDriver
from goldcopy_enip.options import Options
from goldcopy_sim.enip import DriveSimulator, Parameter

OPTIONS = Options(profile="cip", assemblies=(1, 6, 77))
NETWORK: Held = {
    "tcp-ip/control": ("DWORD", 0),
    "tcp-ip/address": ("STRING", "192.168.3.41"),
    "tcp-ip/mask": ("STRING", "255.255.255.0"),
    "tcp-ip/gateway": ("STRING", "192.168.3.1"),
    "tcp-ip/name-server": ("STRING", "192.168.3.1"),
    "tcp-ip/name-server-2": ("STRING", "0.0.0.0"),
    "tcp-ip/domain": ("STRING", "plant.example"),
    "tcp-ip/host-name": ("STRING", "conveyor"),
    "tcp-ip/ttl": ("USINT", 1),
    "tcp-ip/inactivity": ("UINT", 120),
    "ethernet/speed": ("UDINT", 100),
    "ethernet/flags": ("DWORD", 15),
    "qos/tagging": ("USINT", 0),
    "qos/urgent": ("USINT", 55),
    "qos/scheduled": ("USINT", 47),
    "qos/high": ("USINT", 43),
    "qos/low": ("USINT", 31),
    "qos/explicit": ("USINT", 27),
}


def held(simulator: DriveSimulator, *, plain: bool) -> Held:
    """What a right driver reads, from the simulator's own state."""
    found: dict[str, tuple[str, Value]] = dict(NETWORK)
    identity = simulator.identity
    mac = simulator.serve(0x0E, b"\x20\xf6\x24\x01\x30\x03", b"", 100).data
    found |= {
        "identity/device-type": ("UINT", identity.type),
        "identity/product-code": ("UINT", identity.product),
        "identity/status": ("WORD", identity.status),
        "dpi/checksum": ("UINT", simulator.dpi.checksum()),
        "assembly/1": ("BYTES", bytes(simulator.assemblies[1])),
        "assembly/6": ("BYTES", bytes(simulator.assemblies[6])),
        "file/eds": simulator.values()["file/eds"],
        "ethernet/mac": ("STRING", mac.hex(":")),
    }
    for number, parameter in simulator.parameters.items():
        value = parameter.type, single(parameter, parameter.value)
        found[f"dpi/{number}"] = value
        if not plain:
            continue
        found[f"parameter/{number}"] = value
        default = single(parameter, parameter.default)
        found[f"parameter/{number}/default"] = parameter.type, default
        if parameter.choices:
            kind = f"ARRAY[{len(parameter.choices)}] OF STRING"
            found[f"parameter/{number}/choices"] = kind, parameter.choices
        if parameter.scale != (1, 1, 1, 0) or parameter.decimals:
            shown = (*parameter.scale, parameter.decimals)
            found[f"parameter/{number}/scaling"] = "ARRAY[5] OF DINT", shown
    return found


def single(parameter: Parameter, value: float) -> Value:
    """A value as it fits the parameter: 32 bits of a REAL."""
    if parameter.type != "REAL":
        return int(value)
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


class TestDevice(TokenedConformance, WritableConformance):
    plain = True
    """Whether there are Parameter objects beside the DPI parameters."""

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        async with DriveSimulator.demo("conveyor") as simulator:
            kind = "parameter"
            if not self.plain:
                del simulator.objects[0x0F]
                kind = "dpi"
            host, port = simulator.host, simulator.port
            yield Bench(
                driver=EnipDriver(),
                target=Target("conveyor", host, port, timeout=0.5, options=OPTIONS),
                simulator=simulator,
                framing=ETHERNET_IP,
                identity=Identity(
                    vendor="Rockwell Automation/Allen-Bradley",
                    product="PowerFlex 755",
                    serial=f"{simulator.identity.serial:08X}",
                    firmware="14.3",
                ),
                holds=lambda: held(simulator, plain=self.plain),
                change=lambda: simulator.change("parameter/41", 77),
                gaps=["assembly/77"],
                writes={f"{kind}/41": 99, f"{kind}/44": 12.5, f"{kind}/46": -3},
            )


class TestDpiAlone(TestDevice):
    plain = False


async def test_what_a_parameter_tells_of_itself() -> None:
    async with DriveSimulator.demo("conveyor") as simulator:
        snapshot = await pulled(simulator, OPTIONS)
    for path, role in (("parameter/41", "setting"), ("dpi/41", "process")):
        ramp = snapshot.by_path[path]
        assert (ramp.label, ramp.unit, ramp.low, ramp.high) == ("Accel Time 1", "s", 0, 6000)
        assert ramp.role == role
        hours = snapshot.by_path[path.replace("41", "300")]
        assert (hours.role, hours.access) == ("process", "read")


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("multiple", [False, True])
async def test_devices_that_tell_less(full: bool, multiple: bool) -> None:
    parameters = [
        Parameter(2, "Ramp", "DINT", -7, -10, 10, 0),
        Parameter(5, "Gain", "REAL", 0.5, 0, 1, 0),
    ]
    async with DriveSimulator(
        parameters=parameters,
        full=full,
        dpi=False,
        multiple=multiple,
        large_open=False,
        max_size=504,
    ) as simulator:
        snapshot = await pulled(simulator, Options(profile="cip"))
        assert not snapshot.gaps
        assert snapshot.by_path["parameter/2"].value == -7
        assert snapshot.by_path["parameter/5"].value == 0.5
        assert snapshot.by_path["parameter/2"].label == ("Ramp" if full else "")
        assert not any(item.path.startswith(("dpi/", "file/")) for item in snapshot.items)
