"""The documents say what the code does, where that can be compared: their tables are those of the code, no row more and none less."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import attrs
import pytest
from docutils import nodes
from docutils.core import publish_doctree

from bwconnector.bridge import agent_services, agents, capability_services, causes, features
from bwconnector.bridge.callmodel import MASTER_TABLE
from bwconnector.bridge.escapes import ESCAPES
from bwconnector.bridge.eventmessages import EVENTS
from bwconnector.bridge.limits import LIMITS
from bwconnector.bridge.monitor_services import PACKAGES
from bwconnector.bridge.originating import BIRTH
from bwconnector.bridge.pickup import ENTERED
from bwconnector.bridge.policy import ROWS
from bwconnector.bridge.refusals import BY_ERROR_CODE, BY_SERVICE, BY_STATUS, NEEDS, OTHER_STATUS, RECORDING
from bwconnector.bridge.routepoints import STATE_EVENTS
from bwconnector.bridge.services import SERVICES
from bwconnector.bridge.session import UNSUPPORTED_PARAMETERS
from bwconnector.bridge.status import DISABLED, INITIALIZING, MONITOR_STOP, NORMAL, REPAIR, Status
from bwconnector.changes import WHEN
from bwconnector.csta.kinds import Request
from bwconnector.csta.messages import MESSAGES
from bwconnector.csta.schema import element_name
from bwconnector.ops import sizing
from bwconnector.ops.inspection import Inspection
from bwconnector.ops.metrics import Metrics
from bwconnector.options import RecorderOptions
from bwconnector.simulator.admin import FAULTS
from bwconnector.simulator.faults import Faults
from bwconnector.xsi.channel import TRANSITIONS, Input, State
from bwconnector.xsi.opening import _TERMINATIONS
from bwconnector.xsi.parse import EVENT_DATA

from .csta.test_link_grid import GRID
from .csta.test_link_grid import Input as LinkInput
from .csta.test_link_grid import State as LinkState

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "bwconnector"
DOCS = ROOT / "docs"
DOCUMENTS = [ROOT / "README.rst", ROOT / "CHANGES.rst", *sorted(DOCS.glob("*.rst")), *sorted((ROOT / "changes").glob("*.rst"))]

MODEL_STEPS = {BIRTH, ENTERED}
"""Steps of the master table that are the call model's own, no Xsi events."""

LOUD = frozenset({"warn", "error", "critical", "failure"})


# Reading the documents


@attrs.frozen
class Cell:
    """One cell: its text in one line, and what is written as a literal in it."""

    text: str
    literals: tuple[str, ...]


@cache
def read(document: Path) -> tuple[nodes.document, str]:
    """A document, and what docutils says against it."""
    complaints = io.StringIO()
    settings = {"warning_stream": complaints, "report_level": 1, "halt_level": 5, "file_insertion_enabled": False}
    tree = publish_doctree(document.read_text(encoding="utf-8"), source_path=str(document), settings_overrides=settings)
    return tree, complaints.getvalue()


def table(document: str, title: str) -> list[list[Cell]]:
    """The rows of the table with this title, without its head."""
    tree, _ = read(DOCS / document)
    (found,) = (each for each in tree.findall(nodes.table) if any(t.astext() == title for t in each.findall(nodes.title)))
    (body,) = found.findall(nodes.tbody)
    return [[cell(entry) for entry in row.findall(nodes.entry)] for row in body.findall(nodes.row)]


def cell(entry: nodes.entry) -> Cell:
    return Cell(" ".join(entry.astext().split()), tuple(" ".join(literal.astext().split()) for literal in entry.findall(nodes.literal)))


def numbers(text: str) -> set[int]:
    """``95-97, 99`` as a set."""
    ranges = [(int(first), int(last or first)) for first, last in re.findall(r"(\d+)(?:-(\d+))?", text)]
    return {number for first, last in ranges for number in range(first, last + 1)}


def states(text: str) -> set[str]:
    return set(text.split(", "))


def error(cell: Cell) -> tuple[str, str]:
    """Category and value of the only error in a cell."""
    (literal,) = cell.literals
    category, value = literal.split(" ")
    return category, value


# All documents


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_are_valid(document: Path) -> None:
    assert read(document)[1] == ""


def test_links_between_documents_lead_somewhere() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"<([\w./-]+\.(?:rst|toml))>`_", document.read_text(encoding="utf-8")):
            assert (document.parent / target).is_file(), f"{document}: {target}"


