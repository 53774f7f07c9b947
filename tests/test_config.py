"""The config file: every option with its check, all problems at once, and no secret shown."""

from __future__ import annotations

import re
import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwconnector import config as module
from bwconnector.checks import Secret, endpoint_keyword, endpoint_port, is_private_endpoint
from bwconnector.config import Config, ConfigError, ConnectorOptions, XspLink, demo, load, option_names
from bwconnector.simulator.config import SimulatorConfig

from .test_listening import certify

SAMPLE = Path(__file__).parent.parent / "conf" / "bwconnector.toml"

SECTION_CLASSES = {
    "Connector": ConnectorOptions,
    "link-xsp1": XspLink,
    "csta": module.CstaOptions,
    "access-all": module.AccessOptions,
    "devices": module.DevicesOptions,
    "web": module.WebOptions,
    "manhole": module.ManholeOptions,
    "recorder": module.RecorderOptions,
    "log": module.LogOptions,
}

MINIMUM = """
[Connector]
channel-set-name = "east"
app-controller = "east"
user-id = "cti@example.net"
password = "secret"

[link-one]
hostname = "xsp1.example.net"
"""


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Loads a config from its text."""

    def read(text: str, **arguments: Any) -> Config:
        path = tmp_path / "bwconnector.toml"
        path.write_text(text, encoding="utf-8")
        return load(path, environ=arguments.pop("environ", {}), **arguments)

    return read


@pytest.fixture
def problems(read: Any) -> Any:
    """The problems of a config's text."""

    def problems(text: str, **arguments: Any) -> tuple[str, ...]:
        with pytest.raises(ConfigError) as caught:
            read(text, **arguments)
        return caught.value.problems

    return problems


def test_minimum(read: Any) -> None:
    config = read(MINIMUM)
    assert config.connector.channel_set_name == "east"
    assert config.connector.application_name == "GenesysConnector"
    assert config.connector.password.reveal() == "secret"
    assert config.links == (XspLink(name="one", hostname="xsp1.example.net"),)
    assert config.csta.listen == ("tcp:1040",)
    assert config.web.listen == "tcp:8040:interface=127.0.0.1"
    assert config.manhole.listen == ""
    assert config.simulator is None


def test_links_keep_the_order_of_the_file_and_inherit_the_heartbeat(read: Any) -> None:
    config = read(
        MINIMUM.replace("user-id", "kpl-interval = 20\nkpl-tolerance = 2\nuser-id")
        + '[link-b]\nhostname = "b"\nkpl-interval = 5\n[link-a]\nhostname = "a"\nport = 80\ntls = false\n'
    )
    assert [(link.name, link.kpl_interval, link.kpl_tolerance) for link in config.links] == [("one", 20, 2), ("b", 5, 2), ("a", 20, 2)]
    assert (config.links[2].port, config.links[2].tls) == (80, False)


def test_all_problems_are_told_at_once_with_their_place(problems: Any) -> None:
    told = problems(
        """
        [Connector]
        channel-set-nam = "east"
        kpl-interval = "10"
        [link-one]
        port = 70000
        [csta]
        listen = ["tcp:nowhere", "tcp:1040"]
        [Web]
        listen = ""
        [recorder]
        mask-digits = "no"
        """
    )
    assert {problem.split(":")[0] for problem in told} == {
        "[Web]",
        "[Connector] channel-set-nam",
        "[Connector] channel-set-name",
        "[Connector] app-controller",
        "[Connector] kpl-interval",
        "[link-one] hostname",
        "[link-one] port",
        "[csta] listen",
        "[recorder] mask-digits",
    }
    assert '[Web]: unknown section; did you mean "web"?' in told
    assert '[Connector] channel-set-nam: unknown option; did you mean "channel-set-name"?' in told
    assert '[Connector] kpl-interval: must be a whole number from 0 to 600, not "10"' in told
    assert "[link-one] hostname: is mandatory, but missing" in told


