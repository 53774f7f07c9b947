"""Channels of our channel set that nobody reads any more are found and deleted, so that BroadWorks gives them no events.

They are left over by an earlier process that could not stop in order, by a channel that was lost without BroadWorks' noticing, or by an
opening whose answer did not arrive. BroadWorks would end them only when their heartbeats or acknowledgements are missing for long.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from twisted.internet.defer import ensureDeferred
from twisted.logger import Logger

from bwconnector.xsi.answers import read_channel_set
from bwconnector.xsi.channel import Channel, State
from bwconnector.xsi.errors import NO_CHANNEL_SET, NoXspAvailable, Refused, XsiFailure
from bwconnector.xsi.opening import DELETED
from bwconnector.xsi.requests import Request, Response, channel_set, delete_channel

__all__ = ["Orphans"]


class Orphans:
    """Keeps the channel set free of channels other than ``channels``: looks for such whenever one of these has come up."""

    log = Logger()

    def __init__(self, channels: Sequence[Channel], channel_set_id: str) -> None:
        self._channels = channels
        self._channel_set_id = channel_set_id
        self._due = True
        self._busy = False

    def changed(self, channel: Channel) -> None:
        """The state of ``channel`` has changed."""
        if channel.status.state is State.BACKOFF and channel.status.reason != DELETED:
            # What it was, or was to be, may be left over. Where another process deletes the channels of this one, deleting its channels in
            # turn would only be a fight.
            self._due = True
        if self._due and self._settled() and not self._busy:
            self._busy = True
            tidied = ensureDeferred(self._tidy())
            tidied.addErrback(lambda failure: self.log.failure("left-over event channels were not looked for", failure))

    def _settled(self) -> bool:
        """The id of each of our channels is known; one that is being opened may be in the set already, but does not know its id yet."""
        return any(channel.up for channel in self._channels) and not any(
            channel.status.state is State.OPENING for channel in self._channels
        )

    async def _tidy(self) -> None:
        try:
            while self._due and self._settled():
                self._due = False
                found = read_channel_set((await self._perform(channel_set(self._channel_set_id))).body)
                if not self._settled():
                    self._due = True
                    return
                for channel_id in found:
                    if channel_id not in {channel.status.channel_id for channel in self._channels}:
                        await self._delete(channel_id)
        except XsiFailure as failure:
            # Without an answer it is tried again when a channel changes next; without a channel set there is nothing to delete.
            self._due = not (isinstance(failure, Refused) and failure.error_code == NO_CHANNEL_SET)
        finally:
            self._busy = False

    async def _delete(self, channel_id: str) -> None:
        with suppress(XsiFailure):  # then it has gone by itself
            await self._perform(delete_channel(channel_id))
            self.log.info("event channel {channel}, which nobody reads any more, is deleted", channel=channel_id)

    async def _perform(self, request: Request) -> Response:
        """Ask one XSP after the other, since only BroadWorks knows at which of them a channel is."""
        failure: XsiFailure = NoXspAvailable("no event channel is up")
        for channel in [channel for channel in self._channels if channel.up]:
            try:
                return await channel.xsp.perform(request)
            except XsiFailure as problem:
                failure = problem
        raise failure
