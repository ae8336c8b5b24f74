"""SSHSIG both ways with OpenSSH: ssh-keygen signs and we verify, we sign and it verifies."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from tests.core.gold_people import ALICE, BOB, HOUR, NOON, key_words, note, proposal
from tests.core.test_sshsig import by_token

from goldcopy.driver import Secret
from goldcopy.gold import sshsig
from goldcopy.gold.judge import judge
from goldcopy.gold.judgement import APPROVAL, PROPOSAL, GoldNote
from goldcopy.gold.signers import read
from goldcopy.gold.signing import load_key, with_ssh_keygen

KINDS = {
    "ed25519": ["ed25519"],
    "ecdsa-256": ["ecdsa", "-b", "256"],
    "ecdsa-384": ["ecdsa", "-b", "384"],
    "ecdsa-521": ["ecdsa", "-b", "521"],
    "rsa": ["rsa", "-b", "3072"],
}
MESSAGE = b'{"format":"goldcopy-gold/1"}\n'


def run(*words: str | Path, message: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(words, input=message, capture_output=True, timeout=30)


def make_key(path: Path, kind: str, passphrase: str = "") -> Path:
    made = run("ssh-keygen", "-q", "-t", *KINDS[kind], "-N", passphrase, "-f", path, "-C", "test")
    assert made.returncode == 0, made.stderr
    return path


def verdict(folder: Path, line: str, armored: str, who: str = "alice@plant", at: str = "") -> str:
    """What ssh-keygen says: "" if it takes the signature."""
    (folder / "allowed").write_text(line)
    (folder / "sig").write_text(armored)
    words = ["ssh-keygen", "-Y", "verify", "-n", "goldcopy", "-I", who]
    words += ["-f", str(folder / "allowed"), "-s", str(folder / "sig")]
    done = run(*words, *(["-O", f"verify-time={at}"] if at else []), message=MESSAGE)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).decode()


def line_of(public: Path, options: str = "") -> str:
    kind, blob = public.read_text().split()[:2]
    return f"alice@plant {options} {kind} {blob}\n"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("passphrase", ["", "open sesame"])
def test_we_sign_and_it_verifies(kind: str, passphrase: str, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key", kind, passphrase)
    armored = sshsig.sign(MESSAGE, load_key(key, Secret(passphrase) if passphrase else None))
    line = line_of(tmp_path / "key.pub")
    assert verdict(tmp_path, line, armored) == ""
    assert verdict(tmp_path, line, armored, "bob@plant") != ""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hashed", ["sha256", "sha512"])
def test_it_signs_and_we_verify(kind: str, hashed: str, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key", kind)
    how = ["-O", f"hashalg={hashed}"]
    made = run("ssh-keygen", "-Y", "sign", "-n", "goldcopy", *how, "-f", key, message=MESSAGE)
    signature = sshsig.parse(made.stdout.decode())
    signature.verify(MESSAGE)
    assert signature.hash == hashed
    assert signature.key == sshsig.public_key(load_key(key))
    shown = run("ssh-keygen", "-l", "-f", tmp_path / "key.pub").stdout.decode()
    assert signature.key.fingerprint in shown


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_it_takes_the_token_signatures_that_we_take(kind: str, tmp_path: Path) -> None:
    armored = by_token(kind, MESSAGE, 0x05)
    key = sshsig.parse(armored).key
    public = tmp_path / "key.pub"
    public.write_text(f"{key.kind} {base64.b64encode(key.blob).decode()}\n")
    assert verdict(tmp_path, line_of(public), armored) == ""


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    started = run("ssh-agent", "-s", "-a", tmp_path / "agent").stdout.decode()
    pid = re.search(r"SSH_AGENT_PID=(\d+)", started)
    assert pid, started
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    try:
        yield
    finally:
        os.kill(int(pid[1]), 15)


@pytest.mark.usefixtures("agent")
async def test_the_agent_signs(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key", "ed25519")
    assert run("ssh-add", "-q", key).returncode == 0
    key.unlink()
    armored = await with_ssh_keygen(MESSAGE, tmp_path / "key.pub")
    sshsig.parse(armored).verify(MESSAGE)
    assert verdict(tmp_path, line_of(tmp_path / "key.pub"), armored) == ""


def moment(text: str) -> datetime:
    """As ssh-keygen reads it: a Z is UTC, and no Z the time of the machine."""
    plain = text.rstrip("Z").ljust(14, "0")
    when = datetime.strptime(plain, "%Y%m%d%H%M%S")
    return when.replace(tzinfo=UTC) if text.endswith("Z") else when.astimezone()


@pytest.mark.parametrize(
    ("options", "at", "good"),
    [
        ('namespaces="goldcopy"', "20261124", True),
        ('namespaces="git"', "20261124", False),
        ('namespaces="git,gold*"', "20261124", True),
        ('namespaces="*,!goldcopy"', "20261124", False),
        ('valid-after="20261124120000Z"', "20261124120000Z", True),
        ('valid-after="20261124120000Z"', "20261124115959Z", False),
        ('valid-before="20261124120000Z"', "20261124120000Z", True),
        ('valid-before="20261124120000Z"', "20261124120001Z", False),
        ('VALID-AFTER="20260101",namespaces="goldcopy"', "20261124", True),
    ],
)
def test_both_read_the_allowed_signers_alike(
    options: str, at: str, good: bool, tmp_path: Path
) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    armored = sshsig.sign(MESSAGE, key)
    public = tmp_path / "key.pub"
    blob = sshsig.public_key(key).blob
    public.write_text(f"ssh-ed25519 {base64.b64encode(blob).decode()}\n")
    assert (verdict(tmp_path, line_of(public, options), armored, at=at) == "") is good
    (signer,) = read(tmp_path / "allowed").of(sshsig.public_key(key))
    assert (signer.refusal("goldcopy", moment(at)) == "") is good


@pytest.mark.parametrize(
    ("patterns", "who"),
    [
        (patterns, who)
        for patterns in (
            "*@plant",
            "?lice@plant",
            "*@plant,!eve@plant",
            "!eve@plant",
            '"a b"',
            "[ab]",
        )
        for who in ("alice@plant", "eve@plant", "a b", "a", "[ab]", "ALICE@plant")
    ],
)
def test_both_read_patterns_alike(patterns: str, who: str, tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    blob = base64.b64encode(sshsig.public_key(key).blob).decode()
    line = f"{patterns} ssh-ed25519 {blob}\n"
    theirs = verdict(tmp_path, line, sshsig.sign(MESSAGE, key), who) == ""
    (signer,) = read(tmp_path / "allowed").of(sshsig.public_key(key))
    assert signer.is_for(who) is theirs


def test_an_approval_of_a_gold_copy_is_verified_by_hand(tmp_path: Path) -> None:
    """With jq and ssh-keygen alone, from the body of the note."""
    made = proposal()
    approval = made.approval(BOB, NOON + HOUR)
    kept = note(approval)
    (tmp_path / "note.json").write_text(json.dumps(kept.body()))
    (tmp_path / "allowed_signers").write_text(
        f"{BOB} {key_words(BOB)}\n{ALICE} {key_words(ALICE)}\n"
    )
    script = """
        jq -j .statement note.json > statement
        jq -j .signature note.json > sig
        who=$(jq -r .by statement)
        ssh-keygen -Y verify -f allowed_signers -I "$who" -n goldcopy -s sig < statement
    """
    shell = ["sh", "-euc", script]
    done = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert f'Good "goldcopy" signature for {BOB}' in done.stdout
    (tmp_path / "note.json").write_text(
        json.dumps(kept.body() | {"statement": kept.statement[:-1]})
    )
    assert subprocess.run(shell, cwd=tmp_path, capture_output=True, timeout=30).returncode != 0
    judged = judge(
        [note(made), kept],
        read(tmp_path / "allowed_signers"),
        vault="v1",
        device="mixer",
        approvers=1,
        at=NOON + HOUR,
    )
    assert judged.valid == made


async def test_ssh_keygen_signs_a_statement_that_the_judge_takes(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key", "ecdsa-256")
    (tmp_path / "allowed").write_text(line_of(tmp_path / "key.pub"))
    made = proposal()
    approval = made.approval(ALICE, NOON + HOUR)
    armored = await with_ssh_keygen(approval.line, key)
    kept = GoldNote(APPROVAL, NOON + HOUR, approval.line.decode(), armored)
    proposed = GoldNote(PROPOSAL, NOON, made.line.decode())
    judged = judge(
        [proposed, kept],
        read(tmp_path / "allowed"),
        vault="v1",
        device="mixer",
        approvers=1,
        at=NOON + HOUR,
    )
    assert judged.valid == made