def test_every_command_is_in_the_documents() -> None:
    readme = (ROOT / "README.rst").read_text(encoding="utf-8")
    operations = (DOCS / "operations.rst").read_text(encoding="utf-8")
    for command in ("check", "watch", "dial", "status", "replay", "call", "links", "size"):
        assert f"``bwctl {command} " in readme
        assert f"``bwctl {command} " in operations
    assert len(readme.splitlines()) <= 150


def test_rows_of_policy_that_documents_name_exist() -> None:
    named = {row for document in DOCUMENTS for row in re.findall(r"\bP-[A-Z][A-Z0-9]*\b", document.read_text(encoding="utf-8"))}
    assert named == set(ROWS)


def test_every_policy_row_is_documented_with_its_values() -> None:
    entries = re.split(r"^   \* - ", (DOCS / "policy.rst").read_text(encoding="utf-8"), flags=re.M)
    documented = {}
    for entry in entries:
        if found := re.match(r"``(P-\w+)``\n     - (\d+|``\"(.*?)\"``)", entry):
            values = tuple(re.findall(r"``\"(.*?)\"``", entry))
            documented[found[1]] = (int(found[2]) if found[2].isdecimal() else found[3], values)
    assert documented == {code: (row.default, row.choices) for code, row in ROWS.items()}


# csta.rst


def test_services() -> None:
    rows = table("csta.rst", "Services that are supported")
    assert [row[0].literals for row in rows] == [(service.__name__,) for service in SERVICES]


def test_services_that_a_policy_row_switches_on() -> None:
    supported = {row[0].literals[0]: row[1] for row in table("csta.rst", "Services that are supported")}
    switched = {
        name: code for name, cell in supported.items() if not cell.text.startswith("yes") for code in re.findall(r"P-\w+", cell.text)
    }
    assert switched == {service: row for service, (row, _) in capability_services.POLICY_OF_SERVICE.items()}


def test_where_services_are_tested() -> None:
    for service, *_, tested in table("csta.rst", "Services that are supported"):
        assert tested.literals
        texts = [(ROOT / path).read_text(encoding="utf-8") for path in tested.literals]
        assert all(service.literals[0] in text for text in texts), service.text


def test_services_that_are_not_supported() -> None:
    rows = table("csta.rst", "Services that are not supported")
    named = [service for row in rows for service in row[0].literals]
    requests = {name for name, message in MESSAGES.items() if issubclass(message, Request)} - {Request.__name__}
    assert sorted(named) == sorted(requests - {service.__name__ for service in SERVICES})


def test_parameters_without_a_counterpart() -> None:
    text = (DOCS / "csta.rst").read_text(encoding="utf-8")
    (listed,) = re.findall(r"no counterpart in BroadWorks: ([\w,\s]+)\.", text)
    assert set(re.split(r",\s+", listed)) == {element_name(parameter) for parameter in UNSUPPORTED_PARAMETERS}


def test_errors_by_error_code() -> None:
    assert {int(code.text): error(answer) for code, answer in table("csta.rst", "Errors by errorCode")} == BY_ERROR_CODE


def test_errors_by_service() -> None:
    documented = {
        (service, int(status.text)): error(answer)
        for services, status, answer in table("csta.rst", "Errors by service and HTTP status")
        for service in services.literals
    }
    assert documented == BY_SERVICE


def test_errors_by_status() -> None:
    *rows, last = table("csta.rst", "Errors by HTTP status")
    assert {int(status.text): error(answer) for status, answer in rows} == BY_STATUS
    assert error(last[1]) == OTHER_STATUS


def test_errors_of_a_wrong_state() -> None:
    rows = table("csta.rst", "Errors of a wrong state")
    assert {row[0].literals[0]: (states(row[1].text), error(row[2])) for row in rows} == NEEDS


def test_errors_of_a_wrong_state_of_the_recording() -> None:
    documented = {}
    for service, recording, answer in table("csta.rst", "Errors of a wrong state of the recording"):
        for state in (*[""] * recording.text.startswith("none"), *recording.literals):
            documented[service.literals[0], state] = error(answer)
    assert documented == RECORDING


def test_events() -> None:
    (named,) = zip(*(row[0].literals for row in table("csta.rst", "Events")), strict=True)
    assert list(named) == [
        *EVENTS,
        *(kind for kind, _ in features._TELL.values()),
        *STATE_EVENTS,
        *agents.AGENT_EVENTS,
        agents.PRIVATE,
    ]
    assert set(named) == set(capability_services.EVENTS)


