"""Files that a config needs: who may read them, and whether certificates in them have run out."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

from bwconnector.checks import endpoint_keyword, is_private_endpoint
from bwconnector.config import Config
from bwconnector.ops.certificates import WARN_DAYS, expiry_of_file
from bwconnector.ops.findings import Findings, date

__all__ = ["check_files"]

ROOT = 0


def check_files(file: Path, config: Config, now: float, findings: Findings, user: int | None = None) -> None:
    """Tell what is wrong with the files.

    :param user: who runs the check; the process's user when None
    """
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    if "password" in document.get("Connector", {}):
        _private(findings, file, "[Connector] password")
    for endpoint in config.csta.listen:
        key = endpoint_keyword(endpoint, "privateKey")
        if key:
            _private(findings, Path(key), "[csta] listen")
        _certificates(findings, endpoint_keyword(endpoint, "certKey") or key, "[csta] listen", now)
    _certificates(findings, config.csta.client_ca, "[csta] client-ca", now)
    _open_to_all(findings, config)
    for link in config.links:
        _certificates(findings, link.ca_file, f"[link-{link.name}] ca-file", now)
        _certificates(findings, link.cert_file, f"[link-{link.name}] cert-file", now)
    password = config.connector.password_file and file.parent / config.connector.password_file
    secrets = [Path(each) for each in (password, config.manhole.passwd_file) if each]
    if secrets and (os.geteuid() if user is None else user) == ROOT:
        owners = ", ".join(f"{each} belongs to {_owner(each)}" for each in secrets)
        findings.note(f"this check ran as root, who may read everything; the connector's own user must be able to read: {owners}")


def _open_to_all(findings: Findings, config: Config) -> None:
    """Ports that do not ask who comes."""
    wide = [
        each for each in config.csta.listen if not is_private_endpoint(each) and not (each.startswith("ssl:") and config.csta.client_ca)
    ]
    if wide and not config.csta.allow:
        findings.note(
            f"[csta] allow: whoever reaches {' and '.join(wide)} may do what T-Servers may; name their networks, or use client-ca"
        )


def _private(findings: Findings, file: Path, place: str) -> None:
    try:
        mode = file.stat().st_mode
    except OSError:
        return  # said already
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        findings.note(
            f"{place}: {file} holds a secret and can be read by other users (mode {stat.S_IMODE(mode):04o}); run: chmod 600 {file}"
        )


def _certificates(findings: Findings, file: str, place: str, now: float) -> None:
    expires = expiry_of_file(file, now) if file else None
    if expires is None:
        return
    if expires < now:
        findings.problem(place, f"the certificate in {file} has expired on {date(expires)}; renew it")
    elif expires - now < WARN_DAYS[-1] * 86_400:
        findings.note(f"{place}: a certificate in {file} expires on {date(expires)}; renew it, and reload")
    else:
        findings.good(f"{place}: {file} is good until {date(expires)}")


def _owner(file: Path) -> str:
    try:
        return file.owner()
    except KeyError:
        return f"user {file.stat().st_uid}"
