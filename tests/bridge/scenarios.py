"""The golden call flows as data: for each scenario what the streams say, and what the monitor on each device must hear.

The expectations are written for all parties monitored; ``only`` has those that differ when others are not monitored.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from tests.bridge.flows import Stream, ev, intend, leg

__all__ = ["SCENARIOS", "Scenario"]


@attrs.frozen
class Scenario:
    """:ivar script: phases of events; those of one phase may arrive in any order that keeps each user's own
    :ivar hears: by monitored device, with all of ``hears`` monitored
    :ivar either: what a device may hear instead, where the golden flow itself depends on whether a report was already sent
    :ivar only: by set of monitored devices (sorted letters), what differs
    """

    name: str
    script: Sequence[Sequence[Stream]]
    hears: dict[str, list[str]]
    only: dict[str, dict[str, list[str]]] = attrs.Factory(dict)
    either: dict[str, list[str]] = attrs.Factory(dict)
    policy: dict[str, str | int] | None = None
    leaves: dict[str, dict[str, str]] = attrs.Factory(dict)


def talk(a: str = "A", b: str = "B", k: str = "K1", la: str = "a1", lb: str = "b1") -> list[Stream]:
    return [
        (a, ev("Originated", leg(la, f"{k} Or Al {b}"))),
        (b, ev("Received", leg(lb, f"{k} Te Al {a}"))),
        (a, ev("Updated", leg(la, f"{k} Or Al {b}"))),
        (b, ev("Answered", leg(lb, f"{k} Te Ac {a}"))),
        (a, ev("Answered", leg(la, f"{k} Or Ac {b}"))),
    ]


TALK_A = ["Originated{K1,A} connected newCall A>B", "Delivered{K1,B} connected newCall A>B", "Established{K1,B} connected newCall A>B"]
TALK_B = ["Delivered{K1,B} alerting newCall A>B", "Established{K1,B} connected newCall A>B"]
ONLY_A = ["Originated{K1,A} connected newCall A>B", "Established{K1,B} connected newCall A>B"]

SCENARIOS: list[Scenario] = []


def scenario(name: str, script: Sequence[Sequence[Stream]], hears: dict[str, list[str]], **more: object) -> None:
    SCENARIOS.append(Scenario(name, script, hears, **more))  # type: ignore[arg-type]


# 1 internal call from the phone

scenario(
    "1-caller-hangs-up",
    [
        [
            *talk(),
            ("A", ev("Released", leg("a1", "K1 Or Re B", release="local"))),
            ("B", ev("Released", leg("b1", "K1 Te Re A", release="remote"))),
        ]
    ],
    {
        "A": [*TALK_A, "ConnectionCleared{K1,A} null normalClearing"],
        "B": [*TALK_B, "ConnectionCleared{K1,A} connected normalClearing", "ConnectionCleared{K1,B} null normalClearing"],
    },
)
scenario(
    "1-called-hangs-up",
    [
        [
            *talk(),
            ("B", ev("Released", leg("b1", "K1 Te Re A", release="local"))),
            ("A", ev("Released", leg("a1", "K1 Or Re B", release="remote"))),
        ]
    ],
    {
        "A": [*TALK_A, "ConnectionCleared{K1,B} connected normalClearing", "ConnectionCleared{K1,A} null normalClearing"],
        "B": [*TALK_B, "ConnectionCleared{K1,B} null normalClearing"],
    },
)
scenario(
    "1-no-word-that-it-rings",
    [[talk()[0], *talk()[3:]]],
    {"A": ONLY_A},
    leaves={"K1": {"A": "connected", "B": "connected"}},
)
scenario(
    "1-caller-gives-up-P-CANCEL",
    [
        [
            *talk()[:3],
            ("A", ev("Released", leg("a1", "K1 Or Re B", release="local"))),
            ("B", ev("Released", leg("b1", "K1 Te Re A", release="remote"))),
        ]
    ],
    {
        "A": [*TALK_A[:2], "ConnectionCleared{K1,A} null normalClearing"],
        "B": [TALK_B[0], "ConnectionCleared{K1,A} alerting normalClearing", "ConnectionCleared{K1,B} null callCancelled"],
    },
)

# 2 outgoing external, 3 incoming external

scenario(
    "2-outgoing-external",
    [
        [
            ("A", ev("Originated", leg("a1", "K1 Or Al X"))),
            ("A", ev("Updated", leg("a1", "K1 Or Al X"))),
            ("A", ev("Answered", leg("a1", "K1 Or Ac X"))),
            ("A", ev("Released", leg("a1", "K1 Or Re X", release="remote"))),
        ]
    ],
    {
        "A": [
            "Originated{K1,A} connected newCall A>X",
            "Delivered{K1,X} connected newCall A>X",
            "Established{K1,X} connected newCall A>X",
            "ConnectionCleared{K1,X} connected normalClearing",
            "ConnectionCleared{K1,A} null normalClearing",
        ]
    },
)
scenario(
    "2-outgoing-external-P-NR",
    [[("A", ev("Originated", leg("a1", "K1 Or Al X"))), ("A", ev("Updated", leg("a1", "K1 Or Al X")))]],
    {
        "A": [
            "Originated{K1,A} connected newCall A>X",
            "NetworkReached{K1,X} connected normal A>X",
            "Delivered{K1,X} connected newCall A>X",
        ]
    },
    policy={"P-NR": "on"},
    leaves={"K1": {"A": "connected", "X": "alerting"}},
)
scenario(
    "3-incoming-external",
    [
        [
            ("A", ev("Received", leg("a1", "K1 Te Al X"))),
            ("A", ev("Answered", leg("a1", "K1 Te Ac X"))),
            ("A", ev("Released", leg("a1", "K1 Te Re X", release="remote"))),
        ]
    ],
    {
        "A": [
            "Delivered{K1,A} alerting newCall X>A",
            "Established{K1,A} connected newCall X>A",
            "ConnectionCleared{K1,X} connected normalClearing",
            "ConnectionCleared{K1,A} null normalClearing",
        ]
    },
)
scenario(
    "3-caller-gives-up-P-CANCEL",
    [[("A", ev("Received", leg("a1", "K1 Te Al X"))), ("A", ev("Released", leg("a1", "K1 Te Re X", release="remote")))]],
    {
        "A": [
            "Delivered{K1,A} alerting newCall X>A",
            "ConnectionCleared{K1,X} alerting normalClearing",
            "ConnectionCleared{K1,A} null callCancelled",
        ]
    },
)

# 4 click-to-dial

_CLICK: Stream = ("A", ev("Originating", leg("a1", "K1 CtD Al B")))
_LIFT: Stream = ("A", ev("Originated", leg("a1", "K1 Or Al B")))

scenario(
    "4-make-call",
    [[_CLICK, _LIFT, *talk()[1:]]],
    {"A": ["ServiceInitiated{K1,A} initiated makeCall", "Originated{K1,A} connected makeCall A>B", *TALK_A[1:]], "B": TALK_B},
    leaves={"K1": {"A": "connected", "B": "connected"}},
)
scenario(
    "4-make-call-other-ids-after-lifting",
    [
        [
            _CLICK,
            ("A", ev("Originated", leg("a9", "K1 Or Al B"))),
            ("A", ev("Updated", leg("a9", "K1 Or Al B"))),
            ("A", ev("Answered", leg("a9", "K1 Or Ac B"))),
            talk()[1],
            talk()[3],
        ]
    ],
    {"A": ["ServiceInitiated{K1,A} initiated makeCall", "Originated{K1,A} connected makeCall A>B", *TALK_A[1:]], "B": TALK_B},
    leaves={"K1": {"A": "connected", "B": "connected"}},
)
scenario(
    "4-not-lifted",
    [[_CLICK, ("A", ev("Released", leg("a1", "K1 CtD Re B", release="remote")))]],
    {"A": ["ServiceInitiated{K1,A} initiated makeCall", "ConnectionCleared{K1,A} null callNotAnswered"]},
)
scenario(
    "4-aborted-by-phone",
    [[_CLICK, ("A", ev("Released", leg("a1", "K1 CtD Re B", release="local")))]],
    {"A": ["ServiceInitiated{K1,A} initiated makeCall", "ConnectionCleared{K1,A} null callCancelled"]},
)
scenario(
    "4-aborted-by-service",
    [[_CLICK], [intend("ClearConnection", "A", "a1")], [("A", ev("Released", leg("a1", "K1 CtD Re B", release="local")))]],
    {"A": ["ServiceInitiated{K1,A} initiated makeCall", "ConnectionCleared{K1,A} null normalClearing"]},
)

# 5 calls that fail

scenario(
    "5-number-does-not-exist",
    [
        [
            _CLICK,
            _LIFT,
            ("A", ev("Releasing", leg("a1", "K1 Or Ac B", why="Translation Failure"))),
            ("A", ev("Released", leg("a1", "K1 Or Re B", why="Translation Failure", release="remote"))),
        ]
    ],
    {
        "A": [
            "ServiceInitiated{K1,A} initiated makeCall",
            "Originated{K1,A} connected makeCall A>B",
            "Failed{K1,A} fail invalidNumberFormat A>B",
            "ConnectionCleared{K1,A} null normalClearing",
        ]
    },
)
for treatment, name in ((True, "5-busy-with-treatment"), (False, "5-busy-P-FAIL")):
    scenario(
        name,
        [
            [
                ("A", ev("Originated", leg("a1", "K1 Or Al B"))),
                *([("A", ev("Releasing", leg("a1", "K1 Or Al B", why="Busy")))] if treatment else []),
                ("A", ev("Released", leg("a1", "K1 Or Re B", why="Busy", release="remote"))),
            ]
        ],
        {
            "A": [
                "Originated{K1,A} connected newCall A>B",
                "Failed{K1,B} connected busy A>B",
                "ConnectionCleared{K1,A} null normalClearing",
            ]
        },
    )
scenario(
    "5-busy-P-FAIL-off",
    [[talk()[0], ("A", ev("Released", leg("a1", "K1 Or Re B", why="Busy", release="remote")))]],
    {"A": ["Originated{K1,A} connected newCall A>B", "ConnectionCleared{K1,A} null busy"]},
    policy={"P-FAIL": "off"},
)
scenario(
    "5-not-answered",
    [
        [
            *talk()[:3],
            ("A", ev("Released", leg("a1", "K1 Or Re B", release="remote"))),
            ("B", ev("Released", leg("b1", "K1 Te Re A", release="remote"))),
        ]
    ],
    {
        "A": [*TALK_A[:2], "ConnectionCleared{K1,B} connected callNotAnswered", "ConnectionCleared{K1,A} null normalClearing"],
        "B": [TALK_B[0], "ConnectionCleared{K1,B} null callNotAnswered"],
    },
    only={
        # without the caller's word a call that was not answered looks like one that was cancelled
        "B": {"B": [TALK_B[0], "ConnectionCleared{K1,A} alerting normalClearing", "ConnectionCleared{K1,B} null callCancelled"]},
    },
)
scenario(
    "5-rejected",
    [
        [
            *talk()[:3],
            ("B", ev("Released", leg("b1", "K1 Te Re A", release="local"))),
            ("A", ev("Released", leg("a1", "K1 Or Re B", why="Busy", release="remote"))),
        ]
    ],
    {
        "A": [*TALK_A[:2], "ConnectionCleared{K1,B} connected callCancelled", "ConnectionCleared{K1,A} null busy"],
        "B": [TALK_B[0], "ConnectionCleared{K1,B} null callCancelled"],
    },
    only={"A": {"A": [*TALK_A[:2], "Failed{K1,B} connected busy A>B", "ConnectionCleared{K1,A} null normalClearing"]}},
)

# 7 hold and retrieve

scenario(
    "7-hold-and-retrieve",
    [
        [
            *talk(),
            ("B", ev("Held", leg("b1", "K1 Te He A"))),
            ("A", ev("Held", leg("a1", "K1 Or RH B"))),
            ("B", ev("Retrieved", leg("b1", "K1 Te Ac A"))),
            ("A", ev("Retrieved", leg("a1", "K1 Or Ac B"))),
        ]
    ],
    {
        "A": [*TALK_A, "Held{K1,B} connected normal", "Retrieved{K1,B} connected normal"],
        "B": [*TALK_B, "Held{K1,B} hold normal", "Retrieved{K1,B} connected normal"],
    },
    leaves={"K1": {"A": "connected", "B": "connected"}},
)
scenario(
    "7-both-hold",
    [
        [
            *talk(),
            ("B", ev("Held", leg("b1", "K1 Te He A"))),
            ("A", ev("Held", leg("a1", "K1 Or RH B"))),
        ],
        [("A", ev("Held", leg("a1", "K1 Or He B")))],
        [("A", ev("Retrieved", leg("a1", "K1 Or RH B")))],
    ],
    {
        "A": [*TALK_A, "Held{K1,B} connected normal", "Held{K1,A} hold normal", "Retrieved{K1,A} connected normal"],
        "B": [*TALK_B, "Held{K1,B} hold normal", "Held{K1,A} hold normal", "Retrieved{K1,A} hold normal"],
    },
    only={
        "B": {"B": [*TALK_B, "Held{K1,B} hold normal"]},
    },
    leaves={"K1": {"A": "connected", "B": "hold"}},
)

# 16 alternate

CONSULT_PHONE: list[Stream] = [
    ("B", ev("Held", leg("b1", "K1 Te He A"))),
    ("A", ev("Held", leg("a1", "K1 Or RH B"))),
    ("B", ev("Originated", leg("b2", "K2 Or Al C"))),
    ("B", ev("Updated", leg("b2", "K2 Or Al C"))),
    ("C", ev("Received", leg("c1", "K2 Te Al B"))),
    ("C", ev("Answered", leg("c1", "K2 Te Ac B"))),
    ("B", ev("Answered", leg("b2", "K2 Or Ac C"))),
]
CONSULT_B = [
    "Originated{K2,B} connected newCall B>C",
    "Delivered{K2,C} connected newCall B>C",
    "Established{K2,C} connected newCall B>C",
]
CONSULT_C = ["Delivered{K2,C} alerting newCall B>C", "Established{K2,C} connected newCall B>C"]
HELD_A, HELD_B = "Held{K1,B} connected normal", "Held{K1,B} hold normal"

scenario(
    "16-alternate-by-phone",
    [
        talk(),
        CONSULT_PHONE,
        [("B", ev("Held", leg("b2", "K2 Or He C"))), ("B", ev("Retrieved", leg("b1", "K1 Te Ac A")))],
        [("A", ev("Retrieved", leg("a1", "K1 Or Ac B"))), ("C", ev("Held", leg("c1", "K2 Te RH B")))],
    ],
    {
        "A": [*TALK_A, HELD_A, "Retrieved{K1,B} connected normal"],
        "B": [*TALK_B, HELD_B, *CONSULT_B, "Held{K2,B} hold normal", "Retrieved{K1,B} connected normal"],
        "C": [*CONSULT_C, "Held{K2,B} connected normal"],
    },
    leaves={"K1": {"A": "connected", "B": "connected"}, "K2": {"B": "hold", "C": "connected"}},
)
scenario(
    "16-alternate-by-service",
    [
        talk(),
        CONSULT_PHONE,
        [intend("AlternateCall", "B", "b1", "b2")],
        [
            ("B", ev("Held", leg("b2", "K2 Or He C"))),
            ("B", ev("Retrieved", leg("b1", "K1 Te Ac A"))),
            ("A", ev("Retrieved", leg("a1", "K1 Or Ac B"))),
            ("C", ev("Held", leg("c1", "K2 Te RH B"))),
        ],
    ],
    {
        "A": [*TALK_A, HELD_A, "Retrieved{K1,B} connected alternate"],
        "B": [*TALK_B, HELD_B, *CONSULT_B, "Held{K2,B} hold alternate", "Retrieved{K1,B} connected alternate"],
        "C": [*CONSULT_C, "Held{K2,B} connected alternate"],
    },
    only={
        # who does not monitor B cannot know that a request of ours was the reason
        "AC": {
            "A": [*TALK_A, HELD_A, "Retrieved{K1,B} connected normal"],
            "C": [*CONSULT_C, "Held{K2,B} connected normal"],
        },
        "A": {"A": [*TALK_A, HELD_A, "Retrieved{K1,B} connected normal"]},
        "C": {"C": [*CONSULT_C, "Held{K2,B} connected normal"]},
    },
    leaves={"K1": {"A": "connected", "B": "connected"}, "K2": {"B": "hold", "C": "connected"}},
)
