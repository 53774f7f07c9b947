"""Golden call flows in which a call changes hands: transfer, deflection, forwarding, pick-up and park."""

from __future__ import annotations

from tests.bridge.flows import Stream, ev, intend, leg, parked
from tests.bridge.scenarios import CONSULT_B, CONSULT_C, CONSULT_PHONE, HELD_A, HELD_B, TALK_A, TALK_B, scenario, talk

__all__: list[str] = []

# 8 consultation transfer: A-B, B consults C, B transfers. Which id survives, and how C hears of it, is not known: all must be the same


def _transferred(k: str, c_hears: str, released: bool) -> list[Stream]:
    script: list[Stream] = [
        (
            "B",
            ev("Redirected", leg("b1", "K1 Te De A", to="C"), leg("b2", "K2 Or De C", to="A")),
        ),
        ("A", ev("Transferred", leg("a1", f"{k} Or Ac C"))),
        ("C", ev(c_hears, leg("c1", f"{k} Te Ac A"))),
    ]
    if released:
        script += [("B", ev("Released", leg("b1", "K1 Te Re A"))), ("B", ev("Released", leg("b2", "K2 Or Re C")))]
    return script


def _consult_rows(k: str, cause: str = "transfer") -> dict[str, str]:
    items = f"[{{{k},A}}<{{K1,A}} {{{k},C}}<{{K2,C}}]"
    return {
        d: f"Transfered{{K1,B}} {s} {cause} and{{K2,B}} to=C {items}" for d, s in (("A", "connected"), ("B", "null"), ("C", "connected"))
    }


for k in ("K1", "K2", "K3"):
    for c_hears in ("Transferred", "Updated"):
        for released in (True, False):
            rows = _consult_rows(k)
            only_b = _consult_rows("K2")["B"]
            scenario(
                f"8-transfer-by-phone-P-JOIN-{k}-{c_hears}-{'released' if released else 'not-released'}",
                [talk(), CONSULT_PHONE, _transferred(k, c_hears, released)],
                {"A": [*TALK_A, HELD_A, rows["A"]], "B": [*TALK_B, HELD_B, *CONSULT_B, rows["B"]], "C": [*CONSULT_C, rows["C"]]},
                only={
                    "A": {"A": [*TALK_A, HELD_A, f"Transfered{{K1,B}} connected transfer to=C [{{{k},A}}<{{K1,A}} {{{k},C}}]"]}
                    if k != "K2"
                    else {"A": [*TALK_A, HELD_A, "Transfered{K1,B} connected transfer to=C [{K2,A}<{K1,A} {K2,C}]"]},
                    "B": {"B": [*TALK_B, HELD_B, *CONSULT_B, only_b]},
                    "C": {"C": [*CONSULT_C, f"Transfered{{K2,B}} connected transfer to=A [{{{k},C}}<{{K2,C}} {{{k},A}}]"]},
                },
                leaves={k: {"A": "connected", "C": "connected"}},
            )

