"""The checker that other tests rely on finds what it is there to find."""

from __future__ import annotations

import pytest

from tests.csta.schema import check

NS = "http://www.ecma-international.org/standards/ecma-323/csta/ed3"
START = f'<?xml version="1.0" encoding="UTF-8"?><MonitorStart xmlns="{NS}">'


def start(content: str) -> bytes:
    return f"{START}{content}</MonitorStart>".encode()


def test_a_good_body_has_no_problems() -> None:
    assert check(start("<monitorObject><deviceObject>1</deviceObject></monitorObject><monitorType>device</monitorType>")) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<MonitorStop/>", "prolog"),
        (start("<monitorObject>\u00fc</monitorObject>"), "ASCII"),
        (start("<monitorObject>"), "well-formed"),
        (START.replace("MonitorStart", "MonitorBegin").encode() + b"</MonitorBegin>", "no message is called MonitorBegin"),
        (start('<monitorObject xmlns="urn:x"><deviceObject>1</deviceObject></monitorObject>'), "another namespace"),
        (start(""), "MonitorStart has no monitorObject"),
        (start("<monitorObject/>"), "0 children of a choice"),
        (start("<monitorObject><deviceObject>1</deviceObject><deviceObject>2</deviceObject></monitorObject>"), "2 children of a choice"),
        (start("<monitorObject><device>1</device></monitorObject>"), "cannot hold device"),
        (start("<monitorObject><deviceObject><b/></deviceObject></monitorObject>"), "has children"),
        (start("<monitorType>call</monitorType><monitorObject><deviceObject>1</deviceObject></monitorObject>"), "no monitorObject"),
        (
            start("<monitorObject><deviceObject>1</deviceObject></monitorObject><monitorType>line</monitorType>"),
            "monitorType cannot be 'line'",
        ),
        (
            start(
                "<monitorObject><deviceObject>1</deviceObject></monitorObject>"
                "<requestedMonitorFilter><callcontrol><held>true</held><failed>true</failed></callcontrol></requestedMonitorFilter>"
            ),
            "has failed where it does not belong",
        ),
        (
            start(
                "<monitorObject><deviceObject>1</deviceObject></monitorObject>"
                "<requestedMonitorFilter><callcontrol><held>yes</held></callcontrol></requestedMonitorFilter>"
            ),
            "held is 'yes', not bool",
        ),
    ],
)
def test_a_bad_body_is_told(body: bytes, problem: str) -> None:
    assert any(problem in found for found in check(body)), check(body)
