"""TLS to XSPs: who is refused and in which words, the oldest version, and certificates of our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from OpenSSL import SSL
from twisted.internet import reactor
from twisted.internet.ssl import Certificate, PrivateCertificate

from bwconnector.xsi.errors import XsiFailure
from bwconnector.xsi.requests import Request
from bwconnector.xsi.tls import client_tls
from bwconnector.xsi.xsp import Xsp, XspSettings

from ..test_listening import AUTHORITY, Certified, certify
from .server import Seen, asynchronous, http, serving

GET = Request("GET", "user/alice/profile", safe=True)


def settings(port: int, folder: Path, **options: Any) -> XspSettings:
    (folder / "authority.pem").write_bytes(AUTHORITY.public)
    return attrs.evolve(XspSettings("a", "localhost", port, ca_file=str(folder / "authority.pem"), password="geheim"), **options)


async def refused(port: int, folder: Path, **options: Any) -> str:
    """Why a request came to nothing."""
    xsp = Xsp(reactor, settings(port, folder, **options))
    try:
        with pytest.raises(XsiFailure) as caught:
            await xsp.perform(GET)
    finally:
        await xsp.close()
    return str(caught.value)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: certify("other.example.net", AUTHORITY), "is not for localhost: correct hostname, or have the XSP show one that is"),
        (lambda: certify("localhost", AUTHORITY, days=-0.5), "has expired, or does not lead to ca-file"),
        (lambda: certify("localhost"), "has expired, or does not lead to ca-file"),
        (lambda: certify("localhost", certify("stranger")), "has expired, or does not lead to ca-file"),
    ],
    ids=["other name", "expired", "by itself", "by a stranger"],
)
@asynchronous
async def test_certificates_that_are_refused(tmp_path: Path, make: Callable[[], Certified], says: str) -> None:
    async with serving(PrivateCertificate.loadPEM(make().pem).options()) as server:
        why = await refused(server.port, tmp_path)
        assert server.seen == [], "the password goes to nobody who is not trusted"
    assert why.startswith(f"TLS to XSP a at https://localhost:{server.port} failed: its certificate ")
    assert says in why
    assert "geheim" not in why


@asynchronous
async def test_without_a_ca_file_the_system_s_authorities_count(tmp_path: Path) -> None:
    async with serving(PrivateCertificate.loadPEM(certify("localhost", AUTHORITY).pem).options()) as server:
        assert "the system's authorities (there is no ca-file)" in await refused(server.port, tmp_path, ca_file="")


class Old:
    """A server that speaks one version of TLS only, with ciphers of its time."""

    def __init__(self, version: int) -> None:
        shown = PrivateCertificate.loadPEM(certify("localhost", AUTHORITY).pem)
        self._context = SSL.Context(SSL.TLS_METHOD)
        self._context.set_cipher_list(b"ALL:@SECLEVEL=0")
        self._context.set_min_proto_version(version)
        self._context.set_max_proto_version(version)
        self._context.use_certificate(shown.original)
        self._context.use_privatekey(shown.privateKey.original)

    def getContext(self) -> SSL.Context:
        return self._context


@asynchronous
async def test_tls_1_1_is_refused(tmp_path: Path) -> None:
    async with serving(Old(SSL.TLS1_1_VERSION)) as server:
        why = await refused(server.port, tmp_path)
        assert server.seen == []
    assert "failed: there is no version of TLS that both sides speak, 1.2 at least" in why


@asynchronous
async def test_tls_1_2_is_spoken(tmp_path: Path) -> None:
    async with serving(Old(SSL.TLS1_2_VERSION)) as server:
        xsp = Xsp(reactor, settings(server.port, tmp_path))
        assert (await xsp.perform(GET)).status == 200
        await xsp.close()


def asks_for_a_certificate() -> Any:
    shown = PrivateCertificate.loadPEM(certify("localhost", AUTHORITY).pem)
    return shown.options(Certificate.loadPEM(AUTHORITY.public))


@pytest.mark.parametrize("apart", [False, True], ids=["one file", "two files"])
@asynchronous
async def test_a_certificate_of_our_own(tmp_path: Path, apart: bool) -> None:
    own = certify("connector.example.net", AUTHORITY)
    (tmp_path / "own.pem").write_bytes(own.public if apart else own.pem)
    (tmp_path / "own.key").write_bytes(own.pem)
    files = {"cert_file": str(tmp_path / "own.pem"), "key_file": str(tmp_path / "own.key") if apart else ""}
    async with serving(asks_for_a_certificate()) as server:
        names: list[str] = []

        def answer(seen: Seen) -> bytes:
            transport: Any = seen.connection.transport
            names.append(transport.getPeerCertificate().get_subject().CN)
            return http(200)

        server.answer = answer
        xsp = Xsp(reactor, settings(server.port, tmp_path, **files))
        assert (await xsp.perform(GET)).status == 200
        assert names == ["connector.example.net"]
        await xsp.close()
        await refused(server.port, tmp_path)
        stranger = certify("stranger")
        (tmp_path / "stranger.pem").write_bytes(stranger.pem)
        await refused(server.port, tmp_path, cert_file=str(tmp_path / "stranger.pem"))
        assert len(server.seen) == 1


@asynchronous
async def test_the_certificates_that_lead_to_the_authority_are_shown_too(tmp_path: Path) -> None:
    between = certify("between.example.net", AUTHORITY, authority_too=True)
    own = certify("connector.example.net", between)
    (tmp_path / "own.pem").write_bytes(own.pem + between.public)
    async with serving(asks_for_a_certificate()) as server:
        xsp = Xsp(reactor, settings(server.port, tmp_path, cert_file=str(tmp_path / "own.pem")))
        assert (await xsp.perform(GET)).status == 200
        await xsp.close()
        (tmp_path / "own.pem").write_bytes(own.pem)
        await refused(server.port, tmp_path, cert_file=str(tmp_path / "own.pem"))


def encrypted(own: Certified) -> bytes:
    return own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")) + own.public


@pytest.mark.parametrize(
    ("certificate", "key", "says"),
    [
        (lambda own: own.public, lambda own: certify("other").pem, "is not the key of the certificate in cert-file"),
        (lambda own: own.public, encrypted, "is encrypted: the connector has nobody to ask; write it without a passphrase, mode 0600"),
        (lambda own: own.public, lambda own: own.public, "contains no private key in PEM form"),
        (lambda own: b"nothing", lambda own: own.pem, "contains no certificate in PEM form"),
        (lambda own: b"-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----", lambda own: own.pem, "contains a damaged certificate"),
    ],
    ids=["another key", "encrypted", "no key", "no certificate", "damaged"],
)
def test_files_that_cannot_be_used(tmp_path: Path, certificate: Any, key: Any, says: str) -> None:
    own = certify("connector.example.net", AUTHORITY)
    (tmp_path / "own.pem").write_bytes(certificate(own))
    (tmp_path / "own.key").write_bytes(key(own))
    with pytest.raises(OSError, match=says):
        client_tls("localhost", "", str(tmp_path / "own.pem"), str(tmp_path / "own.key"))
