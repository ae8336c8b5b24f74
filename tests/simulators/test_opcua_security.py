"""Whom the OPC UA simulator lets in: channels, certificates, users."""

from pathlib import Path
from typing import NamedTuple

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.security_policies import (
    SecurityPolicy,
    SecurityPolicyAes256Sha256RsaPss,
    SecurityPolicyBasic256Sha256,
)
from asyncua.ua.uaerrors import (
    BadIdentityTokenRejected,
    BadSecurityChecksFailed,
    BadSecurityPolicyRejected,
    BadSessionIdInvalid,
    BadUserAccessDenied,
)
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from goldcopy_sim.opcua import Login, OpcUaSimulator, Settings

USERS = {"anna": Login("secret 🔑", "engineer"), "vic": Login("look", "viewer")}
GAIN = "Devices.oven.ParameterSet.Gain"
URI = "urn:example:client"
ENCRYPT = ua.MessageSecurityMode.SignAndEncrypt


def oven(**settings: object) -> OpcUaSimulator:
    return OpcUaSimulator.demo("oven", settings=Settings(**settings))  # type: ignore[arg-type]


class Papers(NamedTuple):
    """A client's certificate and key."""

    certificate: Path
    key: Path

    @property
    def der(self) -> bytes:
        return x509.load_der_x509_certificate(self.certificate.read_bytes()).public_bytes(
            Encoding.DER
        )


async def papers(folder: Path, name: str) -> Papers:
    made = Papers(folder / f"{name}.der", folder / f"{name}.pem")
    usage = [ExtendedKeyUsageOID.CLIENT_AUTH]
    await setup_self_signed_certificate(made.key, made.certificate, URI, "localhost", usage, {})
    return made


async def secured(
    plc: OpcUaSimulator,
    own: Papers,
    policy: type[SecurityPolicy] = SecurityPolicyBasic256Sha256,
    mode: ua.MessageSecurityMode = ENCRYPT,
    pin: bytes | None = None,
) -> Client:
    client = Client(plc.url, timeout=10)
    client.application_uri = URI
    await client.set_security(policy, own.certificate, own.key, None, pin or plc.certificate, mode)
    return client


FLOAT = ua.DataValue(ua.Variant(4.5, ua.VariantType.Float))


@pytest.mark.parametrize("mode", [ua.MessageSecurityMode.Sign, ENCRYPT])
@pytest.mark.parametrize("policy", [SecurityPolicyBasic256Sha256, SecurityPolicyAes256Sha256RsaPss])
async def test_a_secured_channel_carries_every_service(
    tmp_path: Path, policy: type[SecurityPolicy], mode: ua.MessageSecurityMode
) -> None:
    async with oven(users=USERS, anonymous=None) as plc:
        client = await secured(plc, await papers(tmp_path, "client"), policy, mode)
        client.set_user("anna")
        client.set_password("secret 🔑")
        async with client:
            node = client.get_node(plc.model.id("http://example.com/oven", GAIN))
            await node.write_value(FLOAT)
            assert await node.read_value() == 4.5
            assert len(await client.nodes.objects.get_children()) >= 3


async def test_the_certificate_is_its_own_and_names_the_application() -> None:
    async with oven() as plc, OpcUaSimulator.demo("line2-oven") as other:
        endpoints = await Client(plc.url).connect_and_get_server_endpoints()
        assert {each.ServerCertificate for each in endpoints} == {plc.certificate}
        assert len(endpoints) == 5
        assert plc.certificate != other.certificate
        certificate = x509.load_der_x509_certificate(plc.certificate)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        assert uris == [plc.model.uris[1]] == [endpoints[0].Server.ApplicationUri]


def test_there_is_no_certificate_before_the_start() -> None:
    with pytest.raises(LookupError):
        _ = oven().certificate


async def test_only_trusted_clients_open_a_channel(tmp_path: Path) -> None:
    known, stranger = await papers(tmp_path, "known"), await papers(tmp_path, "stranger")
    async with oven(trusted_clients=[known.der]) as plc:
        async with await secured(plc, known) as client:
            assert await client.get_namespace_array()
        with pytest.raises(BadSecurityChecksFailed):
            await (await secured(plc, stranger)).connect()
        assert {each.name for each in plc.log[-1:]} == {"CloseSession"}


async def test_a_client_that_pins_another_controller_is_told_so(tmp_path: Path) -> None:
    async with oven() as plc, OpcUaSimulator.demo("line2-oven") as other:
        own = await papers(tmp_path, "client")
        with pytest.raises(BadSecurityChecksFailed):
            await (await secured(plc, own, pin=other.certificate)).connect()
        assert plc.log == []


async def test_an_unoffered_policy_is_refused(tmp_path: Path) -> None:
    only = [ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt]
    async with oven(security=only) as plc:
        with pytest.raises(BadSecurityPolicyRejected):
            await Client(plc.url).connect()
        (endpoint,) = await Client(plc.url).connect_and_get_server_endpoints()
        assert endpoint.SecurityMode == ENCRYPT
        with pytest.raises(BadSecurityChecksFailed):
            await (await secured(plc, await papers(tmp_path, "client"))).connect()


async def test_a_wrong_password_is_refused_even_behind_a_certificate(tmp_path: Path) -> None:
    async with oven(users=USERS) as plc:
        for user, password in (("anna", "wrong"), ("nobody", "secret 🔑"), ("anna", "")):
            client = await secured(plc, await papers(tmp_path, "client"))
            client.set_user(user)
            client.set_password(password)
            with pytest.raises(BadUserAccessDenied):
                await client.connect()


async def test_a_nameless_user_is_let_in_only_where_that_is_allowed() -> None:
    async with oven(users=USERS, anonymous=None) as plc:
        with pytest.raises(BadIdentityTokenRejected):
            await Client(plc.url).connect()
        offered = await Client(plc.url).connect_and_get_server_endpoints()
        kinds = {token.TokenType for each in offered for token in each.UserIdentityTokens}
        assert kinds == {ua.UserTokenType.UserName}
    async with oven() as plc, Client(plc.url) as client:
        assert await client.get_namespace_array()


@pytest.mark.parametrize(("user", "may"), [("anna", True), ("vic", False), (None, False)])
async def test_what_a_user_may_write_is_in_the_user_access_level(
    user: str | None, may: bool
) -> None:
    async with oven(users=USERS, anonymous="viewer") as plc:
        client = Client(plc.url)
        if user:
            client.set_user(user)
            client.set_password(USERS[user].password)
        async with client:
            node = client.get_node(plc.model.id("http://example.com/oven", GAIN))
            assert ua.AccessLevel.CurrentWrite in await node.get_access_level()
            level = await node.get_user_access_level()
            assert (ua.AccessLevel.CurrentWrite in level) == may
            assert ua.AccessLevel.CurrentRead in level
            if may:
                await node.write_value(FLOAT)
            else:
                with pytest.raises(BadUserAccessDenied):
                    await node.write_value(FLOAT)
            assert (await node.read_value() == 4.5) == may


async def test_a_request_with_the_token_of_another_session_is_refused() -> None:
    async with oven() as plc, Client(plc.url) as one, Client(plc.url) as two:
        line = one.uaclient.protocol
        assert line is not None
        assert two.uaclient.protocol is not None
        own = line.authentication_token
        line.authentication_token = two.uaclient.protocol.authentication_token
        with pytest.raises(BadSessionIdInvalid):
            await one.get_namespace_array()
        line.authentication_token = own
