"""Golden call flows of conferences, barge-in, calls that never ring, and second calls."""

from __future__ import annotations

from tests.bridge.flows import Stream, conf, ev, intend, leg
from tests.bridge.scenarios import scenario, talk

__all__: list[str] = []

# 14 three-way conference: A controls, B and C hear nothing but that they were retrieved

_START: list[list[Stream]] = [
    talk(),
    [
        ("A", ev("Held", leg("a1", "K1 Or He B"))),
        ("B", ev("Held", leg("b1", "K1 Te RH A"))),
        ("A", ev("Originated", leg("a2", "K2 Or Al C"))),
        ("C", ev("Received", leg("c1", "K2 Te Al A"))),
        ("A", ev("Updated", leg("a2", "K2 Or Al C"))),
        ("C", ev("Answered", leg("c1", "K2 Te Ac A"))),
        ("A", ev("Answered", leg("a2", "K2 Or Ac C"))),
    ],
]
_A = [
    "Originated{K1,A} connected newCall A>B",
    "Delivered{K1,B} connected newCall A>B",
    "Established{K1,B} connected newCall A>B",
    "Held{K1,A} hold normal",
    "Originated{K2,A} connected newCall A>C",
    "Delivered{K2,C} connected newCall A>C",
    "Established{K2,C} connected newCall A>C",
]
_B = ["Delivered{K1,B} alerting newCall A>B", "Established{K1,B} connected newCall A>B", "Held{K1,A} connected normal"]
_C = ["Delivered{K2,C} alerting newCall A>C", "Established{K2,C} connected newCall A>C"]
_JOINED = "Conferenced{K1,A} connected conference and{K2,A} to=C [{K1,A}<{K1,A} {K1,B}<{K1,B} {K1,C}<{K2,C}]"
_MEET: list[list[Stream]] = [
    [intend("ConferenceCall", "A", "a1", "a2")],
    [
        ("A", ev("Retrieved", leg("a1", "K1 Or Ac B"))),
        ("A", conf("Started", "a1", "a2")),
        ("B", ev("Retrieved", leg("b1", "K1 Te Ac A"))),
    ],
]
_NOT_A = {
    # nobody but the controller is told of a conference
    "B": {"B": [*_B, "Retrieved{K1,A} connected normal"]},
    "C": {"C": _C},
    "BC": {"B": [*_B, "Retrieved{K1,A} connected normal"], "C": _C},
}
_THREE = {"K1": {"A": "connected", "B": "connected", "C": "connected"}}

