"""Many devices at once: no password is shown, and a missing one fails its device alone."""

from __future__ import annotations

import msgspec
import pytest
from tests.core.collect_fakes import Controller, device, run

from goldcopy.collect import Watch
from goldcopy.errors import Refused, Unreachable
from goldcopy.inventory import SecretSource

SECRET = "hunter2'\\ü"


@pytest.mark.parametrize(
    "error",
    [
        KeyError(SECRET),
        ValueError(f"login of {SECRET!r} failed"),
        RuntimeError(f"{SECRET.encode()!r}"),
        Refused(f"bad password {SECRET}"),
        Unreachable(f"opc.tcp://u:{SECRET}@h"),
        ExceptionGroup("g", [KeyError(SECRET), ValueError(SECRET)]),
    ],
)
async def test_no_error_shows_the_password(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD_OF_M", SECRET)
    controller = Controller(fails=[error] * 9)
    watch = Watch()
    outcomes = await run(
        [device("m", controller, password=SecretSource(env="PASSWORD_OF_M"))], watch=watch
    )
    assert controller.targets[0].password is not None
    assert controller.targets[0].password.reveal() == SECRET
    shown = f"{outcomes} {outcomes[0]} {watch} {watch.devices}"
    assert "hunter2" not in shown
    assert b"hunter2" not in msgspec.json.encode(outcomes)


async def test_a_missing_password_fails_its_device_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PASSWORD_OF_M", raising=False)
    locked = Controller()
    failed, kept = await run(
        [
            device("m", locked, password=SecretSource(env="PASSWORD_OF_M")),
            device("n", Controller()),
        ]
    )
    assert failed.error.startswith("m: the password is missing: variable PASSWORD_OF_M is not set")
    assert locked.opened == 0
    assert kept.state == "kept"
