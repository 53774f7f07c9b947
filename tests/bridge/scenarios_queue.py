"""Golden flows of calls that wait at call centers and route points, and are offered to agents."""

from __future__ import annotations

from tests.bridge.flows import Stream, acd, agent_leg, ev, leg, waiting
from tests.bridge.scenarios import scenario

__all__: list[str] = []

ADDED: Stream = ("Q", acd("CallAdded", "q1 K1 X", position=1))
OFFERED: Stream = ("Q", acd("CallOfferedToAgent", "q1 K1 X"))
RINGS: Stream = ("G", ev("Received", agent_leg("g1", "K1 Te Al X")))
TAKEN: Stream = ("Q", acd("CallAnsweredByAgent", "q1 K1 X", agent="G g1"))
ANSWERS: Stream = ("G", ev("Answered", agent_leg("g1", "K1 Te Ac X")))

Q_QUEUED = "Queued{K1,Q} queued enteringDistribution X>Q"
Q_RINGS = "Delivered{K1,G} queued distributed X>Q lr=Q"
Q_NOBODY = "Delivered{K1,?} queued distributed X>Q lr=Q"
Q_TAKEN = "Diverted{K1,Q} null distributed X>Q lr=Q to=G"
G_RINGS = "Delivered{K1,G} alerting distributed X>Q lr=Q"
G_TAKEN = "Diverted{K1,Q} alerting distributed X>Q lr=Q to=G"
G_ANSWERS = "Established{K1,G} connected distributed X>Q lr=Q"

# 17 a-d: queued, offered, answered

scenario(
    "17-answered-by-agent",
    [[ADDED, OFFERED, RINGS], [TAKEN, ANSWERS]],
    {"G": [G_RINGS, G_TAKEN, G_ANSWERS], "Q": [Q_QUEUED, Q_RINGS, Q_TAKEN]},
    only={"G": {"G": [G_RINGS, G_ANSWERS]}, "Q": {"Q": [Q_QUEUED, Q_NOBODY, Q_TAKEN]}},
    leaves={"K1": {"X": "connected", "G": "connected"}},
)
scenario(
    "17-answered-in-one-go",
    [[ADDED, OFFERED, RINGS, TAKEN, ANSWERS]],
    {"G": [G_RINGS, G_TAKEN, G_ANSWERS], "Q": [Q_QUEUED, Q_RINGS, Q_TAKEN]},
    only={"G": {"G": [G_RINGS, G_ANSWERS]}, "Q": {"Q": [Q_QUEUED, Q_NOBODY, Q_TAKEN]}},
    leaves={"K1": {"X": "connected", "G": "connected"}},
)
scenario(
    "17-P-OFFER-none",
    [[ADDED, OFFERED, TAKEN]],
    {"Q": [Q_QUEUED, Q_TAKEN]},
    policy={"P-OFFER": "none"},
    leaves={},
)
scenario(
    "17-the-queue's-word-comes-too-late",
    [[ADDED, OFFERED, RINGS], [ANSWERS], [("Q", 0.3)], [TAKEN]],
    {"G": [G_RINGS, "Established{K1,G} connected distributed X>Q lr=Q", "Diverted{K1,Q} connected distributed X>Q lr=Q to=G"],
     "Q": [Q_QUEUED, Q_RINGS, "Established{K1,G} queued distributed X>Q lr=Q", Q_TAKEN]},
    only={"G": {"G": [G_RINGS, G_ANSWERS]}, "Q": {"Q": [Q_QUEUED, Q_NOBODY, Q_TAKEN]}},
    leaves={"K1": {"X": "connected", "G": "connected"}},
)  # fmt: skip
scenario(
    "17-P-ACDJOIN",
    [
        [ADDED],
        [("G", ev("Received", agent_leg("g1", "K9 Te Al X"))), OFFERED],
        [TAKEN, ("G", ev("Answered", agent_leg("g1", "K9 Te Ac X")))],
    ],
    {"G": [G_RINGS, G_TAKEN, G_ANSWERS], "Q": [Q_QUEUED, Q_RINGS, Q_TAKEN]},
    only={"G": {"G": [G_RINGS.replace("K1", "K9"), G_ANSWERS.replace("K1", "K9")]}, "Q": {"Q": [Q_QUEUED, Q_NOBODY, Q_TAKEN]}},
    leaves={"K1": {"X": "connected", "G": "connected"}},
)
scenario(
    "17-P-ACDJOIN-tracking-id",
    [[ADDED], [("G", ev("Received", agent_leg("g1", "K9 Te Al X"))), ("G", 0.6)], [OFFERED]],
    {"G": [G_RINGS.replace("K1", "K9")], "Q": [Q_QUEUED, Q_NOBODY]},
    policy={"P-ACDJOIN": "tracking-id"},
    leaves={"K1": {"X": "connected", "Q": "queued"}, "K9": {"X": "connected", "G": "alerting"}},
)

