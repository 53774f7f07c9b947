"""The config file: TOML in, one frozen :class:`Config` out, or every problem at once, each with its place.

The sections are the classes of :mod:`bwconnector.options`. Values are never coerced: ``port = "443"`` is a mistake and is reported as one.
"""

from __future__ import annotations

import difflib
import os
import secrets
import tomllib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import attrs
from cattrs import ClassValidationError, Converter
from cattrs.errors import ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn, override

from bwconnector.bridge.policy import ROWS
from bwconnector.checks import Check, Secret, is_private_endpoint
from bwconnector.options import (
    AccessOptions,
    Config,
    ConnectorOptions,
    CstaOptions,
    DevicesOptions,
    LogOptions,
    ManholeOptions,
    RecorderOptions,
    WebOptions,
    XspLink,
)
from bwconnector.privacy import private_file_problem
from bwconnector.simulator.config import ConfigError as SimulatorError
from bwconnector.simulator.config import SimulatorConfig, read_section
from bwconnector.xsi.tls import client_tls

__all__ = [
    "AccessOptions",
    "Config",
    "ConfigError",
    "ConnectorOptions",
    "CstaOptions",
    "LogOptions",
    "ManholeOptions",
    "PASSWORD_VARIABLE",
    "RecorderOptions",
    "WebOptions",
    "XspLink",
    "demo",
    "load",
    "option_names",
]

PASSWORD_VARIABLE = "BWCONNECTOR_PASSWORD"
"""Environment variable that holds the password of ``user-id`` when the file names none."""

LINK_PREFIX = "link-"
ACCESS_PREFIX = "access-"

Section = TypeVar("Section")
PolicyValue = str | int


class ConfigError(Exception):
    """The config cannot be used.

    :ivar problems: one sentence for each problem, in the order of the file's sections
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# From a TOML table to a section's class ------------------------------------------------------------------------------------------


def _structurer(cls: type[Any]) -> Callable[[Mapping[str, Any], Any], Any]:
    """How cattrs builds a section: options under their names in the file, each by its own check, nothing unknown."""
    rules: dict[str, Any] = {
        field.name: override(rename=_spelled(field.name), struct_hook=_hook(field.metadata["check"]))
        if "check" in field.metadata
        else override(omit=True)
        for field in attrs.fields(cls)
    }
    return make_dict_structure_fn(cls, _converter, _cattrs_forbid_extra_keys=True, **rules)


def _hook(check: Check) -> Callable[[Any, Any], Any]:
    return lambda value, _: check(value)


def _spelled(field: str) -> str:
    return field.replace("_", "-")


def option_names(cls: type[Any]) -> list[str]:
    """The options of a section's class, as the file spells them."""
    return [_spelled(field.name) for field in attrs.fields(cls) if "check" in field.metadata]


_converter = Converter(detailed_validation=True)
_converter.register_structure_hook_factory(attrs.has, _structurer)


def _unknown(kind: str, name: str, known: Collection[str]) -> str:
    spelled = {word.lower(): word for word in known}
    close = difflib.get_close_matches(name.lower(), spelled, n=1)
    return f"unknown {kind}" + (f'; did you mean "{spelled[close[0]]}"?' if close else "")