@pytest.mark.parametrize(
    ("section", "line", "says"),
    [
        ("Connector", "kpl-interval = 601", "from 0 to 600"),
        ("Connector", "kpl-tolerance = 11", "from 0 to 10"),
        ("Connector", "kpl-tolerance = true", "whole number"),
        ("Connector", "channel-expire-tout = 0", "at least 1"),
        ("Connector", 'link-loss-policy = "stop"', '"monitor-stop" or "repair"'),
        ("Connector", "default-domain = 5", "string in quotes"),
        ("Connector", 'events-context = ""', "must not be empty"),
        ("link-two", 'tls = "yes"', "true or false"),
        ("link-two", "weight = 101", "from 0 to 100"),
        ("csta", 'listen = "tcp:1040"', "list in brackets"),
        ("csta", 'listen = ["tcp:99999"]', "no port 99999"),
        ("csta", 'listen = ["ssl:1040:privateKey=absent.pem"]', "absent.pem"),
        ("csta", 'allow = ["10.0.0.1/8"]', "host bits"),
        ("csta", 'client-ca = "absent.pem"', "there is no file"),
        ("web", 'listen = "tcp:8040"', "set public = true if a firewall"),
        ("web", 'listen = "tcp:8040:interface=10.1.0.5"', "can be reached from other machines"),
        ("web", 'client-ca = "absent.pem"', "there is no file"),
        ("manhole", 'listen = "tcp:4040"', "other machines"),
        ("manhole", 'listen = "tcp:4040:interface=0.0.0.0"', "other machines"),
        ("manhole", 'listen = "unix:manhole"', "passwd-file"),
        ("manhole", 'ssh = "tcp:4022"', "authorized-keys: is mandatory"),
        ("manhole", 'ssh = "tcp:4022"', "host-key: is mandatory"),
        ("manhole", 'ssh = "tcp:4022"\nhost-key = "absent"', "absent cannot be read"),
        ("manhole", 'ssh = "4022"', "is no endpoint"),
        ("manhole", "writes = 1", "true or false"),
        ("recorder", "size = -1", "at least 0"),
        ("recorder", 'directory = "absent"', "there is no directory"),
        ("policy", "P-RED = [1]", '"transferred", "diverted"'),
        ("policy", "P-JOIN = -1", "milliseconds"),
        ("log", 'format = "xml"', '"text" or "json"'),
        ("log", 'level = "loud"', '"debug"'),
        ("log", 'levels = "debug"', "must be a table"),
        ("log", 'levels = {"bwconnector" = "loud"}', '"debug"'),
        ("devices", 'call-centers = ["a"]\nroute-points = ["a"]', "a device has one kind"),
        ("devices", 'call-centers = "a"', "list"),
        ("simulator", "xsps = 0", "at least 1"),
        ("simulator", "xsp = 1", "no such option"),
    ],
)
def test_a_wrong_value_says_what_it_must_be(problems: Any, section: str, line: str, says: str) -> None:
    text = MINIMUM.replace("[Connector]", f"[Connector]\n{line}") if section == "Connector" else f"{MINIMUM}\n[{section}]\n{line}\n"
    assert any(problem.startswith(f"[{section}]") and says in problem for problem in problems(text))


def test_client_certificates_need_a_tls_port(problems: Any, tmp_path: Path) -> None:
    (tmp_path / "clients.pem").touch()
    (problem,) = problems(f'{MINIMUM}\n[csta]\nclient-ca = "clients.pem"\n')
    assert problem.startswith("[csta] client-ca: needs a TLS port")


def test_client_certificates_are_not_asked_for_on_ports_that_read_their_certificates_themselves(problems: Any, tmp_path: Path) -> None:
    (tmp_path / "clients.pem").touch()
    own = certify("connector.example.net")
    (tmp_path / "connector.example.net.pem").write_bytes(own.pem)
    (problem,) = problems(f'{MINIMUM}\n[csta]\nlisten = ["tls:{tmp_path}:1041"]\nclient-ca = "clients.pem"\n')
    assert problem.startswith('[csta] client-ca: has no effect on a "tls:" port')


