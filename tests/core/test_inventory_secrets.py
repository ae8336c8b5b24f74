"""Secrets are fetched when they are needed, and nothing repeats one that is in the wrong place."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint
from pathlib import Path

import msgspec
import pytest
import yaml

from goldcopy.errors import Wrong
from goldcopy.inventory import Device, InventoryMistakes, SecretSource, load
from goldcopy.registry import DRIVERS, Registry

SECRET = "hunter2"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    port: int = 0


class LockedDriver:
    name = "locked"
    title = "Locked"
    port = 102
    Options = Options
    capabilities = ()

    def open(self, target: object, meter: object) -> None: ...


REGISTRY = Registry([EntryPoint("locked", f"{__name__}:LockedDriver", DRIVERS)])
TEXT = """\
vault: v
devices:
  - name: m
    driver: locked
    host: h
    password: PLACE
"""


def loaded(folder: Path, password: str) -> Device:
    path = folder / "inventory.yaml"
    path.write_text(TEXT.replace("PLACE", password))
    return load(path, REGISTRY).devices[0]


@pytest.mark.parametrize(
    "password",
    [
        "hunter2",
        "'hunter2'",
        "[hunter2]",
        "{hunter2}",
        "{hunter2: x}",
        "{value: hunter2}",
        "{env: 'hunter2!'}",
        "{env: {hunter2: x}}",
        "{env: [hunter2]}",
        "{env: A, file: hunter2}",
        "{env: A, hunter2: hunter2}",
        "{evn: hunter2}",
        "*hunter2",
        "&hunter2",
        "!hunter2 x",
        "!hunter2!x y",
        "%hunter2",
        "@hunter2",
        "`hunter2",
        "'hunter2",
        '"hunter2\\q"',
        "hunter2: x",
        "{hunter2",
        "[hunter2",
        "|hunter2",
        "hunter2\n    hunter2",
        "hunter2\n  hunter2: x",
        "hunter2\n\tx",
        "&hunter2 &hunter2 x",
        "{env: hunter2, env: hunter2, hunter2}",
    ],
)
@pytest.mark.parametrize("parser", ["CBaseLoader", "BaseLoader"])
def test_a_secret_in_the_wrong_place_is_never_repeated(
    password: str, parser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # PyYAML's own parser, used where its C form is missing, quotes the file in its messages.
    monkeypatch.setattr("goldcopy.inventory.document._PARSER", getattr(yaml, parser))
    with pytest.raises(InventoryMistakes) as caught:
        loaded(tmp_path, password)
    shown = f"{caught.value} {caught.value!r} {caught.value.mistakes!r} {caught.value.__cause__!r}"
    assert SECRET not in shown


def test_a_plain_secret_is_told_what_would_be_right(tmp_path: Path) -> None:
    with pytest.raises(InventoryMistakes) as caught:
        loaded(tmp_path, SECRET)
    assert str(caught.value).endswith(
        "inventory.yaml:6: password: needs {env: NAME} or {file: PATH}, never the secret itself"
    )


def test_a_secret_comes_from_the_environment_when_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = loaded(tmp_path, "{env: MIXER_PASSWORD}")
    monkeypatch.delenv("MIXER_PASSWORD", raising=False)
    with pytest.raises(Wrong, match="variable MIXER_PASSWORD is not set"):
        device.target()
    monkeypatch.setenv("MIXER_PASSWORD", SECRET)
    target = device.target()
    assert target.password is not None
    assert target.password.reveal() == SECRET
    assert SECRET not in f"{device!r} {device} {target!r} {target} {device.password!r}"
    assert SECRET.encode() not in msgspec.json.encode(device.password)


def test_a_secret_comes_from_a_file_beside_the_inventory(tmp_path: Path) -> None:
    device = loaded(tmp_path, "{file: mixer.secret}")
    with pytest.raises(Wrong, match=r"mixer\.secret cannot be read \(No such file"):
        device.target()
    secret = tmp_path / "mixer.secret"
    for content, value in (
        (b"hunter2", "hunter2"),
        (b"hunter2\n", "hunter2"),
        (b"hunter2\r\n", "hunter2"),
        (b" hunter2 \n", " hunter2 "),
        (b"hunter2\n\n", "hunter2\n"),
        ("pässwörd\n".encode(), "pässwörd"),
    ):
        secret.write_bytes(content)
        password = device.target().password
        assert password is not None
        assert password.reveal() == value


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "is empty"), (b"\n", "is empty"), (b"hunter2\xff", "not UTF-8")]
)
def test_a_file_that_holds_no_secret_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    secret = tmp_path / "s"
    secret.write_bytes(content)
    with pytest.raises(Wrong, match=said) as caught:
        SecretSource(file=secret).resolve()
    assert SECRET not in f"{caught.value} {caught.value.__cause__!r} {caught.value.__context__!r}"


def test_a_device_without_a_password_needs_none(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text(re.sub(".*password.*", "", TEXT))
    assert load(path, REGISTRY).devices[0].target().password is None


def test_a_credential_of_systemd_serves_where_the_variable_is_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SecretSource(env="MIXER_PASSWORD")
    monkeypatch.delenv("MIXER_PASSWORD", raising=False)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(Wrong, match="variable MIXER_PASSWORD is not set"):
        source.resolve()
    (tmp_path / "MIXER_PASSWORD").write_text("from the file\n")
    assert source.resolve().reveal() == "from the file"
    monkeypatch.setenv("MIXER_PASSWORD", "from the variable")
    assert source.resolve().reveal() == "from the variable"
