"""Whatever a client asks, in whatever order, and whatever BroadWorks says to it: each request has one answer, and nothing stays behind."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from bwconnector.bridge.services import SERVICES
from bwconnector.csta import messages as csta
from bwconnector.xsi.errors import NoXspAvailable, OutcomeUnknown, Refused
from bwconnector.xsi.requests import Response

from ..csta.strategies import messages
from .office import ED3, Office, start_info

DEVICES = st.sampled_from(["alice", "bob", "1003", "nobody", "+15559990000"])
CONNECTIONS = st.builds(
    csta.ConnectionID, st.sampled_from(["K1", "K2", "K9"]), st.none() | st.sampled_from(["alice", "bob", "carol", "1002", "nobody"])
) | st.builds(csta.ConnectionID, st.none(), DEVICES)
REQUESTS = st.sampled_from(sorted(SERVICES, key=lambda service: service.__name__))
OUTCOMES = st.sampled_from(
    [
        Response(200),
        Response(201, {}, start_info("b7", "K7")),
        Refused(400),
        Refused(403),
        Refused(404),
        Refused(503),
        OutcomeUnknown("time-out"),
        NoXspAvailable("none"),
    ]
)


@st.composite
def requests(draw: st.DrawFn) -> csta.Request:
    """A request that may make sense in the office."""
    request = draw(messages(draw(REQUESTS)))
    chosen: dict[str, Any] = {}
    for field in attrs.fields(type(request)):
        value = getattr(request, field.name)
        if isinstance(value, csta.ConnectionID):
            chosen[field.name] = draw(CONNECTIONS)
        elif isinstance(value, str) and any(word in field.name for word in ("device", "destination", "number", "object", "_to")):
            chosen[field.name] = draw(DEVICES)
    return attrs.evolve(request, **chosen)  # type: ignore[no-any-return]


@given(
    st.lists(st.tuples(requests(), OUTCOMES, st.sampled_from([0.0, 0.3, 3.0])), max_size=8),
    st.dictionaries(st.sampled_from(["P_SSC", "P_STRICT", "P_HOLD"]), st.just(True)),
)
def test_each_request_has_one_answer_and_nothing_stays_behind(steps: list[tuple[Any, Any, float]], changed: dict[str, bool]) -> None:
    policy = {"P_SSC": "on", "P_STRICT": "reject", "P_HOLD": "implicit"}
    office = Office(**{row: policy[row] for row in changed})
    office.call("K1", alice="Active", bob="Held")
    office.call("K2", bob="Active", carol="Alerting")
    asked = []
    for request, outcome, pause in steps:
        office.bw.otherwise = outcome
        asked.append(office.ask(request, namespace=ED3))
        office.clock.advance(pause)
    office.clock.advance(120)
    assert not office.failures
    for invoke_id in asked:
        (answer,) = [message for sent, message, _ in office.link.sent if sent == invoke_id]
        assert isinstance(answer, csta.Response)
    assert office.session.outstanding == 0
    office.session.closed("the end")
    assert list(office.switch.intents) == []
    assert office.clock.getDelayedCalls() == []
    assert office.status.listeners == []
    assert office.monitors.devices() == []