# a monitored caller

CALLS: Stream = ("A", ev("Originated", leg("a1", "K1 Or Al Q")))
MUSIC: Stream = ("A", ev("Answered", leg("a1", "K1 Or Ac Q")))
A_ADDED: Stream = ("Q", acd("CallAdded", "q1 K1 A", position=1))
A_OFFERED: Stream = ("Q", acd("CallOfferedToAgent", "q1 K1 A"))
A_RINGS: Stream = ("G", ev("Received", agent_leg("g1", "K1 Te Al A")))
A_TAKEN: Stream = ("Q", acd("CallAnsweredByAgent", "q1 K1 A", agent="G g1"))
A_ANSWERS: Stream = ("G", ev("Answered", agent_leg("g1", "K1 Te Ac A")))
SHOWN: Stream = ("A", ev("Updated", leg("a1", "K1 Or Ac G")))

A_QUEUED = ["Originated{K1,A} connected newCall A>Q", "Queued{K1,Q} connected enteringDistribution A>Q"]
A_RINGING = [*A_QUEUED, "Delivered{K1,G} connected distributed A>Q lr=Q"]
A_TALKS = [*A_RINGING, "Diverted{K1,Q} connected distributed A>Q lr=Q to=G", "Established{K1,G} connected distributed A>Q lr=Q"]
G_OF_A = [line.replace("X>Q", "A>Q") for line in (G_RINGS, G_TAKEN, G_ANSWERS)]
Q_OF_A = [line.replace("X>Q", "A>Q") for line in (Q_QUEUED, Q_RINGS, Q_TAKEN)]
Q_ALONE = [line.replace("X>Q", "A>Q") for line in (Q_QUEUED, Q_NOBODY, Q_TAKEN)]
A_NOBODY = "Delivered{K1,?} connected distributed A>Q lr=Q"

scenario(
    "17-caller-is-a-user",
    [[CALLS, A_ADDED, MUSIC], [A_OFFERED, A_RINGS], [A_TAKEN, A_ANSWERS, SHOWN]],
    {"A": A_TALKS, "G": G_OF_A, "Q": Q_OF_A},
    only={
        "A": {"A": [*A_QUEUED, "Diverted{K1,Q} connected distributed A>Q to=G", "Established{K1,G} connected distributed A>Q lr=Q"]},
        "G": {"G": [G_OF_A[0], G_OF_A[2]]},
        "Q": {"Q": Q_ALONE},
        "AQ": {"A": [*A_QUEUED, A_NOBODY, *A_TALKS[3:]], "Q": Q_ALONE},
    },
    leaves={"K1": {"A": "connected", "G": "connected"}},
)
scenario(
    "17-caller-holds-while-it-waits",
    [
        [CALLS, A_ADDED, MUSIC],
        [("A", ev("Held", leg("a1", "K1 Or He Q"))), ("A", ev("Retrieved", leg("a1", "K1 Or Ac Q")))],
    ],
    {
        "A": [*A_QUEUED, "Held{K1,A} hold normal", "Retrieved{K1,A} connected normal"],
        "Q": [Q_OF_A[0], "Held{K1,A} queued normal", "Retrieved{K1,A} queued normal"],
    },
    only={"Q": {"Q": Q_OF_A[:1]}},
    leaves={"K1": {"A": "connected", "Q": "queued"}},
)

# 17 a': another place in the line