_CONSULT_SERVICE: list[Stream] = [
    ("B", ev("Held", leg("b1", "K1 Te He A"))),
    ("A", ev("Held", leg("a1", "K1 Or RH B"))),
    ("B", ev("Originating", leg("b2", "K2 CtD Al C"))),
    *CONSULT_PHONE[2:],
]
scenario(
    "8-consultation-by-service-P-HCAUSE",
    [talk(), [intend("ConsultationCall", "B", "b1", target="C")], _CONSULT_SERVICE],
    {
        "A": [*TALK_A, "Held{K1,B} connected consultation"],
        "B": [
            *TALK_B,
            "Held{K1,B} hold consultation",
            "ServiceInitiated{K2,B} initiated consultation",
            "Originated{K2,B} connected consultation B>C",
            "Delivered{K2,C} connected consultation B>C",
            "Established{K2,C} connected newCall B>C",
        ],
        "C": ["Delivered{K2,C} alerting consultation B>C", "Established{K2,C} connected newCall B>C"],
    },
    only={
        "A": {"A": [*TALK_A, HELD_A]},
        "AC": {"A": [*TALK_A, HELD_A], "C": ["Delivered{K2,C} alerting consultation B>C", "Established{K2,C} connected newCall B>C"]},
    },
    leaves={"K1": {"A": "connected", "B": "hold"}, "K2": {"B": "connected", "C": "connected"}},
)
scenario(
    "8-semi-attended",
    [
        talk(),
        CONSULT_PHONE[:5],
        [
            ("B", ev("Redirected", leg("b1", "K1 Te De A", to="C"), leg("b2", "K2 Or De C", to="A"))),
            ("A", ev("Transferred", leg("a1", "K3 Or Al C"))),
            ("C", ev("Updated", leg("c1", "K3 Te Al A"))),
        ],
        [("C", ev("Answered", leg("c1", "K3 Te Ac A"))), ("A", ev("Answered", leg("a1", "K3 Or Ac C")))],
    ],
    {
        "A": [
            *TALK_A,
            HELD_A,
            "Transfered{K1,B} connected transfer and{K2,B} to=C [{K3,A}<{K1,A} {K3,C}<{K2,C}]",
            "Established{K3,C} connected newCall A>C lr=B",
        ],
        "B": [
            *TALK_B,
            HELD_B,
            *CONSULT_B[:2],
            "Transfered{K1,B} null transfer and{K2,B} to=C [{K3,A}<{K1,A} {K3,C}<{K2,C}]",
        ],
        "C": [
            CONSULT_C[0],
            "Transfered{K1,B} alerting transfer and{K2,B} to=C [{K3,A}<{K1,A} {K3,C}<{K2,C}]",
            "Established{K3,C} connected newCall A>C lr=B",
        ],
    },
    only={
        "A": {
            "A": [
                *TALK_A,
                HELD_A,
                "Transfered{K1,B} connected singleStepTransfer to=C [{K3,A}<{K1,A} {K3,C}]",
                "Delivered{K3,C} connected singleStepTransfer A>B lr=B",
                "Established{K3,C} connected singleStepTransfer A>B lr=B",
            ]
        },
        "B": {
            "B": [*TALK_B, HELD_B, *CONSULT_B[:2], "Transfered{K1,B} null transfer and{K2,B} to=C [{K2,A}<{K1,A} {K2,C}<{K2,C}]"],
        },
        "C": {
            "C": [
                CONSULT_C[0],
                "Transfered{K2,B} alerting transfer to=A [{K3,C}<{K2,C} {K3,A}]",
                "Established{K3,C} connected newCall A>C lr=B",
            ]
        },
    },
    leaves={"K3": {"A": "connected", "C": "connected"}},
)
scenario(
    "8-transfer-P-RED-diverted",
    [talk(), CONSULT_PHONE, _transferred("K3", "Transferred", True)],
    {
        "A": [*TALK_A, HELD_A, _consult_rows("K3")["A"]],
        "B": [*TALK_B, HELD_B, *CONSULT_B, "Diverted{K1,B} null transfer A>C lr=B to=C", "Diverted{K2,B} null transfer A>C lr=B to=A"],
        "C": [*CONSULT_C, _consult_rows("K3")["C"]],
    },
    only={
        "A": {"A": [*TALK_A, HELD_A, "Transfered{K1,B} connected transfer to=C [{K3,A}<{K1,A} {K3,C}]"]},
        "C": {"C": [*CONSULT_C, "Transfered{K2,B} connected transfer to=A [{K3,C}<{K2,C} {K3,A}]"]},
    },
    policy={"P-RED": "diverted"},
    leaves={"K3": {"A": "connected", "C": "connected"}},
)
scenario(
    "8-consultation-cleared",
    [
        talk(),
        CONSULT_PHONE,
        [
            ("C", ev("Released", leg("c1", "K2 Te Re B", release="local"))),
            ("B", ev("Released", leg("b2", "K2 Or Re C", release="remote"))),
        ],
    ],
    {
        "A": [*TALK_A, HELD_A],
        "B": [
            *TALK_B,
            HELD_B,
            *CONSULT_B,
            "ConnectionCleared{K2,C} connected normalClearing",
            "ConnectionCleared{K2,B} null normalClearing",
        ],
        "C": [*CONSULT_C, "ConnectionCleared{K2,C} null normalClearing"],
    },
    leaves={"K1": {"A": "connected", "B": "hold"}},
)

# 9 single step transfer