class _Reading:
    """One pass over a parsed file: gives its sections, and collects what is wrong with them."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.problems: list[str] = []

    def complain(self, section: str, option: str, problem: str) -> None:
        self.problems.append(f"[{section}]{option and ' ' + option}: {problem}")

    def table(self, section: str) -> Mapping[str, Any]:
        """A section's table; empty when it is absent, or is no table (which is a problem)."""
        found = self.document.get(section, {})
        if isinstance(found, dict):
            return found
        self.complain(section, "", "must be a section, not an option")
        return {}

    def section(self, name: str, cls: type[Section], defaults: Mapping[str, Any] = MappingProxyType({})) -> Section | None:
        """The options of one section, or None when something in it is wrong."""
        try:
            return _converter.structure({**defaults, **self.table(name)}, cls)
        except ClassValidationError as error:
            wrong, others = error.group_exceptions()
            for exception, note in wrong:
                missing = isinstance(exception, KeyError)
                self.complain(name, _spelled(note.name), "is mandatory, but missing" if missing else str(exception))
            for other in others:
                if isinstance(other, ForbiddenExtraKeysError):
                    for key in sorted(other.extra_fields):
                        self.complain(name, key, _unknown("option", key, option_names(cls)))
            return None

    def named(self, prefix: str) -> list[str]:
        """The sections whose name is ``prefix`` and a name of their own, in the order of the file."""
        return [section for section in self.document if section.startswith(prefix) and section != prefix]

    def policy(self) -> Mapping[str, PolicyValue]:
        """The rows that are set."""
        rows = self.table("policy")
        for code, value in rows.items():
            problem = ROWS[code].problem(value) if code in ROWS else _unknown("row", code, ROWS)
            if problem:
                self.complain("policy", code, problem)
        return MappingProxyType(dict(rows))

    def simulator(self) -> SimulatorConfig | None:
        """The simulator's own reading of its section; None when there is no such section."""
        if "simulator" not in self.document:
            return None
        try:
            return read_section(self.table("simulator"))
        except SimulatorError as error:
            self.problems += error.problems
            return SimulatorConfig()


SECTIONS = ("Connector", "csta", "devices", "web", "manhole", "policy", "recorder", "log", "simulator")


def load(path: Path | str, environ: Mapping[str, str] | None = None) -> Config:
    """Read a config file.

    :param environ: where :data:`PASSWORD_VARIABLE` is looked up; the process's environment when None
    :raises ConfigError: with every problem that was found
    """
    path = Path(path)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError((f"{path}: cannot be read: {error.strerror}",)) from None
    except ValueError as error:  # TOML or UTF-8
        raise ConfigError((f"{path}: is no valid TOML: {error}",)) from None

    reading = _Reading(document)
    named = {prefix: reading.named(prefix) for prefix in (LINK_PREFIX, ACCESS_PREFIX)}
    for name in document:
        if name not in (*SECTIONS, *named[LINK_PREFIX], *named[ACCESS_PREFIX]):
            reading.complain(name, "", _unknown("section", name, [*SECTIONS, "link-NAME", "access-NAME"]))

    connector = reading.section("Connector", ConnectorOptions)
    links = [_link(reading, name, connector, path.parent) for name in named[LINK_PREFIX]]
    csta = reading.section("csta", CstaOptions)
    access = [_access(reading, name, csta) for name in named[ACCESS_PREFIX]]
    devices = reading.section("devices", DevicesOptions)
    web = reading.section("web", WebOptions)
    manhole = reading.section("manhole", ManholeOptions)
    policy = reading.policy()
    recorder = reading.section("recorder", RecorderOptions)
    log = reading.section("log", LogOptions)
    simulator = reading.simulator()

    folder = path.parent
    if connector is not None:
        _check_scope(reading, connector)
    if simulator is None:
        if not links:
            reading.complain("link-NAME", "", "there is no XSP: add a section [link-xsp1] with its hostname, or a section [simulator]")
        elif all(link is not None and link.drain for link in links):
            reading.complain("link-NAME", "drain", "every link is drained: T-Servers would be cut off; leave one of them in use")
        if connector is not None:
            connector = _with_password(reading, connector, folder, os.environ if environ is None else environ)
    elif links:
        reading.complain("simulator", "", "cannot be used together with link sections: the simulator's XSPs take their place")
    if csta is not None:
        csta = attrs.evolve(csta, client_ca=_file(reading, "csta", "client-ca", folder, csta.client_ca))
        if csta.client_ca and any(endpoint.startswith("tls:") for endpoint in csta.listen):
            reading.complain("csta", "client-ca", 'has no effect on a "tls:" port, which would take anybody: use "ssl:"')
        elif csta.client_ca and not any(endpoint.startswith("ssl:") for endpoint in csta.listen):
            reading.complain("csta", "client-ca", 'needs a TLS port in "listen", such as "ssl:1041:privateKey=key.pem:certKey=cert.pem"')
    if devices is not None:
        for name in sorted({*devices.call_centers} & {*devices.route_points}):
            reading.complain("devices", "route-points", f'"{name}" is in "call-centers" too: a device has one kind')
    if manhole is not None:
        manhole = _with_passwd_file(reading, manhole, folder)
    if web is not None:
        web = _protected(reading, web, folder)
    if recorder is not None and recorder.directory:
        recorder = attrs.evolve(recorder, directory=str(folder / recorder.directory))
        if not Path(recorder.directory).is_dir():
            reading.complain("recorder", "directory", f"there is no directory {recorder.directory}")

    if reading.problems:
        raise ConfigError(tuple(reading.problems))
    assert connector and csta and devices and web and manhole and recorder and log  # otherwise there was a problem
    return Config(
        connector=connector,
        links=tuple(link for link in links if link),
        csta=csta,
        access=tuple(section for section in access if section),
        devices=devices,
        web=web,
        manhole=manhole,
        policy=policy,
        recorder=recorder,
        log=log,
        simulator=simulator,
    )