scenario(
    "14-conference-by-service",
    [*_START, *_MEET],
    {"A": [*_A, _JOINED], "B": [*_B, _JOINED], "C": [*_C, _JOINED]},
    only=_NOT_A,
    leaves=_THREE,
)
scenario(
    "14-conference-by-phone-started-first",
    [
        *_START,
        [
            ("A", conf("Started", "a1", "a2")),
            ("A", ev("Retrieved", leg("a1", "K1 Or Ac B"))),
            ("B", ev("Retrieved", leg("b1", "K1 Te Ac A"))),
        ],
    ],
    {"A": [*_A, _JOINED], "B": [*_B, _JOINED], "C": [*_C, _JOINED]},
    only=_NOT_A,
    leaves=_THREE,
)
scenario(
    "14-hold-conference",
    [*_START, *_MEET, [("A", conf("Held", "a1", "a2"))], [("A", conf("Retrieved", "a1", "a2"))]],
    {
        "A": [*_A, _JOINED, "Held{K1,A} hold normal", "Retrieved{K1,A} connected normal"],
        "B": [*_B, _JOINED, "Held{K1,A} connected normal", "Retrieved{K1,A} connected normal"],
        "C": [*_C, _JOINED, "Held{K1,A} connected normal", "Retrieved{K1,A} connected normal"],
    },
    only=_NOT_A,
    leaves=_THREE,
)
scenario(
    "14-participant-leaves-P-CONF1",
    [
        *_START,
        *_MEET,
        [
            ("C", ev("Released", leg("c1", "K2 Te Re A", release="local"))),
            ("A", ev("Released", leg("a2", "K2 Or Re C", release="remote"))),
            ("A", conf("Updated", "a1")),
        ],
    ],
    {
        "A": [*_A, _JOINED, "ConnectionCleared{K1,C} connected normalClearing"],
        "B": [*_B, _JOINED, "ConnectionCleared{K1,C} connected normalClearing"],
        "C": [*_C, _JOINED, "ConnectionCleared{K1,C} null normalClearing"],
    },
    only={
        "B": _NOT_A["B"],
        "C": {"C": [*_C, "ConnectionCleared{K2,C} null normalClearing"]},
        "BC": {"B": _NOT_A["B"]["B"], "C": [*_C, "ConnectionCleared{K2,C} null normalClearing"]},
    },
    leaves={"K1": {"A": "connected", "B": "connected"}},
)
scenario(
    "14-participant-dropped-by-service",
    [
        *_START,
        *_MEET,
        [intend("ClearConnection", "A", "a2")],
        [
            ("A", ev("Released", leg("a2", "K2 Or Re C", release="local"))),
            ("C", ev("Released", leg("c1", "K2 Te Re A", release="remote"))),
            ("A", conf("Updated", "a1")),
        ],
    ],
    {
        "A": [*_A, _JOINED, "ConnectionCleared{K1,C} connected normalClearing"],
        "B": [*_B, _JOINED, "ConnectionCleared{K1,C} connected normalClearing"],
        "C": [*_C, _JOINED, "ConnectionCleared{K1,C} null normalClearing"],
    },
    only={"skip": {}},
    leaves={"K1": {"A": "connected", "B": "connected"}},
)
for first in (True, False):
    ends: list[Stream] = [
        ("A", ev("Released", leg("a1", "K1 Or Re B", release="local"))),
        ("A", ev("Released", leg("a2", "K2 Or Re C", release="local"))),
    ]
    over: list[Stream] = [("A", conf("Released"))]
    scenario(
        f"14-controller-ends-{'conference-first' if first else 'legs-first'}",
        [
            *_START,
            *_MEET,
            [
                *(over + ends if first else ends + over),
                ("B", ev("Released", leg("b1", "K1 Te Re A", release="remote"))),
                ("C", ev("Released", leg("c1", "K2 Te Re A", release="remote"))),
            ],
        ],
        {
            "A": [*_A, _JOINED, "ConnectionCleared{K1,A} null normalClearing"],
            "B": [
                *_B,
                _JOINED,
                "ConnectionCleared{K1,A} connected normalClearing",
                "ConnectionCleared{K1,B} null normalClearing",
            ],
            "C": [
                *_C,
                _JOINED,
                "ConnectionCleared{K1,A} connected normalClearing",
                "ConnectionCleared{K1,B} connected normalClearing",
                "ConnectionCleared{K1,C} null normalClearing",
            ],
        },
        only={"skip": {}},
    )
scenario(
    "14-fourth-party",
    [
        *_START,
        *_MEET,
        [
            ("A", conf("Held", "a1", "a2")),
            ("A", ev("Originated", leg("a3", "K3 Or Al D"))),
            ("D", ev("Received", leg("d1", "K3 Te Al A"))),
            ("D", ev("Answered", leg("d1", "K3 Te Ac A"))),
            ("A", ev("Answered", leg("a3", "K3 Or Ac D"))),
        ],
        [("A", conf("Updated", "a1", "a2", "a3"))],
    ],
    {
        "A": [
            *_A,
            _JOINED,
            "Held{K1,A} hold normal",
            "Originated{K3,A} connected newCall A>D",
            "Delivered{K3,D} connected newCall A>D",
            "Established{K3,D} connected newCall A>D",
            "Conferenced{K1,A} connected conference and{K3,A} to=D [{K1,A}<{K1,A} {K1,B}<{K1,B} {K1,C}<{K1,C} {K1,D}<{K3,D}]",
        ],
        "D": [
            "Delivered{K3,D} alerting newCall A>D",
            "Established{K3,D} connected newCall A>D",
            "Conferenced{K1,A} connected conference and{K3,A} to=D [{K1,A}<{K1,A} {K1,B}<{K1,B} {K1,C}<{K1,C} {K1,D}<{K3,D}]",
        ],
    },
    only={"skip": {}},
    leaves={"K1": {"A": "connected", "B": "connected", "C": "connected", "D": "connected"}},
)
scenario(
    "14-one-left-before-it-started",
    [
        *_START,
        [("C", ev("Released", leg("c1", "K2 Te Re A", release="local")))],
        [("A", conf("Started", "a1", "a2")), ("A", ev("Released", leg("a2", "K2 Or Re C", release="remote")))],
    ],
    {
        "A": [*_A, "ConnectionCleared{K2,C} connected normalClearing", "ConnectionCleared{K2,A} null normalClearing"],
        "B": _B,
        "C": [*_C, "ConnectionCleared{K2,C} null normalClearing"],
    },
    only={"skip": {}},
    leaves={"K1": {"A": "hold", "B": "connected"}},
)

