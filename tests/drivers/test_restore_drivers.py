"""Over every driver: what was manipulated is put back to the bit, leaf by leaf."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.drivers.restore_bench import scene
from tests.drivers.test_enip_conformance import TestLogix
from tests.drivers.test_enip_device_conformance import TestDevice
from tests.drivers.test_enip_pccc_conformance import TestPlc5, TestSlc
from tests.drivers.test_modbus_conformance import TestModbus
from tests.drivers.test_opcua_conformance import TestOpcUaOven
from tests.drivers.test_s7_conformance import TestS7

from goldcopy.testing.powers import WritableConformance

BENCHES: dict[str, Callable[[], WritableConformance]] = {
    "logix": TestLogix,
    "drive": TestDevice,
    "slc": TestSlc,
    "plc5": TestPlc5,
    "modbus": TestModbus,
    "opcua": TestOpcUaOven,
    "s7": TestS7,
}
# The suites themselves are run in the files that they are from.
del TestLogix, TestDevice, TestSlc, TestPlc5, TestModbus, TestOpcUaOven, TestS7


@pytest.mark.parametrize("name", BENCHES)
async def test_what_was_manipulated_is_put_back_and_proved(tmp_path: Path, name: str) -> None:
    async with BENCHES[name]().bench() as bench, scene(tmp_path, bench) as found:
        before = found.settings()
        await found.attack(bench.writes)
        assert found.settings() != before
        plan = await found.plan()
        changed = {write.path for write in plan.writes}
        assert changed == set(bench.writes)
        receipt = await found.restore(plan)
        assert receipt.proved, f"{receipt.why} {receipt.named('failed', 'in doubt')}"
        assert receipt.moved == ()
        assert found.settings() == before