def _blind(k: str) -> list[Stream]:
    return [
        ("B", ev("Redirected", leg("b1", "K1 Te De A", to="C"))),
        ("B", ev("Released", leg("b1", "K1 Te Re A"))),
        ("A", ev("Transferred", leg("a1", f"{k} Or Al C"))),
        ("C", ev("Received", leg("c1", f"{k} Te Al A", via=[("B", "transfer")]))),
        ("C", ev("Answered", leg("c1", f"{k} Te Ac A"))),
        ("A", ev("Answered", leg("a1", f"{k} Or Ac C"))),
    ]


for k in ("K1", "K3"):
    moved = f"singleStepTransfer to=C [{{{k},A}}<{{K1,A}} {{{k},C}}]"
    rings, answers = f"Delivered{{{k},C}}", f"Established{{{k},C}}"
    tail = "singleStepTransfer A>B lr=B"
    scenario(
        f"9-blind-transfer-{k}",
        [talk(), _blind(k)],
        {
            "A": [*TALK_A, f"Transfered{{K1,B}} connected {moved}", f"{rings} connected {tail}", f"{answers} connected {tail}"],
            "B": [*TALK_B, f"Transfered{{K1,B}} null {moved}"],
            "C": [f"{rings} alerting {tail}", f"{answers} connected {tail}"],
        },
        only={"B": {"B": [*TALK_B, "Transfered{K1,B} null singleStepTransfer to=C [{K1,A}<{K1,A} {K1,C}]"]}},
        leaves={k: {"A": "connected", "C": "connected"}},
    )

# 10 deflect, 11 forwarding

for k in ("K1", "K3"):
    for reason, cause in (("deflection", "redirected"), ("no-answer", "callForwardNoAnswer")):
        scenario(
            f"{'10-deflect' if reason == 'deflection' else '11-no-answer'}-{k}",
            [
                talk()[:3],
                [
                    ("B", ev("Redirected", leg("b1", "K1 Te De A", to="C", reason=reason))),
                    ("B", ev("Released", leg("b1", "K1 Te Re A"))),
                    ("A", ev("Forwarded", leg("a1", f"{k} Or Al C"))),
                    ("A", ev("Updated", leg("a1", f"{k} Or Al C"))),
                    ("C", ev("Received", leg("c1", f"{k} Te Al A", via=[("B", reason)]))),
                    ("C", ev("Answered", leg("c1", f"{k} Te Ac A"))),
                    ("A", ev("Answered", leg("a1", f"{k} Or Ac C"))),
                ],
            ],
            {
                "A": [
                    *TALK_A[:2],
                    f"Diverted{{K1,B}} connected {cause} A>B to=C",
                    f"Delivered{{K1,C}} connected {cause} A>B lr=B",
                    "Established{K1,C} connected newCall A>B lr=B",
                ],
                "B": [TALK_B[0], f"Diverted{{K1,B}} null {cause} A>B to=C"],
                "C": [f"Delivered{{K1,C}} alerting {cause} A>B lr=B", "Established{K1,C} connected newCall A>B lr=B"],
            },
            only={
                "A": {
                    "A": [
                        *TALK_A[:2],
                        "Diverted{K1,B} connected redirected A>B to=C",
                        "Delivered{K1,C} connected newCall A>B lr=B",
                        "Established{K1,C} connected newCall A>B lr=B",
                    ]
                },
                "AB": {
                    "A": [
                        *TALK_A[:2],
                        f"Diverted{{K1,B}} connected {cause} A>B to=C",
                        "Delivered{K1,C} connected newCall A>B lr=B",
                        "Established{K1,C} connected newCall A>B lr=B",
                    ],
                },
                "C": {
                    "C": [f"Delivered{{{k},C}} alerting {cause} A>B lr=B", f"Established{{{k},C}} connected newCall A>B lr=B"],
                },
            },
            leaves={"K1": {"A": "connected", "C": "connected"}},
        )
scenario(
    "10-deflect-P-DIVALL",
    [
        talk()[:3],
        [
            ("B", ev("Redirected", leg("b1", "K1 Te De A", to="C", reason="deflection"))),
            ("C", ev("Received", leg("c1", "K1 Te Al A", via=[("B", "deflection")]))),
        ],
    ],
    {
        "A": [*TALK_A[:2], "Delivered{K1,C} connected redirected A>B lr=B"],
        "B": [TALK_B[0], "Diverted{K1,B} null redirected A>B to=C"],
        "C": ["Delivered{K1,C} alerting redirected A>B lr=B"],
    },
    only={"A": {"A": TALK_A[:2]}, "AB": {"A": TALK_A[:2]}},
    policy={"P-DIVALL": "diverting"},
    leaves={"K1": {"A": "connected", "C": "alerting"}},
)