def demo() -> Config:
    """The config of a connector that was given none: all on loopback, on the embedded simulator, with demo calls."""
    return Config(
        connector=ConnectorOptions(channel_set_name="demo", app_controller="demo"),
        csta=CstaOptions(listen=("tcp:1040:interface=127.0.0.1",)),
        manhole=ManholeOptions(listen="tcp:4040:interface=127.0.0.1", password=Secret(secrets.token_urlsafe(9))),
        simulator=SimulatorConfig(),
    )


# What spans several options ----------------------------------------------------------------------------------------------------


def _link(reading: _Reading, section: str, connector: ConnectorOptions | None, folder: Path) -> XspLink | None:
    defaults = {} if connector is None else {"kpl-interval": connector.kpl_interval, "kpl-tolerance": connector.kpl_tolerance}
    link = reading.section(section, XspLink, defaults)
    return link and _with_tls(reading, section, attrs.evolve(link, name=section.removeprefix(LINK_PREFIX)), folder)


def _with_tls(reading: _Reading, section: str, link: XspLink, folder: Path) -> XspLink:
    """The link with the paths of its files, all of which can be used."""
    named = {"ca-file": link.ca_file, "cert-file": link.cert_file, "key-file": link.key_file}
    if link.key_file and not link.cert_file:
        reading.complain(section, "key-file", "needs a cert-file: the certificate that is to be shown to the XSP")
    if link.cert_file and not link.tls:
        reading.complain(section, "cert-file", "needs tls = true")
    paths = {option: _file(reading, section, option, folder, name) for option, name in named.items()}
    ca_file, cert_file, key_file = paths.values()
    secret = "key-file" if key_file else "cert-file"
    problem = private_file_problem(Path(paths[secret])) if cert_file and Path(paths[secret]).is_file() else ""
    if problem:
        reading.complain(section, secret, problem)
    try:
        link.hostname.encode("idna")
        if link.tls and all(not path or Path(path).is_file() for path in paths.values()):
            client_tls(link.hostname, ca_file, cert_file, key_file)
    except UnicodeError as error:
        reading.complain(section, "hostname", f"is no name of a host: {error}")
    except OSError as error:
        reading.complain(section, "tls", f"cannot be used: {error}")
    return attrs.evolve(link, ca_file=ca_file, cert_file=cert_file, key_file=key_file)


def _access(reading: _Reading, section: str, csta: CstaOptions | None) -> AccessOptions | None:
    options = reading.section(section, AccessOptions)
    if options is not None and options.certificates and csta is not None and not csta.client_ca:
        reading.complain(section, "certificates", 'needs "client-ca" in [csta]: without it no T-Server is asked who it is')
    return options and attrs.evolve(options, name=section.removeprefix(ACCESS_PREFIX))


def _file(reading: _Reading, section: str, option: str, folder: Path, name: str) -> str:
    """The path of a file that an option names relative to the config file; empty when it names none."""
    if not name:
        return ""
    path = folder / name
    if not path.is_file():
        reading.complain(section, option, f"there is no file {path}")
    return str(path)