def test_states_of_agents() -> None:
    requested = {state: wanted for wanted, state in agent_services.REQUESTED.items()}
    for name, wanted, answered, events in table("csta.rst", "States of agents"):
        (state,) = name.literals
        csta_state, event = agents.CSTA_STATES[state]
        assert wanted.text == requested.pop(state)
        logged_on = "not logged on" if state == agents.SIGNED_OUT else "logged on"
        assert answered.text == f"{csta_state}, {logged_on}"
        assert event.removesuffix("Event") in events.text
    assert not requested


def test_private_services() -> None:
    rows = table("csta.rst", "Private data")
    named = [element.literals[0] for message, element, _ in rows if message.literals == ("Escape",)]
    assert named == list(ESCAPES)


def test_events_come_from_xsi_events_that_are_read() -> None:
    sources = {literal for row in table("csta.rst", "Events") for literal in row[2].literals if not literal.startswith("P-")}
    assert sources <= set(EVENT_DATA)


def test_causes_of_redirections() -> None:
    documented = {
        reason: (diverted.text, delivered.text)
        for reasons, diverted, delivered in table("csta.rst", "Causes of redirections")
        for reason in reasons.literals
    }
    assert documented == causes._REDIRECT


def test_causes_by_internal_release_cause() -> None:
    failing = {"called": causes.FAR, "caller": causes.OWN}
    documented = {
        internal: (cause.text, failing[who.text], specific.text == "yes")
        for internals, cause, who, specific in table("csta.rst", "Causes by internalReleaseCause")
        for internal in internals.literals
    }
    assert documented == causes._INTERNAL


@pytest.mark.parametrize(("column", "known"), [(1, causes._Q850), (2, causes._SIP)], ids=["q850", "sip"])
def test_causes_by_number(column: int, known: dict[int, str]) -> None:
    rows = table("csta.rst", "Causes by number")
    assert {number: row[0].text for row in rows for number in numbers(row[column].text)} == known


# xsi.rst


def test_events_that_change_calls() -> None:
    named = [event for row in table("xsi.rst", "Events that change calls") for event in row[0].literals]
    assert sorted(named) == sorted(set(MASTER_TABLE) - MODEL_STEPS)


def test_other_events_that_are_read() -> None:
    named = [event for row in table("xsi.rst", "Other events that are read") for event in row[0].literals]
    assert sorted(named) == sorted(set(EVENT_DATA) - set(MASTER_TABLE))


def test_reasons_of_terminated_channels() -> None:
    rows = table("xsi.rst", "Reasons of ChannelTerminatedEvent")
    documented = {(row[0].literals or ("",))[0]: row[2].text != "soon" for row in rows}
    assert documented == {reason: ending.slow for reason, ending in _TERMINATIONS.items()}


def test_event_packages() -> None:
    rows = table("xsi.rst", "Event packages by kind of device")
    assert {row[0].literals[0]: row[1].literals for row in rows} == PACKAGES


# architecture.rst


def test_states_of_a_channel() -> None:
    documented = {
        (State(state.literals[0]), what): State(after.literals[0])
        for state, *cells in table("architecture.rst", "States of a channel")
        for what, after in zip(Input, cells, strict=True)
    }
    assert documented == {pair: state for pair, (state, _) in TRANSITIONS.items()}


def test_states_of_a_link() -> None:
    documented = {
        (LinkState(state), what.text): after.literals[0]
        for what, *cells in table("architecture.rst", "States of a link")
        for state, after in zip(("open", "behind", "closing", "cut off", "gone"), cells, strict=True)
    }
    assert documented == {(state, what.value): GRID[state].get(what, state).value for state in LinkState for what in LinkInput}


@pytest.mark.parametrize("happening", range(4), ids=["no channel", "a channel", "compared", "lost"])
@pytest.mark.parametrize("row", range(4), ids=["initializing", "normal", "disabled, monitor-stop", "disabled, repair"])
def test_what_each_happening_tells(row: int, happening: int) -> None:
    state, *cells = table("architecture.rst", "What each happening tells")[row]
    status = Status(REPAIR if state.text.endswith(REPAIR) else MONITOR_STOP)
    for count in {INITIALIZING: (), NORMAL: (1,), DISABLED: (1, 0)}[state.literals[0]]:
        status.channels_changed(count)
    if happening == 2 and status.value == DISABLED and not status.voids_monitors:
        status.channels_changed(1)
    told: list[str] = []
    status.listeners.append(told.append)
    (lambda: status.channels_changed(0), lambda: status.channels_changed(1), status.repaired, status.messages_lost)[happening]()
    assert tuple(told) == cells[happening].literals