# 12 pick-up: A rings B, D picks up

_PICKED_A: list[Stream] = [("A", ev("PickedUp", leg("a1", "K9 Or Al D"))), ("A", ev("Answered", leg("a1", "K9 Or Ac D")))]
for k in ("K1", "K9", "K7"):
    _events: list[Stream] = [
        ("D", ev("Originated", leg("d1", "K9 Or Al"))),
        ("D", ev("Answered", leg("d1", f"{k} Or Ac A"))),
        ("A", ev("PickedUp", leg("a1", f"{k} Or Al D"))),
        ("A", ev("Answered", leg("a1", f"{k} Or Ac D"))),
        ("B", ev("Released", leg("b1", "K1 Te Re A", release="remote"))),
    ]
    _others_hear = {
        "A": [*TALK_A[:2], "Diverted{K1,B} connected callPickup A>B to=D", "Established{K1,D} connected callPickup A>B lr=B"],
        "B": [TALK_B[0], "Diverted{K1,B} null callPickup A>B to=D"],
    }
    for service in ("GroupPickupCall", "DirectedPickupCall"):
        scenario(
            f"12-pick-up-by-{service}-{k}",
            [talk()[:3], [intend(service, "D", target="B")], _events],
            {**_others_hear, "D": ["Established{K1,D} connected callPickup A>B lr=B"]},
            leaves={"K1": {"A": "connected", "D": "connected"}},
            only={"skip": {}},
        )
    scenario(
        f"12-pick-up-by-feature-code-P-MERGE-{k}",
        [talk()[:3], _events],
        {
            **_others_hear,
            "D": [
                "Originated{K9,D} connected newCall D>?",
                "ConnectionCleared{K9,D} null callPickup",
                "Established{K1,D} connected callPickup A>B lr=B",
            ],
        },
        either={"D": ["Established{K1,D} connected callPickup A>B lr=B"]},
        leaves={"K1": {"A": "connected", "D": "connected"}},
        only={"skip": {}},
    )

# 13 park against D, by service

scenario(
    "13-park-by-service",
    [
        talk(),
        [intend("ParkCall", "B", "b1", target="tel:D")],
        [
            ("B", ev("Released", leg("b1", "K1 Te Re A"))),
            ("A", ev("Held", leg("a1", "K1 Or RH B"))),
            ("D", parked("A")),
        ],
    ],
    {
        "A": [*TALK_A, "Diverted{K1,B} connected park A>B to=D", "Queued{K1,D} connected park A>B lr=B"],
        "B": [*TALK_B, "Diverted{K1,B} null park A>B to=D"],
        "D": ["Queued{K1,D} queued park A>B lr=B"],
    },
    leaves={"K1": {"A": "connected", "D": "queued"}},
    only={"skip": {}},
)
scenario(
    "13-park-by-phone-P-PARK-and-retrieve",
    [
        talk(),
        [("B", ev("Redirected", leg("b1", "K1 Te De A", to="D", reason="unknown"))), ("D", parked("A"))],
        [
            ("C", ev("Originated", leg("c1", "K9 Or Al"))),
            ("C", ev("Answered", leg("c1", "K7 Or Ac A"))),
            ("A", ev("ParkRetrieved", leg("a1", "K7 Or Ac C"))),
        ],
    ],
    {
        "A": [
            *TALK_A,
            "Diverted{K1,B} connected park A>B to=D",
            "Queued{K1,D} connected park A>B lr=B",
            "Diverted{K1,D} connected park A>B lr=B to=C",
            "Retrieved{K1,C} connected park",
        ],
        "B": [*TALK_B, "Diverted{K1,B} null park A>B to=D"],
        "C": [
            "Originated{K9,C} connected newCall C>?",
            "ConnectionCleared{K9,C} null park",
            "Retrieved{K1,C} connected park",
        ],
        "D": ["Queued{K1,D} queued park A>B lr=B", "Diverted{K1,D} null park A>B lr=B to=C"],
    },
    leaves={"K1": {"A": "connected", "C": "connected"}},
    only={"skip": {}},
)
