"""Golden call flows of recording, escalation and emergency calls."""

from __future__ import annotations

from tests.bridge.flows import Stream, conf, ev, intend, leg
from tests.bridge.scenarios import TALK_A, TALK_B, scenario, talk

# 22 recording of {K1,A}

_A1 = leg("a1", "K1 Or Ac B")


def record(*events: str, **more: str) -> list[Stream]:
    return [("A", ev(f"Recording{event}", _A1, **more)) for event in events]


_LEAVES = {"K1": {"A": "connected", "B": "connected"}}
scenario(
    "22-recording",
    [[*talk(), *record("Starting", "Started", "Paused", "Resumed"), *record("Stopped", reason="User Requested")]],
    {
        device: [
            *told,
            "Record{K1,A} connected normal A>B",
            "SuspendRecord{K1,A} connected normal A>B",
            "Record{K1,A} connected normal A>B",
            "Stop{K1,A} connected normal A>B",
        ]
        for device, told in (("A", TALK_A), ("B", TALK_B))
    },
    only={"B": {"B": TALK_B}},
    leaves=_LEAVES,
)
scenario(
    "22-resumed-P-RESUME",
    [[*talk(), *record("Started", "Paused", "Resumed", "Paused")]],
    {
        "A": [
            *TALK_A,
            "Record{K1,A} connected normal A>B",
            "SuspendRecord{K1,A} connected normal A>B",
            "SuspendRecord{K1,A} connected normal A>B",
        ]
    },
    policy={"P-RESUME": "none"},
    only={"skip": {}},
    leaves=_LEAVES,
)
scenario(
    "22-recorder-fails",
    [[*talk(), *record("Starting"), *record("Stopped", reason="Failure")]],
    {device: [*told, "Stop{K1,A} connected resourcesNotAvailable A>B"] for device, told in (("A", TALK_A), ("B", TALK_B))},
    only={"skip": {}},
    leaves=_LEAVES,
)
scenario(
    "22-call-ends-while-it-is-recorded",
    [
        [*talk(), *record("Started")],
        [
            ("A", ev("Released", leg("a1", "K1 Or Re B", release="local"))),
            ("A", ev("RecordingStopped", leg("a1", "K1 Or Re B"), reason="User Requested")),
            ("B", ev("Released", leg("b1", "K1 Te Re A", release="remote"))),
        ],
    ],
    {
        "A": [*TALK_A, "Record{K1,A} connected normal A>B", "ConnectionCleared{K1,A} null normalClearing"],
        "B": [
            *TALK_B,
            "Record{K1,A} connected normal A>B",
            "ConnectionCleared{K1,A} connected normalClearing",
            "ConnectionCleared{K1,B} null normalClearing",
        ],
    },
    only={"skip": {}},
)

# 30 escalation: A, who talks to B, asks S for help

_ASSIST = " assistCall"
_URGENT = " assistCall,highPriorityCall"
_S_RINGS = [("A", ev("Originated", leg("a2", "K2 Or Al S"))), ("A", ev("Updated", leg("a2", "K2 Or Al S")))]


def asked(escalation: str) -> list[Stream]:
    return [
        *_S_RINGS,
        ("S", ev("Received", leg("s2", "K2 Te Al A", escalation=escalation))),
    ]