def test_the_status_page_may_be_reached_from_elsewhere_if_that_is_meant(read: Any, problems: Any, tmp_path: Path) -> None:
    (tmp_path / "own.pem").write_bytes(certify("connector.example.net").pem)
    (tmp_path / "readers.pem").touch()
    tls = f'listen = "ssl:8040:privateKey={tmp_path}/own.pem:certKey={tmp_path}/own.pem"\n'
    assert read(MINIMUM + '[web]\nlisten = "tcp:8040"\npublic = true\n').web.public
    assert read(MINIMUM + f'[web]\n{tls}client-ca = "readers.pem"\n').web.client_ca == f"{tmp_path}/readers.pem"
    assert read(MINIMUM + '[web]\nlisten = "unix:web"\n').web.listen == "unix:web"
    (problem,) = problems(MINIMUM + f"[web]\n{tls}")
    assert "can be reached from other machines" in problem  # TLS alone asks nobody who he is
    assert problems(MINIMUM + '[web]\nclient-ca = "readers.pem"\n')[0].startswith("[web] client-ca: needs a TLS port")


def test_a_certificate_for_xsps(read: Any, problems: Any, tmp_path: Path) -> None:
    own = certify("connector.example.net")
    (tmp_path / "own.pem").write_bytes(own.public)
    (tmp_path / "own.key").write_bytes(own.pem)
    text = MINIMUM + 'cert-file = "own.pem"\nkey-file = "own.key"\n'
    (tmp_path / "own.key").chmod(0o640)
    (problem,) = problems(text)
    assert problem.startswith(f"[link-one] key-file: {tmp_path}/own.key can be read by other users (mode 0640); run: chmod 600")
    (tmp_path / "own.key").chmod(0o600)
    (link,) = read(text).links
    assert (link.cert_file, link.key_file) == (f"{tmp_path}/own.pem", f"{tmp_path}/own.key")
    assert problems(MINIMUM + 'cert-file = "own.pem"\n')[0].startswith(
        f"[link-one] cert-file: {tmp_path}/own.pem can be read by other users"
    )
    (tmp_path / "own.pem").chmod(0o600)
    (problem,) = problems(MINIMUM + 'cert-file = "own.pem"\n')
    assert problem == f"[link-one] tls: cannot be used: key-file {tmp_path}/own.pem contains no private key in PEM form"
    (problem,) = problems(MINIMUM + 'key-file = "own.key"\n')
    assert problem.startswith("[link-one] key-file: needs a cert-file")
    (problem,) = problems(text + "tls = false\n")
    assert problem == "[link-one] cert-file: needs tls = true"
    (problem,) = problems(MINIMUM + 'ca-file = "absent.pem"\n')
    assert problem == f"[link-one] ca-file: there is no file {tmp_path}/absent.pem"


@pytest.mark.parametrize(
    ("scope", "name", "says"),
    [
        ("user", "Ent", "must be empty"),
        ("enterprise", "", "must be the enterprise"),
        ("enterprise", "Ent/sales", "must be the enterprise"),
        ("group", "sales", '"SERVICEPROVIDER/GROUP"'),
        ("group", "Ent/sales/more", '"SERVICEPROVIDER/GROUP"'),
        ("group", "/sales", '"SERVICEPROVIDER/GROUP"'),
        ("user", "", ""),
        ("enterprise", "Ent", ""),
        ("group", "Ent/sales", ""),
    ],
)
def test_what_one_subscription_covers(read: Any, problems: Any, scope: str, name: str, says: str) -> None:
    text = MINIMUM.replace("[Connector]", f'[Connector]\nsubscription-scope = "{scope}"\nsubscription-scope-id = "{name}"')
    if says:
        (problem,) = problems(text)
        assert problem.startswith("[Connector] subscription-scope-id: must be") and says in problem
    else:
        assert read(text).connector.subscription_scope_id == name


def test_policy_rows(read: Any, problems: Any) -> None:
    assert dict(read(MINIMUM + '[policy]\nP-RED = "diverted"\nP-JOIN = 100\n').policy) == {"P-RED": "diverted", "P-JOIN": 100}
    assert problems(MINIMUM + "[policy]\nP-JION = 100\n") == ('[policy] P-JION: unknown row; did you mean "P-JOIN"?',)


