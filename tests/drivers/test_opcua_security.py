"""Whom the driver trusts, what it refuses to send, and what it says then."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from asyncua.crypto.cert_gen import (
    dump_private_key_as_pem,
    generate_app_certificate_signing_request,
    generate_private_key,
    generate_self_signed_app_certificate,
    sign_certificate_request,
)
from asyncua.ua import SecurityPolicyType
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from goldcopy.driver import Meter, Secret, Target
from goldcopy.errors import GoldcopyError, Refused, Unsupported, Wrong
from goldcopy.snapshot import Identity
from goldcopy_opcua import OpcUaDriver, OpcUaOptions
from goldcopy_opcua.__main__ import main as by_hand
from goldcopy_opcua.security import thumbprint
from goldcopy_sim.opcua import Login, OpcUaSimulator, Settings
from goldcopy_sim.opcua.security import Identity as Papers

PASSWORD = "sesame 🔑"
USERS = {"vic": Login(PASSWORD, "viewer")}
SERVER = [ExtendedKeyUsageOID.SERVER_AUTH]


class Own(NamedTuple):
    """Our own certificate and key, made as a person would make them."""

    certificate: Path
    key: Path


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Own:
    folder = tmp_path_factory.mktemp("own")
    made = Own(folder / "own.der", folder / "own.pem")
    assert run("create", "collector-1", str(made.certificate), str(made.key)) == 0
    return made


@pytest.fixture(scope="module")
def papers() -> Papers:
    return issued("urn:example:controls:oven-1", SERVER)


def run(*arguments: str) -> int:
    before, sys.argv = sys.argv, ["goldcopy_opcua", *arguments]
    try:
        return by_hand()
    finally:
        sys.argv = before


def issued(uri: str, usage: list[x509.ObjectIdentifier], by: Papers | None = None) -> Papers:
    """A certificate and its key, self-signed or issued by another."""
    key = generate_private_key()
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri)]
    if by is None:
        return Papers(generate_self_signed_app_certificate(key, uri, {}, names, usage), key)
    request = generate_app_certificate_signing_request(key, uri, {}, names, usage)
    return Papers(sign_certificate_request(request, by.certificate, by.key), key)


def oven(papers: Papers, **settings: Any) -> OpcUaSimulator:  # noqa: ANN401
    plc = OpcUaSimulator.demo("oven-1", settings=Settings(**settings))
    plc.identity = papers
    return plc


def pin(folder: Path, papers: Papers, name: str = "server.der", pem: bool = False) -> Path:
    file = folder / name
    file.write_bytes(papers.certificate.public_bytes(Encoding.PEM if pem else Encoding.DER))
    return file


async def gone(plc: OpcUaSimulator) -> None:
    """Wait until the simulator has seen the last connection go."""
    async with asyncio.timeout(5):
        while plc.connections.open:  # noqa: ASYNC110 - it counts and tells nobody
            await asyncio.sleep(0.01)


async def identify(
    plc: OpcUaSimulator,
    own: Own | None = None,
    user: str = "",
    password: str = "",
    **options: Any,  # noqa: ANN401
) -> Identity:
    if own is not None:
        options |= {"certificate": own.certificate, "key": own.key}
    secret = Secret(password) if password else None
    chosen = OpcUaOptions(**options)
    target = Target(
        "oven-1", plc.host, plc.port, 10, username=user, password=secret, options=chosen
    )
    async with OpcUaDriver().open(target, Meter()) as session:
        return await session.identify()


# -- what works ---------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes256Sha256RsaPss", "Aes128Sha256RsaOaep"])
@pytest.mark.parametrize("security", ["Sign", "SignAndEncrypt"])
async def test_policies(
    tmp_path: Path, own: Own, papers: Papers, policy: str, security: str
) -> None:
    offered = [SecurityPolicyType[f"{policy}_{security}"]]
    async with oven(papers, security=offered) as plc:
        pinned = pin(tmp_path, papers)
        found = await identify(
            plc, own, policy=policy, security=security, server_certificate=pinned
        )
        assert found.name == "oven-1"
        assert plc.connections.peak == 1
        assert [service for service in plc.log if service.writes] == []


@pytest.mark.parametrize("pem", [True, False])
async def test_a_password_goes_over_an_encrypted_channel(
    tmp_path: Path, own: Own, papers: Papers, pem: bool
) -> None:
    async with oven(papers, users=USERS, anonymous=None) as plc:
        pinned = pin(tmp_path, papers, pem=pem)
        found = await identify(plc, own, "vic", PASSWORD, server_certificate=pinned)
        assert found.vendor == "Example Controls"


async def test_a_folder_of_trusted_servers(tmp_path: Path, own: Own, papers: Papers) -> None:
    pin(tmp_path, issued("urn:other", SERVER), "other.pem", pem=True)
    pin(tmp_path, papers, "oven.crt")
    (tmp_path / "readme.txt").write_text("not a certificate")
    async with oven(papers) as plc:
        assert (await identify(plc, own, trust=tmp_path)).name == "oven-1"


async def test_a_folder_with_the_authority_that_issued(tmp_path: Path, own: Own) -> None:
    authority = issued("urn:plant:ca", [])
    pin(tmp_path, authority)
    async with oven(issued("urn:example:controls:oven-1", SERVER, authority)) as plc:
        assert (await identify(plc, own, trust=tmp_path)).name == "oven-1"


# -- what is refused before anything is sent ----------------------------------------------------


@pytest.mark.parametrize("security", ["None", "Sign"])
async def test_no_password_without_encryption(
    tmp_path: Path, own: Own, papers: Papers, security: str
) -> None:
    async with oven(papers, users=USERS) as plc:
        pinned = pin(tmp_path, papers)
        with pytest.raises(Wrong, match="unencrypted") as caught:
            await identify(plc, own, "vic", PASSWORD, security=security, server_certificate=pinned)
        assert PASSWORD not in str(caught.value)
        assert plc.connections.total == 0


async def test_security_is_the_default_and_needs_somebody_to_trust(
    own: Own, papers: Papers
) -> None:
    async with oven(papers) as plc:
        with pytest.raises(Wrong, match=r"server_certificate.*fetch 127\.0\.0\.1"):
            await identify(plc, own)
        assert plc.connections.total == 0


async def test_a_certificate_of_our_own_is_needed(tmp_path: Path, papers: Papers) -> None:
    async with oven(papers) as plc:
        with pytest.raises(Wrong, match="create"):
            await identify(plc, server_certificate=pin(tmp_path, papers))
        assert plc.connections.total == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot read"), (b"nonsense", "no certificate"), (b"-----BEGIN", "no certificate")],
)
async def test_files_that_are_no_certificates(
    tmp_path: Path, own: Own, papers: Papers, content: bytes | None, message: str
) -> None:
    file = tmp_path / "server.der"
    if content is not None:
        file.write_bytes(content)
    async with oven(papers) as plc:
        with pytest.raises(Wrong, match=message):
            await identify(plc, own, server_certificate=file)
        assert plc.connections.total == 0


async def test_a_key_of_another_certificate(tmp_path: Path, own: Own, papers: Papers) -> None:
    other = Own(tmp_path / "other.der", tmp_path / "other.pem")
    run("create", "other", str(other.certificate), str(other.key))
    async with oven(papers) as plc:
        mixed = Own(own.certificate, other.key)
        with pytest.raises(Wrong, match="is not the key of"):
            await identify(plc, mixed, server_certificate=pin(tmp_path, papers))
        with pytest.raises(Wrong, match="no unencrypted private key"):
            await identify(
                plc, Own(own.certificate, own.certificate), server_certificate=pin(tmp_path, papers)
            )


async def test_a_certificate_without_an_application_uri(tmp_path: Path, papers: Papers) -> None:
    key = generate_private_key()
    named: list[x509.GeneralName] = [x509.DNSName("collector")]
    made = Papers(generate_self_signed_app_certificate(key, "x", {}, named, SERVER), key)
    mine = Own(Path(pin(tmp_path, made, "own.der")), tmp_path / "own.pem")
    mine.key.write_bytes(dump_private_key_as_pem(key))
    async with oven(papers) as plc:
        with pytest.raises(Wrong, match="no application URI"):
            await identify(plc, mine, server_certificate=pin(tmp_path, papers))


async def test_an_empty_or_missing_trust_folder(tmp_path: Path, own: Own, papers: Papers) -> None:
    async with oven(papers) as plc:
        with pytest.raises(Wrong, match="holds no certificate"):
            await identify(plc, own, trust=tmp_path)
        with pytest.raises(Wrong, match="cannot read the trust folder"):
            await identify(plc, own, trust=tmp_path / "nowhere")
        assert plc.connections.total == 0


# -- what is refused before a secure channel is opened ------------------------------------------


async def test_a_wrong_pin_names_both_thumbprints(tmp_path: Path, own: Own, papers: Papers) -> None:
    other = issued("urn:example:controls:oven-1", SERVER)
    async with oven(papers, users=USERS, anonymous=None) as plc:
        with pytest.raises(Refused) as caught:
            await identify(plc, own, "vic", PASSWORD, server_certificate=pin(tmp_path, other))
        assert thumbprint(papers.certificate) in str(caught.value)
        assert thumbprint(other.certificate) in str(caught.value)
        assert [service.name for service in plc.log] == ["GetEndpoints"]


async def test_a_server_that_nobody_vouches_for(tmp_path: Path, own: Own, papers: Papers) -> None:
    pin(tmp_path, issued("urn:plant:ca", []))
    async with oven(papers) as plc:
        with pytest.raises(Refused, match=thumbprint(papers.certificate)):
            await identify(plc, own, trust=tmp_path)


async def test_one_controller_does_not_vouch_for_another(tmp_path: Path, own: Own) -> None:
    """A self-signed certificate says that it is an authority; it is one for itself only."""
    trusted = issued("urn:example:controls:packer", SERVER)
    pin(tmp_path, trusted)
    async with oven(issued("urn:example:controls:oven-1", SERVER, trusted)) as plc:
        with pytest.raises(Refused, match="neither in"):
            await identify(plc, own, trust=tmp_path)


async def test_a_policy_that_is_not_offered(tmp_path: Path, own: Own, papers: Papers) -> None:
    only = [SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt]
    async with oven(papers, security=only) as plc:
        with pytest.raises(Unsupported, match="offers: SignAndEncrypt Aes256_Sha256_RsaPss"):
            await identify(plc, own, server_certificate=pin(tmp_path, papers))


# -- what the server refuses --------------------------------------------------------------------


@pytest.mark.parametrize(("user", "password"), [("vic", "wrong"), ("nobody", PASSWORD)])
async def test_a_refused_login(
    tmp_path: Path, own: Own, papers: Papers, user: str, password: str
) -> None:
    async with oven(papers, users=USERS, anonymous=None) as plc:
        with pytest.raises(Refused, match=f"login as '{user}' was refused") as caught:
            await identify(plc, own, user, password, server_certificate=pin(tmp_path, papers))
        assert password not in str(caught.value)
        await gone(plc)


async def test_a_server_that_wants_a_name(papers: Papers) -> None:
    async with oven(papers, users=USERS, anonymous=None) as plc:
        with pytest.raises(Refused, match="without a name was refused"):
            await identify(plc, security="None")


async def test_a_server_that_does_not_trust_us(tmp_path: Path, own: Own, papers: Papers) -> None:
    async with oven(papers, trusted_clients=[]) as plc:
        with pytest.raises(GoldcopyError, match="trust list") as caught:
            await identify(plc, own, server_certificate=pin(tmp_path, papers))
        assert type(caught.value) is Refused


async def test_an_unsecured_channel_that_is_not_offered(papers: Papers) -> None:
    only = [SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
    async with oven(papers, security=only) as plc:
        with pytest.raises(Refused, match="BadSecurityPolicyRejected"):
            await identify(plc, security="None")


# -- options and certificates by hand -----------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"security": "Some"}, "Invalid enum value"),
        ({"colour": "red"}, "unknown field"),
        ({"endpoint": "UA"}, "starts with /"),
        ({"server_certificate": "a", "trust": "b"}, "exclude each other"),
        ({"certificate": "a"}, "belong together"),
        ({"max_nodes": 0}, "positive"),
    ],
)
def test_options_that_are_wrong(given: dict[str, object], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(given, OpcUaOptions, dec_hook=lambda kind, text: kind(text))


async def test_a_fetched_certificate_can_be_pinned(
    tmp_path: Path, own: Own, papers: Papers, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "server.der"
    async with oven(papers) as plc:
        code = await asyncio.to_thread(run, "fetch", plc.host, str(plc.port), str(file))
        assert code == 0
        assert thumbprint(papers.certificate) in capsys.readouterr().out
        assert (await identify(plc, own, server_certificate=file)).name == "oven-1"


def test_a_key_is_private_and_never_overwritten(
    own: Own, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert own.key.stat().st_mode & 0o077 == 0
    before = own.key.read_bytes()
    assert run("create", "again", str(tmp_path / "new.der"), str(own.key)) == 1
    assert "exists" in capsys.readouterr().err
    assert own.key.read_bytes() == before
    assert not (tmp_path / "new.der").exists()


def test_a_server_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fetch", "127.0.0.1", "1", str(tmp_path / "s.der")) == 1
    assert "no connection to 127.0.0.1:1" in capsys.readouterr().err