scenario(
    "17-promoted-and-reordered",
    [
        [ADDED, ("Q", acd("CallAdded", "q2 K2 Y", position=2))],
        [("Q", acd("CallPromoted", "q2 K2 Y", position=1)), ("Q", acd("CallReordered", "q1 K1 X", position=1))],
    ],
    {
        "Q": [
            Q_QUEUED,
            "Queued{K2,Q} queued enteringDistribution Y>Q",
            "CallInformation{K2,Q} queued normal Y>Q to=Q",
            "CallInformation{K1,Q} queued normal X>Q to=Q",
        ]
    },
    leaves={"K1": {"X": "connected", "Q": "queued"}, "K2": {"Y": "connected", "Q": "queued"}},
)

# 17 e: bounced

BOUNCED: Stream = ("Q", acd("CallBounced", "q1 K1 X", position=1))
NO_ANSWER: Stream = ("G", ev("Redirected", agent_leg("g1", "K1 Te De X", to="Q", reason="no-answer")))
STOPS: Stream = ("G", ev("Released", agent_leg("g1", "K1 Te Re X", release="remote")))
LOCALLY: Stream = ("G", ev("Released", agent_leg("g1", "K1 Te Re X", release="local")))

Q_BACK = "Delivered{K1,Q} queued callNotAnswered X>Q lr=G"
Q_BACK_UNSEEN = "Delivered{K1,Q} queued callNotAnswered X>Q lr=Q"
Q_LEFT = "Diverted{K1,G} queued callNotAnswered X>Q lr=Q to=Q"
WAITS = {"K1": {"X": "connected", "Q": "queued"}}

scenario(
    "17-bounced-redirected",
    [[ADDED, OFFERED, RINGS], [BOUNCED, NO_ANSWER, STOPS]],
    {"G": [G_RINGS, "Diverted{K1,G} null callNotAnswered X>Q lr=Q to=Q"], "Q": [Q_QUEUED, Q_RINGS, Q_LEFT, Q_BACK]},
    only={"Q": {"Q": [Q_QUEUED, Q_NOBODY, Q_BACK_UNSEEN]}},
    leaves=WAITS,
)
for _name, _end in (("17-bounced-released", STOPS), ("17-declined", LOCALLY)):
    scenario(
        _name,
        [[ADDED, OFFERED, RINGS], [BOUNCED, _end]],
        {
            "G": [G_RINGS, "ConnectionCleared{K1,G} null callNotAnswered"],
            "Q": [Q_QUEUED, Q_RINGS, "ConnectionCleared{K1,G} queued callNotAnswered", Q_BACK],
        },
        only={
            "G": {"G": [G_RINGS, f"ConnectionCleared{{K1,G}} null {'callCancelled' if _end is STOPS else 'callNotAnswered'}"]},
            "Q": {"Q": [Q_QUEUED, Q_NOBODY, Q_BACK_UNSEEN]},
        },
        leaves=WAITS,
    )
