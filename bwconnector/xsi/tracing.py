"""How the parts of this wire show what passes over it, to whoever records it."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Trace"]

Trace = Callable[[str, str, object], None]
"""Called with the name of an XSP's link, a word, and what belongs to it:

=============  =======================================================================================
``document``   a document of the Event Channel, as bytes
``ack``        the id of an event whose acknowledgement is written
``request``    a :class:`~bwconnector.xsi.requests.Request` that is sent; it holds no credentials
``answer``     the same Request, and its :class:`~bwconnector.xsi.requests.Response` or XsiFailure
``state``      the :class:`~bwconnector.xsi.channel.ChannelStatus` of a channel that has changed its state
=============  =======================================================================================
"""
