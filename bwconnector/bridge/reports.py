"""Who is told of a change, and when: one report per change and device, each device's view beginning with its own birth (R5, R6, R8)."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from bwconnector.bridge.calls import NULL, Call, Told
from bwconnector.bridge.changes import Change, ConnectionId
from bwconnector.bridge.policy import Policy

__all__ = ["Deliver", "Reports"]

Deliver = Callable[[Change, tuple[str, ...]], None]
"""Takes a change and the device keys whose monitors are to be told."""

_NO_BIRTH = frozenset({"ConnectionClearedEvent", "FailedEvent"})
"""Events that cannot be the first that a device hears of its own connection."""

_MAIN = frozenset({"DeliveredEvent", "EstablishedEvent", "ConnectionClearedEvent"})
"""Events about other connections that a monitor still gets when P-VIEW limits them."""

_ADDING = frozenset({"ConferencedEvent"})
"""Events by which a device joins a call that has been announced under another id."""


_JOINING = frozenset({"TransferedEvent", "ConferencedEvent"})
"""Events after which nothing is as it was told before."""

_STATELESS = frozenset({"CallInformationEvent", "RecordEvent", "SuspendRecordEvent", "StopEvent"})
"""Events that tell nothing of the state of a connection: none of them is a birth, and each is told."""


class Reports:
    """Turns what happened into :class:`Change` values and hands each to the devices that may hear of it.

    :param deliver: gets every change once, also one that nobody may hear (requests wait for those, too), and each belated one again
    :param subscribed: tells whether a device has a subscription, that is, a monitor
    """

    def __init__(self, deliver: Deliver, subscribed: Callable[[str], bool], policy: Policy) -> None:
        self._deliver = deliver
        self._subscribed = subscribed
        self._policy = policy
        self.silent: str = ""
        """Device whose monitors take the present from a snapshot, so hear nothing for now."""
        self.introduced: dict[str, None] = {}  # a set of so many would take five times the memory
        """Devices that have spoken; until then their monitors take the present from a snapshot that is still to come."""

    def tell(
        self,
        kind: str,
        call: Call,
        device: str,
        cause: str,
        *,
        states: dict[str, str] | None = None,
        call_id: str | None = None,
        birth: str = "",
        **fields: object,
    ) -> None:
        """Report that the connection of ``device`` in ``call`` changed.

        :param states: local connection states, when they are not simply those of the call (a transfer joins two calls)
        :param call_id: callID under which the subject is known to the monitors, when the call has another one by now
        :param birth: device whose first report this is although the subject is another's (an originator that is adopted in mid-call)
        """
        if states is None:
            states = {c.device: c.state for c in call.connections.values() if c.state != NULL or c.device == device}
        change = Change(
            kind,
            call,
            ConnectionId(call_id or call.id, device),
            cause,
            states,
            device,
            call.calling,
            call.called,
            call.last_redirection,
            characteristics=call.characteristics,
            incoming_external=call.incoming_external,
            outgoing_external=call.outgoing_external,
        )
        self._send(attrs.evolve(change, **fields) if fields else change, birth)  # type: ignore[arg-type]

    def _send(self, change: Change, birth: str) -> None:
        told: list[str] = []
        born: list[str] = []
        if change.kind in _JOINING:
            change.call.told = None
        for device in self._audience(change):
            if _repeats(change, device):
                continue
            connection = change.call.connections.get(device)
            own = device in (change.subject.device, birth) or (change.kind in _ADDING and device == change.target)
            if connection is None or connection.born:
                told.append(device)
            elif own and change.kind not in _STATELESS and (connection.announced or change.kind not in _NO_BIRTH):
                connection.announced = True
                told.append(device)
                if change.kind != "ServiceInitiatedEvent":
                    connection.born = True
                    born.append(device)
            else:
                connection.backlog += (change,)
        self._deliver(change, tuple(filter(self._listens, told) if self.silent else told))
        for device in born:
            if change.states.get(device) == NULL:
                change.call.connections[device].backlog = ()  # its birth is its end: nothing follows it
            self._catch_up(change, device)

    def _listens(self, device: str) -> bool:
        """What a silent snapshot brings to light is news only for devices whose own snapshot has come."""
        return not self.silent or (device != self.silent and device in self.introduced)

    def _audience(self, change: Change) -> list[str]:
        devices = [device for device in change.states if self._subscribed(device)]
        hidden = [d for d in (change.subject.device, change.target) if (c := change.call.connections.get(d)) is not None and c.hidden]
        if hidden:
            return [device for device in devices if device in hidden]
        view = self._policy.word("P-VIEW")
        own_only = (
            view == "own"
            or (view == "limited" and change.kind not in _MAIN)
            or (change.kind == "DivertedEvent" and self._policy.word("P-DIVALL") == "diverting")
        )
        if own_only and not change.items:
            devices = [device for device in devices if device == change.subject.device]
        return devices

    def _catch_up(self, birth: Change, device: str) -> None:
        """What overtook the birth follows in its order; none of it takes the device back to where it was before."""
        connection = birth.call.connections[device]
        backlog, connection.backlog = connection.backlog, ()
        for change in backlog:
            if self._listens(device):
                earlier = change.states.get(device, NULL) != NULL
                states = {**change.states, device: birth.states[device]} if earlier else change.states
                self._deliver(attrs.evolve(change, states=states, belated=True), (device,))


def _repeats(change: Change, device: str) -> bool:
    """The device was told exactly this before, and nothing else of that connection since: it only is new to others (R5)."""
    if change.kind in _JOINING or change.kind in _STATELESS:
        return False
    call, subject = change.call, change.subject
    told = call.told
    while told is not None:
        if told.device == device and told.subject == subject.device and told.call_id == subject.call_id:
            same, told.kind = told.kind == change.kind, change.kind
            return same
        told = told.before
    call.told = Told(device, subject.device, subject.call_id, change.kind, call.told)
    return False