scenario(
    "17-bounced-to-the-next-agent",
    [
        [ADDED, OFFERED, RINGS],
        [BOUNCED, NO_ANSWER, STOPS, OFFERED, ("S", ev("Received", agent_leg("s1", "K1 Te Al X")))],
    ],
    {
        "G": [G_RINGS, "Diverted{K1,G} null callNotAnswered X>Q lr=Q to=Q"],
        "Q": [Q_QUEUED, Q_RINGS, Q_LEFT, Q_BACK, "Delivered{K1,S} queued distributed X>Q lr=Q"],
        "S": ["Delivered{K1,S} alerting distributed X>Q lr=Q"],
    },
    only={"skip": {}},
    leaves={"K1": {"X": "connected", "Q": "queued", "S": "alerting"}},
)
scenario(
    "17-P-BOUNCE",
    [[ADDED, OFFERED, RINGS], [BOUNCED, LOCALLY]],
    {
        "G": [G_RINGS, "ConnectionCleared{K1,G} null callNotAnswered"],
        "Q": [
            Q_QUEUED,
            Q_RINGS,
            "ConnectionCleared{K1,G} queued callNotAnswered",
            "Queued{K1,Q} queued remainsInQueue X>Q lr=G",
        ],
    },
    only={"Q": {"Q": [Q_QUEUED, Q_NOBODY, "Queued{K1,Q} queued remainsInQueue X>Q lr=Q"]}},
    policy={"P-BOUNCE": "queued"},
    leaves=WAITS,
)
scenario(
    "17-bounced-twice-then-answered",
    [
        [ADDED, OFFERED, RINGS],
        [BOUNCED, LOCALLY],
        [OFFERED, ("G", ev("Received", agent_leg("g2", "K1 Te Al X")))],
        [BOUNCED, ("G", ev("Released", agent_leg("g2", "K1 Te Re X", release="local")))],
        [OFFERED, ("G", ev("Received", agent_leg("g3", "K1 Te Al X")))],
        [("Q", acd("CallAnsweredByAgent", "q1 K1 X", agent="G g3")), ("G", ev("Answered", agent_leg("g3", "K1 Te Ac X")))],
    ],
    {
        "G": [*[G_RINGS, "ConnectionCleared{K1,G} null callNotAnswered"] * 2, G_RINGS, G_TAKEN, G_ANSWERS],
        "Q": [
            Q_QUEUED,
            *[Q_RINGS, "ConnectionCleared{K1,G} queued callNotAnswered", Q_BACK] * 2,
            Q_RINGS,
            Q_TAKEN,
        ],
    },
    only={
        "G": {"G": [*[G_RINGS, "ConnectionCleared{K1,G} null callNotAnswered"] * 2, G_RINGS, G_ANSWERS]},
        "Q": {"Q": [Q_QUEUED, *[Q_NOBODY, Q_BACK_UNSEEN] * 2, Q_NOBODY, Q_TAKEN]},
    },
    leaves={"K1": {"X": "connected", "G": "connected"}},
)
scenario(
    "17-bounced-elsewhere",
    [
        [ADDED, OFFERED, RINGS],
        [("Q", acd("CallBounced", "q1 K1 X", to="Y", because="no-answer")), LOCALLY],
    ],
    {
        "G": [G_RINGS, "ConnectionCleared{K1,G} null callNotAnswered"],
        "Q": [
            Q_QUEUED,
            Q_RINGS,
            "ConnectionCleared{K1,G} queued callNotAnswered",
            "Diverted{K1,Q} null callForwardNoAnswer X>Q lr=G to=Y",
        ],
    },
    only={"Q": {"Q": [Q_QUEUED, Q_NOBODY, "Diverted{K1,Q} null callForwardNoAnswer X>Q lr=Q to=Y"]}},
)

# 17 f: overflow

for _reason, _cause in (("size", "capacityOverflow"), ("time", "queueTimeOverflow")):
    scenario(
        f"17-overflow-{_reason}",
        [[ADDED], [("Q", acd("CallOverflowed", "q1 K1 X", to="Y", reason=_reason))]],
        {"Q": [Q_QUEUED, f"Diverted{{K1,Q}} null {_cause} X>Q to=Y"]},
    )
scenario(
    "17-overflow-before-it-waited",
    [[("Q", acd("CallOverflowed", "q1 K1 X", to="Y", reason="size"))]],
    {"Q": ["Diverted{K1,Q} null capacityOverflow X>Q to=Y"]},
)
scenario(
    "17-overflow-with-treatment",
    [[ADDED], [("Q", acd("CallOverflowed", "q1 K1 X", reason="time", treatment_started=True))]],
    {"Q": [Q_QUEUED, "Failed{K1,Q} fail aCDSaturated X>Q", "ConnectionCleared{K1,Q} null normalClearing"]},
)
scenario(
    "17-overflow-to-another-queue",
    [
        [CALLS, A_ADDED, MUSIC],
        [
            ("Q", acd("CallOverflowed", "q1 K1 A", to="P", reason="time")),
            ("P", acd("CallAdded", "p1 K1 A", position=1, via=[("Q", "call-center")])),
        ],
    ],
    {
        "A": [
            *A_QUEUED,
            "Diverted{K1,Q} connected queueTimeOverflow A>Q to=P",
            "Queued{K1,P} connected enteringDistribution A>Q lr=Q",
        ],
        "P": ["Queued{K1,P} queued enteringDistribution A>Q lr=Q"],
        "Q": [Q_OF_A[0], "Diverted{K1,Q} null queueTimeOverflow A>Q to=P"],
    },
    only={
        "A": {"A": A_QUEUED},
        "AP": {"A": [*A_QUEUED, "Diverted{K1,Q} connected distributed A>Q to=P", "Queued{K1,P} connected enteringDistribution A>Q lr=Q"]},
        "AQ": {"A": [*A_QUEUED, "Diverted{K1,Q} connected queueTimeOverflow A>Q to=P"]},
    },
    leaves={"K1": {"A": "connected", "P": "queued"}},
)

