"""SSHSIG: against signatures made by OpenSSH, and against everything that is nearly one."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from goldcopy.driver import Secret
from goldcopy.errors import Unreachable, Unsupported, Wrong
from goldcopy.gold import sshsig
from goldcopy.gold.signing import load_key, with_ssh_keygen
from goldcopy.gold.sshkeys import key_from_text, parse_key, signature_field
from goldcopy.gold.sshwire import mpint, string

VECTORS = Path(__file__).parents[1] / "vectors" / "sshsig"
MESSAGE = (VECTORS / "message").read_bytes()
NAMES = ["ed25519", "ecdsa-256", "ecdsa-384", "ecdsa-521", "rsa-3072"]
ED25519 = ed25519.Ed25519PrivateKey.generate()


@pytest.mark.parametrize("name", NAMES)
def test_signatures_of_openssh(name: str) -> None:
    armored = (VECTORS / f"{name}.sig").read_text()
    signature = sshsig.parse(armored)
    signature.verify(MESSAGE)
    assert signature.armored() == armored
    kind, blob = (VECTORS / f"{name}.pub").read_text().split()
    assert signature.key == key_from_text(kind, blob)
    with pytest.raises(Wrong, match="not that of the key SHA256:"):
        signature.verify(MESSAGE + b" ")
    with pytest.raises(Wrong, match="made for 'goldcopy', not for 'git'"):
        signature.verify(MESSAGE, "git")


def test_the_other_hash_and_another_namespace() -> None:
    sshsig.parse((VECTORS / "ed25519-sha256.sig").read_text()).verify(MESSAGE)
    git = sshsig.parse((VECTORS / "ed25519-git.sig").read_text())
    git.verify(MESSAGE, "git")
    with pytest.raises(Wrong, match="made for 'git', not for 'goldcopy'"):
        git.verify(MESSAGE)


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7), name=st.sampled_from(NAMES))
def test_no_bit_of_a_signature_may_be_another(at: int, bit: int, name: str) -> None:
    lines = (VECTORS / f"{name}.sig").read_text().splitlines()
    blob = bytearray(base64.b64decode("".join(lines[1:-1])))
    blob[at % len(blob)] ^= 1 << bit
    text = "\n".join((lines[0], base64.b64encode(blob).decode(), lines[-1]))
    key = key_from_text(*(VECTORS / f"{name}.pub").read_text().split())
    try:
        signature = sshsig.parse(text)
        signature.verify(MESSAGE)
    except Wrong:
        return
    assert signature.key != key  # never: a signature by another key is no signature by this one
    pytest.fail("a changed signature was taken")


def test_nothing_may_stand_behind_the_end_and_no_number_is_padded() -> None:
    good = sshsig.parse(sshsig.sign(b"m", ED25519))
    for bad in (
        good._replace(content=good.content + b"\0"),
        good._replace(key=good.key._replace(blob=good.key.blob + b"\0")),
        good._replace(hash="sha1"),
        good._replace(hash="md5"),
    ):
        with pytest.raises(Wrong):
            sshsig.parse(bad.armored()).verify(b"m")
    sha1 = (b"goldcopy", b"", b"sha1", hashlib.sha1(b"m").digest())
    by_sha1 = ED25519.sign(b"SSHSIG" + b"".join(map(string, sha1)))
    field = signature_field("ssh-ed25519", by_sha1)
    with pytest.raises(Wrong, match="hashes the message with 'sha1'"):
        sshsig.parse(good._replace(hash="sha1", content=field).armored())
    lines = good.armored().splitlines()
    longer = base64.b64encode(base64.b64decode("".join(lines[1:-1])) + b"\0").decode()
    with pytest.raises(Wrong, match="bytes behind its end"):
        sshsig.parse("\n".join((lines[0], longer, lines[-1])))
    key = ec.generate_private_key(ec.SECP256R1())
    signed = sshsig.parse(sshsig.sign(b"m", key))
    r, s = decode_dss_signature(key.sign(signed_data(b"m"), ec.ECDSA(hashes.SHA256())))
    plain = mpint(r) + mpint(s)
    padded = string(b"\0" + mpint(r)[4:]) + mpint(s)
    name = signed.key.kind
    signed._replace(content=signature_field(name, plain)).verify(b"m")
    with pytest.raises(Wrong, match="negative or padded"):
        signed._replace(content=signature_field(name, padded)).verify(b"m")


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda data: b"SSHSIG\0\0\0\1" + data))
def test_noise_is_refused_in_words(data: bytes) -> None:
    text = f"-----BEGIN SSH SIGNATURE-----\n{base64.b64encode(data).decode()}\n"
    with pytest.raises(Wrong):
        sshsig.parse(text + "-----END SSH SIGNATURE-----\n")
    with pytest.raises(Wrong):
        parse_key(data)


@pytest.mark.parametrize(
    "text",
    ["", "x", "-----BEGIN SSH SIGNATURE-----\n!\n-----END SSH SIGNATURE-----", "a" * 200_000],
)
def test_what_is_no_armor(text: str) -> None:
    with pytest.raises(Wrong, match="no SSH signature"):
        sshsig.parse(text)


@settings(max_examples=20)
@given(st.binary(max_size=300))
def test_what_is_signed_verifies(message: bytes) -> None:
    signature = sshsig.parse(sshsig.sign(message, ED25519))
    signature.verify(message)
    assert signature.key == sshsig.public_key(ED25519)


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_what_an_elliptic_key_signs_verifies(curve: ec.EllipticCurve) -> None:
    # A number with its first bit set gets a zero in front: half of all signatures have one.
    key = ec.generate_private_key(curve)
    for n in range(20):
        sshsig.parse(sshsig.sign(b"%d" % n, key)).verify(b"%d" % n)


def test_a_weak_rsa_key_neither_signs_nor_counts() -> None:
    weak = rsa.generate_private_key(65537, 1024)
    with pytest.raises(Wrong, match="1024 bits is too weak"):
        sshsig.sign(b"", weak)


def test_rsa_with_sha1_does_not_count() -> None:
    from cryptography.hazmat.primitives.asymmetric import padding

    key = rsa.generate_private_key(65537, 2048)
    good = sshsig.parse(sshsig.sign(b"m", key))
    good.verify(b"m")
    weak = signature_field("ssh-rsa", key.sign(b"m", padding.PKCS1v15(), hashes.SHA256()))
    with pytest.raises(Wrong, match="signed with ssh-rsa"):
        good._replace(content=weak).verify(b"m")


# -- hardware tokens (PROTOCOL.u2f); the token is played here --------------------------------------


def signed_data(message: bytes) -> bytes:
    digest = hashlib.sha512(message).digest()
    return b"SSHSIG" + b"".join(map(string, (b"goldcopy", b"", b"sha512", digest)))


def token_data(message: bytes, flags: int, counter: int, application: bytes) -> bytes:
    return (
        hashlib.sha256(application).digest()
        + bytes([flags])
        + counter.to_bytes(4, "big")
        + hashlib.sha256(signed_data(message)).digest()
    )


def by_token(
    kind: str,
    message: bytes,
    flags: int,
    application: bytes = b"ssh:",
    registered: bytes = b"ssh:",
) -> str:
    """What a token of this kind would sign, for a key of the application ``registered``."""
    data = token_data(message, flags, 7, application)
    if kind == "ed25519":
        private = ed25519.Ed25519PrivateKey.generate()
        name = b"sk-ssh-ed25519@openssh.com"
        blob = string(name) + string(private.public_key().public_bytes_raw())
        content = private.sign(data)
    else:
        elliptic = ec.generate_private_key(ec.SECP256R1())
        point = elliptic.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        name = b"sk-ecdsa-sha2-nistp256@openssh.com"
        blob = string(name) + string(b"nistp256") + string(point)
        r, s = decode_dss_signature(elliptic.sign(data, ec.ECDSA(hashes.SHA256())))
        content = mpint(r) + mpint(s)
    field = string(name) + string(content) + bytes([flags]) + (7).to_bytes(4, "big")
    key = parse_key(blob + string(registered))
    return sshsig.Signature(key, "goldcopy", b"", "sha512", field).armored()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_hardware_tokens(kind: str) -> None:
    for flags in (0x01, 0x05):  # touched; touched, and the PIN given
        sshsig.parse(by_token(kind, b"m", flags)).verify(b"m")
    sshsig.parse(by_token(kind, b"m", 0x01, b"ssh:plant", b"ssh:plant")).verify(b"m")
    with pytest.raises(Wrong, match="not touched"):
        sshsig.parse(by_token(kind, b"m", 0x00)).verify(b"m")
    with pytest.raises(Wrong, match="not that of the key"):
        sshsig.parse(by_token(kind, b"m", 0x01, b"ssh:other")).verify(b"m")
    signature = sshsig.parse(by_token(kind, b"m", 0x01))
    for changed in (signature.content[:-1] + b"\x08", signature.content[:-5] + b"\x05" + bytes(4)):
        with pytest.raises(Wrong):
            signature._replace(content=changed).verify(b"m")


# -- key files -------------------------------------------------------------------------------------


def write(path: Path, key: sshsig.PrivateKey | dsa.DSAPrivateKey, passphrase: bytes = b"") -> Path:
    how = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    form = serialization.PrivateFormat.OpenSSH
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, how))
    return path


def test_a_key_file_with_and_without_a_passphrase(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain", ED25519)
    sshsig.parse(sshsig.sign(b"m", load_key(plain))).verify(b"m")
    locked = write(tmp_path / "locked", ED25519, b"open sesame")
    sshsig.parse(sshsig.sign(b"m", load_key(locked, Secret("open sesame")))).verify(b"m")
    for path, secret, said in [
        (locked, None, "has a passphrase; give it"),
        (locked, Secret("swordfish"), "the passphrase is wrong"),
        (plain, Secret("swordfish"), "has no passphrase; give none"),
        (tmp_path / "none", None, "No such file"),
    ]:
        with pytest.raises(Wrong, match=said) as caught:
            load_key(path, secret)
        assert "swordfish" not in str(caught.value)


def test_files_that_are_no_private_key(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("ssh-ed25519 AAAA me")
    with pytest.raises(Wrong, match="is a public key"):
        load_key(file)
    file.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n")
    with pytest.raises(Wrong, match="no private key of OpenSSH") as caught:
        load_key(file)
    assert "c2VjcmV0" not in str(caught.value)


async def test_without_ssh_keygen_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unsupported, match="not installed"):
        await with_ssh_keygen(b"m", tmp_path / "key")


def fake_ssh_keygen(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "ssh-keygen"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


async def test_a_token_that_nobody_touches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f"echo $$ > {tmp_path}/pid; echo Touch it >&2; exec sleep 600"
    fake_ssh_keygen(tmp_path, script, monkeypatch)
    told: list[str] = []
    with pytest.raises(Unreachable, match=r"no signature by .* within 2 s"):
        await with_ssh_keygen(b"m", tmp_path / "key", told.append, patience=2)
    assert told == ["Touch it"]
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_an_ssh_keygen_that_refuses_or_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ssh_keygen(tmp_path, "echo no such key >&2; exit 255", monkeypatch)
    with pytest.raises(Wrong, match=r"did not sign with .*: no such key"):
        await with_ssh_keygen(b"m" * 1_000_000, tmp_path / "key")
    other = sshsig.sign(b"another message", ED25519)
    (tmp_path / "sig").write_text(other)
    fake_ssh_keygen(tmp_path, f"cat {tmp_path}/sig", monkeypatch)
    with pytest.raises(Wrong, match="not that of the key"):
        await with_ssh_keygen(b"m", tmp_path / "key")
