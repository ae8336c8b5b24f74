"""The allowed signers: who signs with which key, and every line that says something else."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.errors import Wrong
from goldcopy.gold.signers import Signer, parse, read
from goldcopy.gold.sshkeys import key_from_text

VECTORS = Path(__file__).parents[1] / "vectors" / "sshsig"
KEY = (VECTORS / "ed25519.pub").read_text().strip()
OTHER = (VECTORS / "rsa-3072.pub").read_text().strip()
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def one(line: str) -> Signer:
    signers = parse(line)
    assert len(signers) == 1
    return signers.of(key_from_text(*KEY.split()))[0]


def test_a_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "allowed_signers"
    file.write_text(
        f"# the plant's people\n\nalice@plant {KEY} her laptop\n"
        f'bob@plant,bob@home namespaces="goldcopy,git",valid-after="20260101Z" {OTHER}\n'
        f'"carol smith" VALID-BEFORE="202701311530Z" {KEY}\n'
    )
    signers = read(file)
    alice, carol = signers.of(key_from_text(*KEY.split()))
    (bob,) = signers.of(key_from_text(*OTHER.split()))
    assert len(signers) == 3
    assert alice.is_for("alice@plant")
    assert not alice.is_for("bob@plant")
    assert bob.is_for("bob@home")
    assert bob.after == datetime(2026, 1, 1, tzinfo=UTC)
    assert carol.is_for("carol smith")
    assert carol.before == datetime(2027, 1, 31, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("patterns", "yes", "no"),
    [
        ("alice@plant", ["alice@plant"], ["alice@plant2", "xalice@plant", "ALICE@plant", ""]),
        ("*@plant", ["a@plant", "@plant"], ["a@home"]),
        ("?lice@*", ["alice@x"], ["lice@x"]),
        ("*@plant,!eve@plant", ["a@plant"], ["eve@plant"]),
        ("!eve@plant,*@plant", ["a@plant"], ["eve@plant"]),
        ("!eve@plant", [], ["eve@plant", "a@plant"]),
        ("[ab]", ["[ab]"], ["a"]),
        ("a.c", ["a.c"], ["abc"]),
    ],
)
def test_patterns_of_people(patterns: str, yes: list[str], no: list[str]) -> None:
    signer = one(f"{patterns} {KEY}")
    assert [who for who in yes + no if signer.is_for(who)] == yes


def test_namespaces_and_times() -> None:
    assert one(f"a {KEY}").refusal("goldcopy", NOW) == ""
    assert one(f'a namespaces="git,gold*" {KEY}').refusal("goldcopy", NOW) == ""
    assert "is for git, not for goldcopy" in one(f'a namespaces="git" {KEY}').refusal(
        "goldcopy", NOW
    )
    edge = '="20261124120000Z"'
    assert one(f"a valid-after{edge} {KEY}").refusal("x", NOW) == ""
    assert one(f"a valid-before{edge} {KEY}").refusal("x", NOW) == ""
    early, late = NOW.replace(hour=11), NOW.replace(hour=13)
    assert "valid only after 2026-11-24 12:00:00 UTC" in one(f"a valid-after{edge} {KEY}").refusal(
        "x", early
    )
    assert "valid only before" in one(f"a valid-before{edge} {KEY}").refusal("x", late)


def test_a_time_without_z_is_that_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert one(f'a valid-after="202607011200" {KEY}').after == datetime(
            2026, 7, 1, 10, tzinfo=UTC
        )
        assert one(f'a valid-after="20260701Z" {KEY}').after == datetime(2026, 7, 1, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"alice cert-authority {KEY}", "judges no certificates"),
        (f'alice cert-authority,namespaces="git" {KEY}', "judges no certificates"),
        (f"alice ssh-ed25519-cert-v01@openssh.com {KEY.split()[1]}", "is a certificate"),
        (f'alice namespace="git" {KEY}', "namespace is no option"),
        (f"alice namespaces {KEY}", "needs a value"),
        (f'alice namespaces="a",namespaces="b" {KEY}', "there twice"),
        (f'alice valid-after="2026" {KEY}', "is no time"),
        (f'alice valid-after="20261301" {KEY}', "no day and time that there is"),
        (f'alice valid-after="20270101Z",valid-before="20260101Z" {KEY}', "never valid"),
        ("alice", "a line is"),
        ("alice ssh-ed25519", "a line is"),
        ('alice namespaces="git" ssh-ed25519', "the key is missing"),
        ("alice ssh-ed25519 !!", "not base64"),
        ("alice ssh-ed25519 AAAA", "too early"),
        (f"alice ssh-rsa {KEY.split()[1]}", "the key says ssh-ed25519"),
        ("alice ssh-dss AAAA", "is no option"),
        (f"alice {KEY}A", "not base64"),
    ],
)
def test_a_line_that_is_wrong_is_told_with_its_number(line: str, said: str) -> None:
    with pytest.raises(Wrong, match=said) as caught:
        parse(f"# first\nbob {OTHER}\n{line}\n", "file")
    assert str(caught.value).startswith("file:3: ")


def test_all_mistakes_at_once() -> None:
    with pytest.raises(Wrong) as caught:
        parse(f"a\nb {KEY}\nc\n")
    assert [text.split(":")[1] for text in str(caught.value).splitlines()] == ["1", "3"]


@given(st.text(max_size=80))
def test_no_text_does_more_than_have_mistakes(text: str) -> None:
    with suppress(Wrong):
        parse(text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="cannot be read: No such file"):
        read(tmp_path / "none")
    (tmp_path / "latin").write_bytes(b"\xe9")
    with pytest.raises(Wrong, match="not UTF-8"):
        read(tmp_path / "latin")
