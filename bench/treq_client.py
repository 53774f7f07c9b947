"""The floor of W4: a process that sends requests to subscribe by treq, 32 at a time, and nothing else.

``python bench/treq_client.py PORT REQUESTS`` tells the seconds that they took.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import treq
from twisted.internet import task
from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.web.client import HTTPConnectionPool

UNDER_WAY = 32
_BODY = (
    '<?xml version="1.0" encoding="UTF-8"?><Subscription xmlns="http://schema.broadsoft.com/xsi"><event>Advanced Call</event>'
    "<expires>86400</expires><channelSetId>bench</channelSetId><applicationId>bench</applicationId></Subscription>"
)


async def main(reactor: Any, port: str, requests: str) -> None:
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost = UNDER_WAY
    numbers = iter(range(int(requests)))
    began = time.perf_counter()

    async def client() -> None:
        for number in numbers:
            url = f"http://127.0.0.1:{port}/com.broadsoft.xsi-events/v2.0/user/agent{number:05}@example.net"
            response = await treq.post(url, data=_BODY.encode(), pool=pool)
            assert b"<subscriptionId>" in await response.content()

    await gatherResults([ensureDeferred(client()) for _ in range(UNDER_WAY)])
    sys.stdout.write(json.dumps({"port": 0, "seconds": time.perf_counter() - began}) + "\n")
    await pool.closeCachedConnections()


if __name__ == "__main__":
    task.react(lambda reactor, *arguments: ensureDeferred(main(reactor, *arguments)), sys.argv[1:])
