"""TLS to XSPs: whom we trust, who we are, and in words why a connection came to nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from service_identity import VerificationError
from twisted.internet.error import VerifyError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    PrivateCertificate,
    TLSVersion,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)

__all__ = ["MINIMUM", "client_tls", "explanation"]

MINIMUM = TLSVersion.TLSv1_2
"""Older versions are broken, and BroadWorks has had this one for many releases."""

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def client_tls(hostname: str, ca_file: str = "", cert_file: str = "", key_file: str = "") -> IOpenSSLClientConnectionCreator:
    """How to begin TLS with an XSP; its certificate must be for ``hostname``.

    :param ca_file: PEM file of the authorities to trust; empty for the system's
    :param cert_file: PEM file of the certificate to show if the XSP asks for one, with those that lead to its authority; empty for none
    :param key_file: PEM file of its private key; empty if ``cert_file`` has it
    :raises OSError: a file cannot be used; says which and why
    """
    trust = trustRootFromCertificates(_certificates("ca-file", ca_file)) if ca_file else platformTrust()
    own, chain = _own_certificate(cert_file, key_file or cert_file) if cert_file else (None, [])
    more: dict[str, Any] = {"raiseMinimumTo": MINIMUM}
    if chain:
        more["extraCertChain"] = [each.original for each in chain]
    return optionsForClientTLS(hostname, trustRoot=trust, clientCertificate=own, extraCertificateOptions=more)


def explanation(error: Exception, hostname: str, ca_file: str) -> str:
    """Why TLS failed, and what to do about it."""
    if isinstance(error, VerificationError):
        return f"its certificate is not for {hostname}: correct hostname, or have the XSP show one that is"
    words = str(error)
    if "certificate verify failed" in words:
        trusted = f"ca-file {ca_file}" if ca_file else "the system's authorities (there is no ca-file)"
        return f"its certificate has expired, or does not lead to {trusted}: bwctl check tells which, and what to do"
    if "protocol" in words or "version" in words:
        return f"there is no version of TLS that both sides speak, 1.2 at least; is the port right? {error!r}"
    if "alert" in words:
        return f"the XSP refuses, perhaps for want of a certificate that it trusts: see cert-file. {error!r}"
    return f"check its certificate and ca-file: {error!r}"


def _certificates(option: str, file: str) -> list[Certificate]:
    blocks = _CERTIFICATE.findall(Path(file).read_bytes())
    if not blocks:
        raise OSError(f"{option} {file} contains no certificate in PEM form")
    try:
        return [Certificate.loadPEM(block) for block in blocks]
    except Exception as error:  # cryptography and OpenSSL have several kinds
        raise OSError(f"{option} {file} contains a damaged certificate: {error}") from None


def _own_certificate(cert_file: str, key_file: str) -> tuple[PrivateCertificate, list[Certificate]]:
    own, *chain = _certificates("cert-file", cert_file)
    key = Path(key_file).read_bytes()
    try:
        # this one asks nobody at the terminal for a passphrase
        load_pem_private_key(key, None)
    except TypeError:
        raise OSError(
            f"key-file {key_file} is encrypted: the connector has nobody to ask; write it without a passphrase, mode 0600"
        ) from None
    except ValueError:
        raise OSError(f"key-file {key_file} contains no private key in PEM form") from None
    try:
        return PrivateCertificate.loadPEM(own.dumpPEM() + b"\n" + key), chain
    except VerifyError:
        raise OSError(f"key-file {key_file} is not the key of the certificate in cert-file {cert_file}") from None
