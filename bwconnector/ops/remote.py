"""``bwctl links``: what a running connector's status page says of its T-Servers, as a table."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.error import ConnectError
from twisted.web.client import Agent, readBody
from twisted.web.http import OK

from bwconnector.ops.client import ClientError
from bwconnector.ops.commands import LINK_HEADS, link_row
from bwconnector.ops.inspection import LinkStatus
from bwconnector.ops.tables import table_lines

__all__ = ["DEFAULT_URL", "link_lines"]

DEFAULT_URL = "http://127.0.0.1:8040/"
TIMEOUT = 10.0


async def link_lines(reactor: Any, url: str) -> list[str]:
    """The links, a line each.

    :param url: of the status page
    :raises ClientError: there is none
    """
    try:
        answer = await Agent(reactor, connectTimeout=TIMEOUT).request(b"GET", f"{url.rstrip('/')}/api/status".encode("ascii"))
        body = await readBody(answer).addTimeout(TIMEOUT, reactor)
        if answer.code != OK:
            raise ValueError(f"it answers {answer.code}")
        told = json.loads(body)
        rows = [link_row(told["now"], LinkStatus(**link)) for link in told["links"]]
    except (ConnectError, OSError, TimeoutError, ValueError, KeyError, TypeError) as error:
        raise ClientError(f"{url} is no status page of a connector: {error}") from None
    return table_lines(LINK_HEADS, rows, len(rows))
