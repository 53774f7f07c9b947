"""What can be made to go wrong at one XSP."""

from __future__ import annotations

from typing import Literal

import attrs

__all__ = ["Faults"]


@attrs.define(slots=True)
class Faults:
    """Switches of one XSP; all may be changed at any time and hold until changed back.

    :ivar paths: part of a path (any case) -> ``"refuse"`` (the connection is dropped), ``"hang"`` (no answer), or an HTTP status
    :ivar echo: heartbeats are echoed on the stream
    :ivar chunking: ``whole``: one chunk per document, as the platform does. ``scattered``: chunks begin and end anywhere,
        and may hold parts of several documents
    :ivar drift: longest time in seconds by which a stream is behind; it changes from document to document, so that the events of one
        subscription come out of order when they are spread over channels
    :ivar duplicate_events: every event is written twice
    :ivar drop_acks: event responses are answered, but not heeded
    :ivar expired_token: the Bearer token is refused, as if its time were over
    :ivar json_only: documents are answered in JSON, whatever was asked for
    """

    paths: dict[str, str] = attrs.Factory(dict)
    echo: bool = True
    chunking: Literal["whole", "scattered"] = "whole"
    drift: float = 0.0
    duplicate_events: bool = False
    drop_acks: bool = False
    expired_token: bool = False
    json_only: bool = False

    def for_path(self, path: str) -> str:
        """What is to happen to a request to ``path``; empty: nothing special."""
        lowered = path.lower()
        return next((fault for part, fault in self.paths.items() if part.lower() in lowered), "")