# 17 g: abandoned

ABANDONED: Stream = ("Q", acd("CallAbandoned", "q1 K1 X"))
Q_GONE = "ConnectionCleared{K1,Q} null callCancelled"

scenario(
    "17-abandoned",
    [[ADDED], [ABANDONED]],
    {"Q": [Q_QUEUED, "ConnectionCleared{K1,X} queued callCancelled", Q_GONE]},
)
scenario("17-P-ABANDON", [[ADDED], [ABANDONED]], {"Q": [Q_QUEUED, Q_GONE]}, policy={"P-ABANDON": "queue"})
scenario(
    "17-abandoned-while-it-rings",
    [[ADDED, OFFERED, RINGS], [ABANDONED, STOPS]],
    {
        "G": [G_RINGS, "ConnectionCleared{K1,X} alerting callCancelled", "ConnectionCleared{K1,G} null callCancelled"],
        "Q": [
            Q_QUEUED,
            Q_RINGS,
            "ConnectionCleared{K1,X} queued callCancelled",
            "ConnectionCleared{K1,G} queued callCancelled",
            Q_GONE,
        ],
    },
    only={
        "G": {"G": [G_RINGS, "ConnectionCleared{K1,G} null callCancelled"]},
        "Q": {"Q": [Q_QUEUED, Q_NOBODY, "ConnectionCleared{K1,X} queued callCancelled", Q_GONE]},
    },
)
A_HANGS_UP: Stream = ("A", ev("Released", leg("a1", "K1 Or Re Q", release="local")))
A_ABANDONED: Stream = ("Q", acd("CallAbandoned", "q1 K1 A"))
A_STOPS: Stream = ("G", ev("Released", agent_leg("g1", "K1 Te Re A", release="remote")))
scenario(
    "17-user-abandons",
    [[CALLS, A_ADDED, MUSIC], [A_HANGS_UP, A_ABANDONED]],
    {
        "A": [*A_QUEUED, "ConnectionCleared{K1,A} null callCancelled"],
        "Q": [Q_OF_A[0], "ConnectionCleared{K1,A} queued callCancelled", Q_GONE],
    },
)
scenario(
    "17-user-abandons-while-it-rings",
    [[CALLS, A_ADDED, MUSIC, A_OFFERED, A_RINGS], [("Q", 0.6)], [A_HANGS_UP, A_ABANDONED, A_STOPS]],
    {
        "A": [*A_RINGING, "ConnectionCleared{K1,A} null callCancelled"],
        "G": [G_OF_A[0], "ConnectionCleared{K1,A} alerting callCancelled", "ConnectionCleared{K1,G} null callCancelled"],
        "Q": [
            *Q_OF_A[:2],
            "ConnectionCleared{K1,A} queued callCancelled",
            "ConnectionCleared{K1,G} queued callCancelled",
            Q_GONE,
        ],
    },
    only={
        "A": {"A": [*A_QUEUED, "ConnectionCleared{K1,A} null callCancelled"]},
        "G": {"G": [G_OF_A[0], "ConnectionCleared{K1,G} null callCancelled"]},
        "Q": {"Q": [*Q_ALONE[:2], "ConnectionCleared{K1,A} queued callCancelled", Q_GONE]},
        "AQ": {
            "A": [*A_QUEUED, A_NOBODY, "ConnectionCleared{K1,A} null callCancelled"],
            "Q": [*Q_ALONE[:2], "ConnectionCleared{K1,A} queued callCancelled", Q_GONE],
        },
    },
)

# 17 T, h, i: sent elsewhere