def test_simulator_takes_the_place_of_links_and_account(read: Any, problems: Any) -> None:
    config = read('[Connector]\nchannel-set-name = "x"\napp-controller = "x"\n[simulator]\nxsps = 3\n')
    assert config.simulator == SimulatorConfig(xsps=3)
    assert problems(MINIMUM + "[simulator]\n")[0].startswith("[simulator]: cannot be used together with link sections")


def test_without_any_xsp(problems: Any) -> None:
    assert any("there is no XSP" in problem for problem in problems(MINIMUM.split("[link-one]")[0]))


class TestPassword:
    without = MINIMUM.replace('password = "secret"\n', "")

    def test_from_a_private_file_beside_the_config(self, read: Any, tmp_path: Path) -> None:
        (tmp_path / "xsi.password").write_text("from file\n")
        (tmp_path / "xsi.password").chmod(0o600)
        config = read(self.without.replace("user-id", 'password-file = "xsi.password"\nuser-id'))
        assert config.connector.password.reveal() == "from file"

    def test_from_the_environment(self, read: Any) -> None:
        assert read(self.without, environ={module.PASSWORD_VARIABLE: "from env"}).connector.password.reveal() == "from env"

    @pytest.mark.parametrize("mode", [0o640, 0o604])
    def test_a_file_that_others_can_read_is_refused(self, problems: Any, tmp_path: Path, mode: int) -> None:
        (tmp_path / "xsi.password").write_text("secret")
        (tmp_path / "xsi.password").chmod(mode)
        (told,) = problems(self.without.replace("user-id", 'password-file = "xsi.password"\nuser-id'))
        assert "chmod 600" in told

    def test_missing(self, problems: Any) -> None:
        (told,) = problems(self.without)
        assert module.PASSWORD_VARIABLE in told

    def test_given_twice(self, problems: Any) -> None:
        (told,) = problems(MINIMUM.replace("user-id", 'password-file = "xsi.password"\nuser-id'))
        assert "keep one" in told

    def test_a_problem_does_not_show_it(self, problems: Any) -> None:
        (told,) = problems(MINIMUM.replace('"secret"', "31337"))
        assert "31337" not in told

    @given(st.text(min_size=1))
    def test_is_shown_nowhere(self, password: str) -> None:
        config = attrs.evolve(demo(), connector=ConnectorOptions(channel_set_name="", app_controller="", password=Secret(password)))
        blank = attrs.evolve(config, connector=attrs.evolve(config.connector, password=Secret("")))
        assert repr(config) == repr(blank)
        assert str(config.connector.password) == str(Secret(""))


def test_manhole_password_file(read: Any, tmp_path: Path) -> None:
    (tmp_path / "users").write_text("admin:secret\n")
    (tmp_path / "users").chmod(0o600)
    config = read(MINIMUM + '[manhole]\nlisten = "tcp:4040:interface=127.0.0.1"\npasswd-file = "users"\n')
    assert config.manhole.passwd_file == str(tmp_path / "users")


def test_manhole_keys(read: Any, problems: Any, tmp_path: Path) -> None:
    for name in ("keys", "host"):
        (tmp_path / name).touch(mode=0o600)
    section = '[manhole]\nssh = "tcp:4022"\nauthorized-keys = "keys"\nhost-key = "host"\n'
    config = read(MINIMUM + section)
    assert (config.manhole.authorized_keys, config.manhole.host_key) == (str(tmp_path / "keys"), str(tmp_path / "host"))
    (tmp_path / "host").chmod(0o640)
    (problem,) = problems(MINIMUM + section)
    assert "host can be read by other users" in problem


def test_recorder_directory(read: Any, tmp_path: Path) -> None:
    (tmp_path / "dumps").mkdir()
    assert read(MINIMUM + '[recorder]\ndirectory = "dumps"\n').recorder.directory == str(tmp_path / "dumps")
    assert read(MINIMUM).recorder.directory == ""


def test_a_file_that_is_no_toml(problems: Any) -> None:
    (told,) = problems("[Connector\n")
    assert "no valid TOML" in told and "line 1" in told


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "absent.toml")


