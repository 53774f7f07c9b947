"""The files in deploy/ fit the product: ports, paths, commands and metrics that they name exist, and their tools accept them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from bwconnector.checks import endpoint_keyword, endpoint_port
from bwconnector.config import Config, load
from bwconnector.ops.inspection import Inspection
from bwconnector.ops.metrics import Metrics
from bwconnector.ops.web import status_site
from bwconnector.simulator.config import read_section

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "systemd" / "bwconnector@.service"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARD = DEPLOY / "grafana" / "bwconnector.json"
COMPOSE = DEPLOY / "docker" / "docker-compose.yml"
DOCKERFILE = DEPLOY / "docker" / "Dockerfile"
SERVICES = re.findall(
    r'ServiceMaker\(\s*"[^"]*",\s*"[^"]*",\s*"[^"]*",\s*"(\w+)"', (ROOT / "twisted/plugins/bwconnector_plugin.py").read_text()
)
EXPOSURE = 20
"""``systemd-analyze security`` in tenths: 1.3 today, and not to get worse than 2.0."""


def documents(path: Path) -> list[Any]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def inspection() -> Inspection:
    return Inspection(version="", started=0, now=0, system_status="normal")


def pages() -> set[str]:
    """The paths of the status page's server."""
    return set(status_site(inspection, Clock()).resource._pages)


def samples() -> set[str]:
    """Names under which Prometheus knows the metrics."""
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    return {family.name + suffix for family in Metrics(inspection).collect() for suffix in suffixes[family.type]}


def labels() -> dict[str, set[str]]:
    return {family.name: set(family._labelnames) for family in Metrics(inspection).collect()}


def config_of(text: str, folder: Path) -> Config:
    path = folder / "bwconnector.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, {"BWCONNECTOR_PASSWORD": "x"})


def ports(config: Config) -> set[int | None]:
    return {endpoint_port(endpoint) for endpoint in (*config.csta.listen, config.web.listen)}


# systemd


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit as it is installed, with this Python's twistd."""
    program = Path(sys.executable).with_name("twistd")
    if not program.exists():
        pytest.skip("twistd is not beside this Python")
    path = tmp_path / "bwconnector@test.service"
    path.write_text(UNIT.read_text().replace("/opt/bwconnector/bin/twistd", str(program)))
    return path


def test_systemd_accepts_the_unit(unit: Path) -> None:
    done = subprocess.run([tool("systemd-analyze"), "verify", "--man=no", unit], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_is_confined(unit: Path) -> None:
    command = [tool("systemd-analyze"), "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", unit]
    done = subprocess.run(command, capture_output=True, text=True)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze judges no files")
    assert done.returncode == 0, done.stdout


def test_the_unit_starts_what_exists_and_watches_it() -> None:
    text = UNIT.read_text()
    (command,) = re.findall(r"^ExecStart=\S+/twistd -n --pidfile= (\w+) --config ", text, re.M)
    assert command in SERVICES
    for line in ("Type=notify", "NotifyAccess=main", "ExecReload=/bin/kill -HUP $MAINPID"):
        assert re.search(f"^{re.escape(line)}$", text, re.M)
    assert re.search(r"^WatchdogSec=\d+$", text, re.M)


# Containers


def test_the_image_has_what_it_is_made_of() -> None:
    text = DOCKERFILE.read_text()
    copied = {name for line in re.findall(r"^COPY (?!--)(.*)$", text, re.M) for name in line.split()[:-1]}
    wanted = set(re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.M))
    assert copied == wanted
    assert all((ROOT / name).exists() for name in copied)
    assert text.count("\nFROM ") + text.startswith("FROM ") == 2
    assert re.search(r"^USER [1-9]\d*$", text, re.M)


def test_the_image_runs_and_is_probed() -> None:
    text = DOCKERFILE.read_text()
    (command,) = re.findall(r'^CMD \["(\w+)", "--config"', text, re.M)
    assert command in SERVICES
    (port, path) = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", text).groups()  # type: ignore[union-attr]
    assert path in pages()
    assert {int(number) for number in re.findall(r"^EXPOSE (.*)$", text, re.M)[0].split()} == {1040, int(port)}