scenario(
    "17-transferred",
    [[ADDED], [("Q", acd("CallTransferred", "q1 K1 X", to="Y", because="transfer"))]],
    {"Q": [Q_QUEUED, "Diverted{K1,Q} null redirected X>Q to=Y"]},
)
scenario(
    "17-transferred-to-a-user",
    [
        [CALLS, A_ADDED, MUSIC],
        [
            ("Q", acd("CallTransferred", "q1 K1 A", to="B", because="transfer")),
            ("A", ev("Transferred", leg("a1", "K1 Or Al B"))),
            ("B", ev("Received", leg("b1", "K1 Te Al A", via=[("Q", "deflection")]))),
        ],
        [("B", ev("Answered", leg("b1", "K1 Te Ac A"))), ("A", ev("Answered", leg("a1", "K1 Or Ac B")))],
    ],
    {
        "A": [
            *A_QUEUED,
            "Diverted{K1,Q} connected redirected A>Q to=B",
            "Delivered{K1,B} connected redirected A>Q lr=Q",
            "Established{K1,B} connected newCall A>Q lr=Q",
        ],
        "B": ["Delivered{K1,B} alerting redirected A>Q lr=Q", "Established{K1,B} connected newCall A>Q lr=Q"],
        "Q": [Q_OF_A[0], "Diverted{K1,Q} null redirected A>Q to=B"],
    },
    only={
        "A": {"A": [*A_QUEUED, "Diverted{K1,Q} connected redirected A>Q to=B", "Delivered{K1,B} connected newCall A>Q lr=Q",
                    "Established{K1,B} connected newCall A>Q lr=Q"]},
        "AQ": {"A": [*A_QUEUED, "Diverted{K1,Q} connected redirected A>Q to=B", "Established{K1,B} connected newCall A>Q lr=Q"]},
    },
    leaves={"K1": {"A": "connected", "B": "connected"}},
)  # fmt: skip
for _event, _cause in (
    ("NightPolicyApplied", "calendarOverflow"),
    ("HolidayPolicyApplied", "calendarOverflow"),
    ("CallForwarded", "callForwardImmediate"),
):
    scenario(
        f"17-{_event}",
        [[("Q", acd(_event, "q1 K1 X", to="Y", because="unconditional"))]],
        {"Q": [f"Diverted{{K1,Q}} null {_cause} X>Q to=Y"]},
    )
scenario(
    "17-night-with-announcement",
    [[("Q", acd("NightPolicyApplied", "q1 K1 X"))]],
    {"Q": ["Diverted{K1,Q} null calendarOverflow X>Q to=?"]},
)
scenario(
    "17-night-for-a-user",
    [
        [
            CALLS,
            ("Q", acd("NightPolicyApplied", "q1 K1 A", to="B", because="time-of-day")),
            ("A", ev("Forwarded", leg("a1", "K1 Or Al B"))),
            ("B", ev("Received", leg("b1", "K1 Te Al A", via=[("Q", "time-of-day")]))),
        ]
    ],
    {
        "A": [
            A_QUEUED[0],
            "Diverted{K1,Q} connected calendarOverflow A>Q to=B",
            "Delivered{K1,B} connected callForward A>Q lr=Q",
        ],
        "B": ["Delivered{K1,B} alerting callForward A>Q lr=Q"],
        "Q": ["Diverted{K1,Q} null calendarOverflow A>Q to=B"],
    },
    only={
        "A": {"A": [A_QUEUED[0], "Diverted{K1,Q} connected redirected A>Q to=B"]},
        "AB": {"A": [A_QUEUED[0], "Diverted{K1,Q} connected callForward A>Q to=B", "Delivered{K1,B} connected callForward A>Q lr=Q"]},
        "AQ": {"A": [A_QUEUED[0], "Diverted{K1,Q} connected calendarOverflow A>Q to=B"]},
    },
    leaves={"K1": {"A": "connected", "B": "alerting"}},
)

# 17 j, k, l: the call leaves by itself

for _event, _cause in (
    ("Stranded", "noAvailableAgents"),
    ("StrandedUnavailable", "noAvailableAgents"),
    ("Escaped", "redirected"),
    ("Released", "normalClearing"),
):
    scenario(
        f"17-{_event}",
        [[ADDED], [("Q", acd(f"Call{_event}", "q1 K1 X"))]],
        {"Q": [Q_QUEUED, f"ConnectionCleared{{K1,Q}} null {_cause}"]},
    )