def test_demo_stays_on_this_machine() -> None:
    config = demo()
    for listen in (*config.csta.listen, config.web.listen, config.manhole.listen):
        assert is_private_endpoint(listen)
    assert config.simulator is not None and config.simulator.demo
    assert demo().manhole.password != config.manhole.password


@pytest.mark.parametrize(
    ("description", "private", "port"),
    [
        ("tcp:1040", False, 1040),
        ("tcp:port=1040:interface=127.0.0.1", True, 1040),
        (r"tcp6:1040:interface=\:\:1", True, 1040),
        (r"tcp6:1040:interface=\:\:", False, 1040),
        ("unix:/run/bwconnector", True, None),
        ("systemd:domain=INET:index=0", False, None),
    ],
)
def test_endpoint_descriptions(description: str, private: bool, port: int | None) -> None:
    assert is_private_endpoint(description) is private
    assert endpoint_port(description) == port


def test_endpoint_keyword_keeps_escaped_colons() -> None:
    assert endpoint_keyword(r"tcp6:1:interface=fe80\:\:1:backlog=5", "interface") == "fe80::1"


class TestSampleFile:
    """conf/bwconnector.toml is the reference that administrators copy from."""

    def options(self) -> dict[str, dict[str, Any]]:
        """The sections of the sample, with the options that are commented out."""
        return tomllib.loads(re.sub(r"(?m)^#(?=[\w-]+ *= )", "", SAMPLE.read_text(encoding="utf-8")))

    def test_names_every_option(self) -> None:
        options = self.options()
        for section, cls in SECTION_CLASSES.items():
            assert set(options[section]) == set(option_names(cls)), section

    def test_shows_the_defaults(self) -> None:
        options = self.options()
        for section, cls in SECTION_CLASSES.items():
            for field in attrs.fields(cls):
                shown = options[section].get(field.name.replace("_", "-"))
                if isinstance(field.default, int | bool) or (isinstance(field.default, str) and field.default):
                    assert shown == field.default, f"[{section}] {field.name}"

    def test_loads(self, tmp_path: Path) -> None:
        for name in ("bwconnector.toml", "xsi.password"):
            (tmp_path / name).write_text(SAMPLE.read_text(encoding="utf-8") if name.endswith("toml") else "secret")
            (tmp_path / name).chmod(0o600)
        config = load(tmp_path / "bwconnector.toml", environ={})
        assert [link.name for link in config.links] == ["xsp1", "xsp2"]

    def test_explains_every_option(self) -> None:
        """Each by the comment above it."""
        above = ""
        for line in SAMPLE.read_text(encoding="utf-8").splitlines():
            if re.match(r"#?[\w-]+ *= ", line):
                assert above.startswith("# "), line
            above = line


def test_access_in_the_order_of_the_file(read: Any, problems: Any) -> None:
    config = read(MINIMUM + '[access-b]\nnetworks = ["10.0.0.0/8"]\nmonitor = ["1000-1999"]\n[access-a]\nread-only = true\n')
    assert [section.name for section in config.access] == ["b", "a"]
    assert [section.read_only for section in config.access] == [False, True]
    assert read(MINIMUM).access == ()
    (problem,) = problems(MINIMUM + '[access-a]\ncontrol = ["1999-1000"]\n')
    assert problem.startswith('[access-a] control: "1999-1000" is no range of numbers')
    (problem,) = problems(MINIMUM + '[access-a]\ncertificates = ["*"]\n')
    assert problem == '[access-a] certificates: needs "client-ca" in [csta]: without it no T-Server is asked who it is'
    (problem,) = problems(MINIMUM + "[acces-a]\n")
    assert problem.startswith("[acces-a]: unknown section")


def test_networks(read: Any) -> None:
    config = read(MINIMUM + '[csta]\nallow = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]\n')
    assert config.csta.allow == (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"), ip_network("192.0.2.7/32"))


def test_the_demo_file_is_the_demo() -> None:
    """What ``twistd bwconnector`` does without a config can be had as a file, to start from."""
    config = load(SAMPLE.parent / "demo.toml", environ={})
    assert config.simulator == demo().simulator
    assert (config.csta, config.web) == (demo().csta, demo().web)