@pytest.mark.parametrize(
    ("section", "names"),
    [
        ("An event channel", {state.value for state in State}),
        ("A link and its association", {state.value for state in LinkState} - {"gone"}),
        ("System status", {INITIALIZING, NORMAL, DISABLED}),
    ],
)
def test_diagrams_have_the_states(section: str, names: set[str]) -> None:
    text = (DOCS / "architecture.rst").read_text(encoding="utf-8")
    (diagram,) = re.findall(rf"^{section}\n=+\n.*?::\n\n(.*?)\n\n\S", text, re.M | re.S)
    assert set(re.findall(r"\[ ([\w ]+) \]", diagram)) == names


@pytest.mark.parametrize("folder", [PACKAGE, *(path.parent for path in sorted(PACKAGE.glob("*/__init__.py")))], ids=lambda path: path.name)
def test_every_module_is_in_the_house(folder: Path) -> None:
    name = ".".join(folder.relative_to(ROOT).parts)
    (named,) = zip(*(row[0].literals for row in table("architecture.rst", f"Modules of {name}")), strict=True)
    assert sorted(named) == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


# operations.rst


def test_every_metric_is_documented() -> None:
    metrics = Metrics(lambda: Inspection(version="", started=0, now=0, system_status="normal"))
    families = {family.name + "_total" * (family.type == "counter") for family in metrics.collect()}
    (named,) = zip(*(row[0].literals for row in table("operations.rst", "Metrics")), strict=True)
    assert sorted(named) == sorted(families)


def test_when_options_take_effect() -> None:
    documented: dict[str, dict[str, str]] = {}
    for sections, options, when in table("operations.rst", "When options take effect"):
        (section,) = sections.literals
        names = ROWS if options.text == "all rows" else options.literals
        documented.setdefault(section.strip("[]"), {}).update(dict.fromkeys(names, when.text))
    assert {section: set(rows) for section, rows in documented.items()} == {section: set(rows) for section, rows in WHEN.items()}
    for section, rows in WHEN.items():
        for option, when in rows.items():
            assert documented[section][option].startswith(when.value), f"[{section}] {option}"


def test_limits_of_a_link() -> None:
    rows = table("operations.rst", "Limits of a link")
    assert {row[0].literals[0]: error(row[2]) for row in rows if row[0].text.startswith("refused")} == {
        name: limit.error for name, limit in LIMITS.items()
    }


def test_every_fault_of_the_simulator_is_documented() -> None:
    (named,) = zip(*(row[0].literals for row in table("operations.rst", "Faults of a simulated XSP")), strict=True)
    assert list(named) == [field.name for field in attrs.fields(Faults)] == list(FAULTS)


def loud_messages() -> Iterator[str]:
    """Format strings that are logged at level warn or above, their fields as ``...``."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and _logs_loudly(node.func):
                message = ast.literal_eval(node.args[0])
                yield re.sub(r"\{[^}]*\}", "...", message)


def _logs_loudly(function: ast.expr) -> bool:
    """``log.warn`` and the like of any logger; or ``log``, where the level was chosen before."""
    if isinstance(function, ast.Attribute):
        owner = function.value
        return function.attr in LOUD and (owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")) == "log"
    return isinstance(function, ast.Name) and function.id == "log"


def test_every_warning_is_documented() -> None:
    named = [row[0].text for row in table("operations.rst", "Warnings and errors")]
    assert sorted(named) == sorted(set(loud_messages()))


# reliability.rst


def functions_of(path: Path) -> set[str]:
    """The names of all functions in a file, in classes or not."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_what_is_promised_is_shown_by_a_test() -> None:
    rows = table("reliability.rst", "What is promised in each failure")
    assert len(rows) >= 20
    for failure, promise, shown in rows:
        assert promise.text, failure.text
        assert shown.literals, failure.text
        for literal in shown.literals:
            file, _, name = literal.partition("::")
            assert name in functions_of(ROOT / file), literal


def test_measured_figures_name_their_command() -> None:
    text = (DOCS / "reliability.rst").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"``make (\w+)", text):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_sizes_are_those_that_bwctl_reckons() -> None:
    rows = [tuple(cell.text for cell in row) for row in table("operations.rst", "What a site needs")]
    assert rows == list(sizing.lines(sizing.SITES, RecorderOptions().size))