def test_compose(tmp_path: Path) -> None:
    (compose,) = documents(COMPOSE)
    services = compose["services"]
    simulator = read_section(tomllib.loads((COMPOSE.parent / "simulator.toml").read_text())["simulator"])
    config = config_of((COMPOSE.parent / "connector.toml").read_text(), tmp_path)
    assert {(link.hostname, link.port) for link in config.links} == {
        (services["simulator"]["hostname"], simulator.base_port + number) for number in range(simulator.xsps)
    }
    assert services["simulator"]["command"][0] in SERVICES
    assert f", {simulator.base_port})" in services["simulator"]["healthcheck"]["test"][-1]
    for name, service in services.items():
        assert (COMPOSE.parent / service["build"]["context"]).resolve() == ROOT
        assert (ROOT / service["build"]["dockerfile"]) == DOCKERFILE
        assert service["hostname"] == name, "a host name that changes leaves subscriptions behind"
        for volume in service["volumes"]:
            assert (COMPOSE.parent / volume.split(":")[0]).is_file()
    for name in ("east", "west"):
        assert {int(published.split(":")[-1]) for published in services[name]["ports"]} == ports(config)
        assert services[name]["environment"]["BWCONNECTOR_PASSWORD"] == simulator.password
    published = [each.rpartition(":")[0] for name in ("east", "west") for each in services[name]["ports"]]
    assert len(set(published)) == 4


# Kubernetes


def kubernetes(kind: str) -> list[Any]:
    return [each for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")) for each in documents(path) if each["kind"] == kind]


def test_kubernetes_knows_the_manifests() -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    for document in documents(DEPLOY / "kubernetes" / "bwconnector.yaml"):
        validate.validate(document, "1.30", strict=True)


def test_the_stateful_set_fits_the_connector(tmp_path: Path) -> None:
    (config_map,) = kubernetes("ConfigMap")
    (stateful,) = kubernetes("StatefulSet")
    (secret,) = kubernetes("Secret")
    config = config_of(config_map["data"]["bwconnector.toml"], tmp_path)
    pod = stateful["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    named = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert set(named.values()) == ports(config)
    assert all(endpoint_keyword(endpoint, "interface") == "" for endpoint in (*config.csta.listen, config.web.listen))
    assert container["args"][0] in SERVICES
    assert container["args"][-1] == container["volumeMounts"][0]["mountPath"] + "/bwconnector.toml"
    assert "subPath" not in container["volumeMounts"][0]
    (password,) = container["env"]
    assert password["valueFrom"]["secretKeyRef"] == {"name": secret["metadata"]["name"], "key": next(iter(secret["stringData"]))}
    assert pod["volumes"][0]["configMap"]["name"] == config_map["metadata"]["name"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] in pages()
        assert container[probe]["httpGet"]["port"] in named
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert pod["terminationGracePeriodSeconds"] >= 5
    assert pod["securityContext"]["runAsNonRoot"] is True


def test_services_find_their_pods() -> None:
    (stateful,) = kubernetes("StatefulSet")
    (budget,) = kubernetes("PodDisruptionBudget")
    (monitor,) = kubernetes("ServiceMonitor")
    spec = stateful["spec"]
    name, own = stateful["metadata"]["name"], spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"] == own == budget["spec"]["selector"]["matchLabels"]
    services = {service["metadata"]["name"]: service for service in kubernetes("Service")}
    assert services[spec["serviceName"]]["spec"]["clusterIP"] == "None"
    assert set(services) == {name, *(f"{name}-{number}" for number in range(spec["replicas"]))}
    for service in services.values():
        selector = service["spec"]["selector"]
        assert selector in (own, {"statefulset.kubernetes.io/pod-name": service["metadata"]["name"]})
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= {"csta", "web"}
        assert service["spec"]["publishNotReadyAddresses"] is True
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    assert wanted <= services[name]["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in {port["name"] for port in services[name]["spec"]["ports"]}
    assert endpoint["path"] in pages()


# Prometheus and Grafana


def expressions() -> Iterator[tuple[str, str]]:
    """Where an expression is, and the expression."""
    (rules,) = documents(ALERTS)
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def test_metrics_that_are_asked_for_exist() -> None:
    known, labelled = samples(), labels()
    asked: set[str] = set()
    for place, expression in expressions():
        for name, selector in re.findall(r"\b(bwconnector_\w+)(?:\{([^}]*)\})?", expression):
            assert name in known, f"{place}: {name}"
            asked.add(re.sub("_(total|bucket)$", "", name))
            own = labelled[re.sub("_(total|bucket)$", "", name)]
            assert set(re.findall(r"(\w+)=", selector)) <= own | {"instance"}, f"{place}: {selector}"
    assert asked == set(labelled), "a metric that is on no dashboard and in no rule"


def test_promtool_accepts_the_rules() -> None:
    done = subprocess.run([tool("promtool"), "check", "rules", ALERTS], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_says_what_it_means() -> None:
    (rules,) = documents(ALERTS)
    for rule in rules["groups"][0]["rules"]:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"] and rule["annotations"]["description"]


def test_the_dashboard_is_whole() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)
    cells: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        covered = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= 24 and not covered & cells, panel["title"]
        cells |= covered
        for used in re.findall(r"\$\{?(\w+)", json.dumps(panel)):
            assert used in variables | {"__rate_interval"}