def _with_password(reading: _Reading, connector: ConnectorOptions, folder: Path, environ: Mapping[str, str]) -> ConnectorOptions:
    """The options with the password of ``user-id`` filled in: from the file that they name, from themselves, or from the environment."""
    if not connector.user_id:
        reading.complain("Connector", "user-id", "is mandatory, but missing: the BroadWorks account that the connector uses")
    if connector.password and connector.password_file:
        reading.complain("Connector", "password-file", 'is given together with "password": keep one of them')
    if connector.password:
        return connector
    password = environ.get(PASSWORD_VARIABLE, "")
    if connector.password_file:
        path = folder / connector.password_file
        problem = private_file_problem(path)
        if problem:
            reading.complain("Connector", "password-file", problem)
            return connector
        password = path.read_text(encoding="utf-8").rstrip("\r\n")
        if not password:
            reading.complain("Connector", "password-file", f"{path} is empty")
    elif not password:
        reading.complain("Connector", "password-file", f'is missing, as are "password" and the environment variable {PASSWORD_VARIABLE}')
    return attrs.evolve(connector, password=Secret(password))


def _check_scope(reading: _Reading, connector: ConnectorOptions) -> None:
    """The scope of subscriptions and its id fit together."""
    scope, name = connector.subscription_scope, connector.subscription_scope_id
    wanted = {"user": 0, "enterprise": 1, "group": 2}[scope]
    if len([part for part in name.split("/") if part]) != wanted or len(name.split("/")) != max(1, wanted):
        forms = {
            "user": 'must be empty with subscription-scope = "user"',
            "enterprise": "must be the enterprise (or service provider) whose devices are monitored",
            "group": 'must be "SERVICEPROVIDER/GROUP", the group whose devices are monitored',
        }
        reading.complain("Connector", "subscription-scope-id", forms[scope])


def _protected(reading: _Reading, web: WebOptions, folder: Path) -> WebOptions:
    """The options with the path of the authorities; nobody can come from elsewhere unless that is meant."""
    web = attrs.evolve(web, client_ca=_file(reading, "web", "client-ca", folder, web.client_ca))
    if web.client_ca and not web.listen.startswith("ssl:"):
        reading.complain("web", "client-ca", 'needs a TLS port in "listen", such as "ssl:8040:privateKey=key.pem:certKey=cert.pem"')
    if web.listen and not is_private_endpoint(web.listen) and not web.client_ca and not web.public:
        reading.complain(
            "web",
            "listen",
            f'"{web.listen}" can be reached from other machines, and the status page tells who talks to whom without asking for a password;'
            ' use "tcp:8040:interface=127.0.0.1" or a "unix:" socket, or an "ssl:" port with client-ca, or set public = true if a firewall'
            " or a proxy protects it",
        )
    return web


def _with_passwd_file(reading: _Reading, manhole: ManholeOptions, folder: Path) -> ManholeOptions:
    if manhole.listen:
        manhole = attrs.evolve(manhole, passwd_file=_private(reading, "passwd-file", "lines user:password", folder, manhole.passwd_file))
    if manhole.ssh:
        keys = _private(reading, "authorized-keys", "public keys, as OpenSSH writes them", folder, manhole.authorized_keys)
        if not manhole.host_key:
            reading.complain("manhole", "host-key", "is mandatory with ssh: a private key, made with: ssh-keygen -t ed25519 -N '' -f FILE")
        else:
            _private(reading, "host-key", "a private key", folder, manhole.host_key)
        manhole = attrs.evolve(manhole, authorized_keys=keys, host_key=str(folder / manhole.host_key))
    return manhole


def _private(reading: _Reading, option: str, holds: str, folder: Path, name: str) -> str:
    """The path of a file of the manhole's that nobody else may read."""
    if not name:
        reading.complain("manhole", option, f"is mandatory with a manhole: a file of {holds}, mode 0600")
        return name
    problem = private_file_problem(folder / name)
    if problem:
        reading.complain("manhole", option, problem)
    return str(folder / name)
