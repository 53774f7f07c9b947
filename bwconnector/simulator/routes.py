"""Requests to an XSP without their transport: what was asked, what is answered, and the table that finds who answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from urllib.parse import unquote

import attrs

from bwconnector.simulator.badgerfish import badgerfish
from bwconnector.simulator.model import SwitchError
from bwconnector.simulator.reading import Body
from bwconnector.simulator.render import Element, document, element

__all__ = ["OK", "Asked", "Handler", "Reply", "Routes", "as_json", "error_reply", "xml"]


@attrs.frozen(slots=False)
class Asked:
    """One request.

    :ivar xsp: name of the XSP that got it
    :ivar caller: user id of who asks
    :ivar parts: values of the path's variable segments, by name
    :ivar query: query parameters, by name in lower case
    :ivar accept: the header of that name
    """

    xsp: str
    caller: str
    data: bytes = b""
    parts: dict[str, str] = attrs.Factory(dict)
    query: dict[str, str] = attrs.Factory(dict)
    accept: str = ""

    @property
    def wants_json(self) -> bool:
        return "application/json" in self.accept.lower() or self.parameter("format").lower() == "json"

    @cached_property
    def body(self) -> Body:
        return Body(self.data)

    def parameter(self, name: str) -> str:
        """A query parameter, empty when missing."""
        return self.query.get(name.lower(), "")


@attrs.frozen(slots=True)
class Reply:
    """What is answered."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "text/xml;charset=UTF-8"


OK = Reply()
Handler = Callable[[Asked], Reply]


def xml(root: str, *children: Element, status: int = 200, encoding: str = "UTF-8", newline: bool = False, **headers: str) -> Reply:
    """A reply with a document; header names are given with ``_`` for ``-``."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Reply(status, document(root, children, encoding, newline), named, f"text/xml;charset={encoding}")


def as_json(reply: Reply) -> Reply:
    """The same reply in JSON, unless it is no document."""
    if not reply.body or not reply.content_type.startswith("text/xml"):
        return reply
    return attrs.evolve(reply, body=badgerfish(reply.body), content_type="application/json;charset=UTF-8")


def error_reply(error: SwitchError) -> Reply:
    """An ErrorInfo."""
    summary = (element("summary", error.text), element("summaryEnglish", error.text), element("errorCode", error.code))
    return xml("ErrorInfo", *summary, status=error.status)


class Routes:
    """A table of (method, path, handler); ``{name}`` in a path stands for any one segment.

    Literal segments match in any case. The first row that fits wins.
    """

    def __init__(self, table: Iterable[tuple[str, str, Handler]]) -> None:
        self._rows: dict[int, list[tuple[str, list[str], Handler]]] = {}
        for method, path, handler in table:
            segments = [part if part.startswith("{") else part.lower() for part in path.split("/")]
            self._rows.setdefault(len(segments), []).append((method, segments, handler))

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]]:
        """The handler of a request, and the values of the variable segments.

        :param path: what follows the version, still percent-encoded
        :raises SwitchError: 404 for an unknown path, 405 for a path that knows other methods only
        """
        given = [unquote(part) for part in path.strip("/").split("/")]
        known = False
        for row_method, segments, handler in self._rows.get(len(given), ()):
            if all(want.startswith("{") or want == have.lower() for want, have in zip(segments, given, strict=True)):
                known = True
                if row_method == method:
                    return handler, {want[1:-1]: have for want, have in zip(segments, given, strict=True) if want.startswith("{")}
        if known:
            raise SwitchError(405, 110405, f"{method} is not supported here")
        raise SwitchError(404, 110404, f"Not found: {path}")