# 15 barge-in and silent monitoring: S enters A-B

for told, kind, cause in (
    ("BargedIn", "Barge-In", "intrude"),
    ("Monitored", "Silently Monitored", "silentParticipation"),
    ("Monitored", "Supervisor Coached", "silentParticipation"),
):
    for k in ("K1", "K9", "K7") if kind == "Barge-In" else ("K7",):
        joined = f"Conferenced{{K1,B}} connected {cause} to=S [{{K1,A}}<{{K1,A}} {{K1,B}}<{{K1,B}} {{K1,S}}]"
        scenario(
            f"15-{kind.replace(' ', '-').lower()}-{k}",
            [
                talk(),
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
                "A": [
                    "Originated{K1,A} connected newCall A>B",
                    "Delivered{K1,B} connected newCall A>B",
                    "Established{K1,B} connected newCall A>B",
                    joined,
                    "ConnectionCleared{K1,S} connected normalClearing",
                ],
                "B": [
                    "Delivered{K1,B} alerting newCall A>B",
                    "Established{K1,B} connected newCall A>B",
                    joined,
                    "ConnectionCleared{K1,S} connected normalClearing",
                ],
                "S": [
                    "Originated{K9,S} connected newCall S>B",
                    "ConnectionCleared{K9,S} null callPickup",
                    joined,
                    "ConnectionCleared{K1,S} null normalClearing",
                ],
            },
            either={"S": [joined, "ConnectionCleared{K1,S} null normalClearing"]},
            only={"skip": {}},
            leaves={"K1": {"A": "connected", "B": "connected"}},
        )

# 29 second call

_SECOND: list[Stream] = [("A", ev("Received", leg("a2", "K2 Te Al X")))]
_FIRST = [[("A", ev("Received", leg("a1", "K1 Te Al Y"))), ("A", ev("Answered", leg("a1", "K1 Te Ac Y")))]]
_HEARD_FIRST = ["Delivered{K1,A} alerting newCall Y>A", "Established{K1,A} connected newCall Y>A"]
for held_first in (True, False):
    swap: list[Stream] = [("A", ev("Held", leg("a1", "K1 Te He Y"))), ("A", ev("Answered", leg("a2", "K2 Te Ac X")))]
    scenario(
        f"29-call-waiting-{'held' if held_first else 'answered'}-first",
        [*_FIRST, _SECOND, [("A", 0.3)], swap if held_first else swap[::-1]],
        {
            "A": [
                *_HEARD_FIRST,
                "Delivered{K2,A} alerting newCall X>A",
                "Held{K1,A} hold normal",
                "Established{K2,A} connected newCall X>A",
            ]
        },
        leaves={"K1": {"Y": "connected", "A": "hold"}, "K2": {"X": "connected", "A": "connected"}},
    )
scenario(
    "29-call-waiting-off-P-GUARD",
    [*_FIRST, [*_SECOND, ("A", ev("Released", leg("a2", "K2 Te Re X", why="Busy", release="local")))]],
    {"A": _HEARD_FIRST},
    leaves={"K1": {"Y": "connected", "A": "connected"}},
)
scenario(
    "11-busy-P-GUARD-P-DIVUNSEEN",
    [*_FIRST, [*_SECOND, ("A", ev("Redirected", leg("a2", "K2 Te De X", to="C", reason="user-busy")))]],
    {"A": [*_HEARD_FIRST, "Diverted{K2,A} null callForwardBusy X>A to=C"]},
    leaves={"K1": {"Y": "connected", "A": "connected"}},
)
scenario(
    "29-busy-for-a-user-P-GUARD",
    [
        *_FIRST,
        [
            ("B", ev("Originated", leg("b2", "K2 Or Al A"))),
            ("A", ev("Received", leg("a2", "K2 Te Al B"))),
            ("A", ev("Released", leg("a2", "K2 Te Re B", why="Busy"))),
            ("B", ev("Released", leg("b2", "K2 Or Re A", why="Busy", release="remote"))),
        ],
    ],
    {
        "A": _HEARD_FIRST,
        "B": [
            "Originated{K2,B} connected newCall B>A",
            "Failed{K2,A} connected busy B>A",
            "ConnectionCleared{K2,B} null normalClearing",
        ],
    },
    leaves={"K1": {"Y": "connected", "A": "connected"}},
)