_S_ANSWERS = [
    ("S", ev("Answered", leg("s2", "K2 Te Ac A"))),
    ("A", ev("Answered", leg("a2", "K2 Or Ac S"))),
]
scenario(
    "30-escalate",
    [
        talk(),
        [("A", ev("Held", leg("a1", "K1 Or He B"))), ("B", ev("Held", leg("b1", "K1 Te RH A")))],
        asked("Normal"),
        _S_ANSWERS,
    ],
    {
        "A": [
            *TALK_A,
            "Held{K1,A} hold normal",
            "Originated{K2,A} connected newCall A>S",
            "Delivered{K2,S} connected newCall A>S" + _ASSIST,
            "Established{K2,S} connected newCall A>S" + _ASSIST,
        ],
        "B": [*TALK_B, "Held{K1,A} connected normal"],
        "S": ["Delivered{K2,S} alerting newCall A>S" + _ASSIST, "Established{K2,S} connected newCall A>S" + _ASSIST],
    },
    only={"skip": {}},
    leaves={"K1": {"A": "hold", "B": "connected"}, "K2": {"A": "connected", "S": "connected"}},
)
_HELPED = "Conferenced{K1,A} connected conference and{K2,A} to=S [{K1,A}<{K1,A} {K1,B}<{K1,B} {K1,S}<{K2,S}]" + _URGENT
scenario(
    "30-emergency-escalate",
    [talk(), asked("Emergency"), _S_ANSWERS, [("A", conf("Started", "a1", "a2"))]],
    {
        "A": [
            *TALK_A,
            "Originated{K2,A} connected newCall A>S",
            "Delivered{K2,S} connected newCall A>S" + _URGENT,
            "Established{K2,S} connected newCall A>S" + _URGENT,
            _HELPED,
        ],
        "B": [*TALK_B, _HELPED],
        "S": ["Delivered{K2,S} alerting newCall A>S" + _URGENT, "Established{K2,S} connected newCall A>S" + _URGENT, _HELPED],
    },
    only={"skip": {}},
    leaves={"K1": {"A": "connected", "B": "connected", "S": "connected"}},
)
_CALLING = " priorityCall"
scenario(
    "30-emergency-number",
    [
        [
            ("A", ev("Originated", leg("a1", "K1 Or Al X", remote_type="Emergency"))),
            ("A", ev("Updated", leg("a1", "K1 Or Al X", remote_type="Emergency"))),
            ("A", ev("Answered", leg("a1", "K1 Or Ac X", remote_type="Emergency"))),
            ("A", ev("Released", leg("a1", "K1 Or Re X", release="local", remote_type="Emergency"))),
        ]
    ],
    {
        "A": [
            "Originated{K1,A} connected newCall A>X" + _CALLING,
            "Delivered{K1,X} connected newCall A>X" + _CALLING,
            "Established{K1,X} connected newCall A>X" + _CALLING,
            "ConnectionCleared{K1,A} null normalClearing" + _CALLING,
        ]
    },
)

# 15 by request: the supervisor's own call into the other one is not told

for kind, told, cause in (
    ("Barge-In", "BargedIn", "intrude"),
    ("Silently Monitored", "Monitored", "silentParticipation"),
    ("Supervisor Coached", "Monitored", "silentParticipation"),
):
    joined = f"Conferenced{{K1,B}} connected {cause} to=S [{{K1,A}}<{{K1,A}} {{K1,B}}<{{K1,B}} {{K1,S}}]"
    left = "ConnectionCleared{K1,S} connected normalClearing"
    for k in ("K1", "K9", "K7"):
        scenario(
            f"15-join-call-{kind.replace(' ', '-').lower()}-{k}",
            [
                talk(),
                [intend("JoinCall", "S", target="B")],
                [
                    ("S", ev("Originated", leg("s1", "K9 Or Al B"))),
                    ("S", ev("Answered", leg("s1", f"{k} Or Ac B"))),
                    ("S", conf("Started", "s1", kind=kind)),
                    ("A", ev(told, leg("a1", f"{k} Or Ac B"))),
                    ("B", ev(told, leg("b1", f"{k} Te Ac A"))),
                ],
                [("S", ev("Released", leg("s1", f"{k} Or Re B", release="local")))],
            ],
            {
                "A": [*TALK_A, joined, left],
                "B": [*TALK_B, joined, left],
                "S": [joined, "ConnectionCleared{K1,S} null normalClearing"],
            },
            only={"skip": {}},
            leaves=_LEAVES,
        )