scenario(
    "17-stranded-elsewhere",
    [[ADDED], [("Q", acd("CallStranded", "q1 K1 X", to="Y"))]],
    {"Q": [Q_QUEUED, "ConnectionCleared{K1,Q} null noAvailableAgents"]},
)
scenario(
    "17-P-STRAND",
    [[ADDED], [("Q", acd("CallStranded", "q1 K1 X", to="Y"))]],
    {"Q": [Q_QUEUED, "Diverted{K1,Q} null noAvailableAgents X>Q to=Y"]},
    policy={"P-STRAND": "diverted"},
)
scenario(
    "17-queue-releases-a-user",
    [
        [CALLS, A_ADDED, MUSIC],
        [("Q", acd("CallStranded", "q1 K1 A")), ("A", ev("Released", leg("a1", "K1 Or Re Q", release="remote")))],
    ],
    {
        "A": [*A_QUEUED, "ConnectionCleared{K1,Q} connected noAvailableAgents", "ConnectionCleared{K1,A} null normalClearing"],
        "Q": [Q_OF_A[0], "ConnectionCleared{K1,Q} null noAvailableAgents"],
    },
    only={"A": {"A": [*A_QUEUED, "ConnectionCleared{K1,Q} connected normalClearing", "ConnectionCleared{K1,A} null normalClearing"]}},
)

# 17 m: the caller's side changes

scenario(
    "17-caller-transferred",
    [[ADDED], [("Q", acd("CallUpdated", "q1 K2 Y", reason="Call Transferred"))]],
    {"Q": [Q_QUEUED, "Transfered{K1,X} queued transfer to=Y [{K2,Q}<{K1,Q} {K2,Y}]"]},
    leaves={"K2": {"Y": "connected", "Q": "queued"}},
)
scenario(
    "17-caller-transfers-its-call",
    [
        [CALLS, A_ADDED, MUSIC],
        [
            ("A", ev("Held", leg("a1", "K1 Or He Q"))),
            ("A", ev("Originated", leg("a2", "K2 Or Al B"))),
            ("B", ev("Received", leg("b1", "K2 Te Al A"))),
            ("B", ev("Answered", leg("b1", "K2 Te Ac A"))),
            ("A", ev("Answered", leg("a2", "K2 Or Ac B"))),
        ],
        [
            ("A", ev("Redirected", leg("a1", "K1 Or De Q", to="B"), leg("a2", "K2 Or De B", to="Q"))),
            ("B", ev("Transferred", leg("b1", "K3 Te Ac Q"))),
            ("Q", acd("CallUpdated", "q1 K3 B", reason="Call Transferred")),
        ],
    ],
    {
        "A": [
            *A_QUEUED,
            "Held{K1,A} hold normal",
            "Originated{K2,A} connected newCall A>B",
            "Delivered{K2,B} connected newCall A>B",
            "Established{K2,B} connected newCall A>B",
            "Transfered{K1,A} null transfer and{K2,A} to=B [{K3,Q}<{K1,Q} {K3,B}<{K2,B}]",
        ],
        "B": [
            "Delivered{K2,B} alerting newCall A>B",
            "Established{K2,B} connected newCall A>B",
            "Transfered{K1,A} connected transfer and{K2,A} to=B [{K3,Q}<{K1,Q} {K3,B}<{K2,B}]",
        ],
        "Q": [
            Q_OF_A[0],
            "Held{K1,A} queued normal",
            "Transfered{K1,A} queued transfer and{K2,A} to=B [{K3,Q}<{K1,Q} {K3,B}<{K2,B}]",
        ],
    },
    only={"skip": {}},
    leaves={"K3": {"B": "connected", "Q": "queued"}},
)

# the agent transfers back into the queue

scenario(
    "17-transferred-back",
    [
        [ADDED, OFFERED, RINGS, TAKEN, ANSWERS],
        [
            ("G", ev("Redirected", agent_leg("g1", "K1 Te De X", to="Q"))),
            ("G", ev("Released", agent_leg("g1", "K1 Te Re X", release="local"))),
            ("Q", acd("CallAdded", "q2 K1 X", position=1, via=[("G", "transfer")])),
        ],
    ],
    {
        "G": [
            G_RINGS,
            G_TAKEN,
            G_ANSWERS,
            "Transfered{K1,G} null singleStepTransfer to=Q [{K1,X}<{K1,X} {K1,Q}]",
        ],
        "Q": [Q_QUEUED, Q_RINGS, Q_TAKEN, "Queued{K1,Q} queued enteringDistribution X>Q lr=G"],
    },
    only={
        "G": {"G": [G_RINGS, G_ANSWERS, "Transfered{K1,G} null singleStepTransfer to=Q [{K1,X}<{K1,X} {K1,Q}]"]},
        "Q": {"Q": [Q_QUEUED, Q_NOBODY, Q_TAKEN, "Queued{K1,Q} queued enteringDistribution X>Q lr=G"]},
    },
    leaves={"K1": {"X": "connected", "Q": "queued"}},
)

# 26: the whole truth

scenario(
    "26-queue-compared",
    [[ADDED, ("Q", acd("CallAdded", "q2 K2 Y", position=2))], [("Q", waiting("q2 K2 Y", "q3 K3 A"))]],
    {
        "Q": [
            Q_QUEUED,
            "Queued{K2,Q} queued enteringDistribution Y>Q",
            "ConnectionCleared{K1,Q} null switchingFunctionTerminated",
            "Queued{K3,Q} queued enteringDistribution A>Q",
        ]
    },
    leaves={"K2": {"Y": "connected", "Q": "queued"}, "K3": {"A": "connected", "Q": "queued"}},
)

# 21: route points

scenario(
    "21-distributed",
    [
        [
            ("R", acd("CallAdded", "r1 K1 X", point=True)),
            ("R", acd("CallOfferedToAgent", "r1 K1 X", point=True)),
            ("G", ev("Received", agent_leg("g1", "K1 Te Al X", "R"))),
            ("R", acd("CallAnsweredByAgent", "r1 K1 X", point=True, agent="G g1")),
            ("G", ev("Answered", agent_leg("g1", "K1 Te Ac X", "R"))),
        ]
    ],
    {
        "G": [line.replace("Q", "R") for line in (G_RINGS, G_TAKEN, G_ANSWERS)],
        "R": [line.replace("Q}", "R}").replace(">Q", ">R").replace("lr=Q", "lr=R") for line in (Q_QUEUED, Q_RINGS, Q_TAKEN)],
    },
    only={
        "G": {"G": [line.replace("Q", "R") for line in (G_RINGS, G_ANSWERS)]},
        "R": {"R": [line.replace("Q}", "R}").replace(">Q", ">R").replace("lr=Q", "lr=R") for line in (Q_QUEUED, Q_NOBODY, Q_TAKEN)]},
    },
    leaves={"K1": {"X": "connected", "G": "connected"}},
)
scenario(
    "21-P-RPADD-delivered",
    [
        [
            ("R", acd("CallAdded", "r1 K1 X", point=True)),
            ("R", acd("CallOfferedToAgent", "r1 K1 X", point=True)),
            ("R", acd("CallAnsweredByAgent", "r1 K1 X", point=True, agent="G g1")),
        ]
    ],
    {"R": ["Delivered{K1,R} alerting enteringDistribution X>R", "Delivered{K1,?} queued distributed X>R lr=R",
           "Diverted{K1,R} null distributed X>R lr=R to=G", ]},
    policy={"P-RPADD": "delivered"},
    leaves={},
)  # fmt: skip
for _reason, _cause in (("CallFailureDueToInactivity", "timeout"), ("CallFailureRequested", "callForward")):
    scenario(
        f"21-{_reason}",
        [[("R", acd("CallAdded", "r1 K1 X", point=True))], [("R", acd("CallFailed", "r1 K1 X", point=True, reason=_reason, to="Y"))]],
        {"R": ["Queued{K1,R} queued enteringDistribution X>R", f"Diverted{{K1,R}} null {_cause} X>R to=Y"]},
    )
scenario(
    "21-failed-for-good",
    [[("R", acd("CallAdded", "r1 K1 X", point=True))], [("R", acd("CallFailed", "r1 K1 X", point=True))]],
    {"R": ["Queued{K1,R} queued enteringDistribution X>R", "ConnectionCleared{K1,R} null resourcesNotAvailable"]},
)
for _reason, _cause in (("CallReleaseRequested", "normalClearing"), ("NoAnswerTimeOut", "callNotAnswered")):
    scenario(
        f"21-{_reason}",
        [[("R", acd("CallAdded", "r1 K1 X", point=True))], [("R", acd("CallReleased", "r1 K1 X", point=True, reason=_reason))]],
        {"R": ["Queued{K1,R} queued enteringDistribution X>R", f"ConnectionCleared{{K1,R}} null {_cause}"]},
    )
