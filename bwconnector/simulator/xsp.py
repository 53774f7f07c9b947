"""One XSP: the HTTP server in front of BroadWorks, with its three contexts, its sessions and its faults."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import parse_qsl

import attrs
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from bwconnector.simulator.action_requests import action_routes
from bwconnector.simulator.broadworks import BroadWorks
from bwconnector.simulator.channels import Stream
from bwconnector.simulator.event_requests import add_channel, event_routes
from bwconnector.simulator.faults import Faults
from bwconnector.simulator.model import SwitchError
from bwconnector.simulator.routes import Asked, Reply, Routes, as_json, error_reply
from bwconnector.simulator.server import HttpServer, ServerReactor
from bwconnector.simulator.stream import HttpStream, cut

__all__ = ["Xsp"]

ACTIONS = "/com.broadsoft.xsi-actions"
EVENTS = "/com.broadsoft.xsi-events"
ASYNC = "/com.broadsoft.async" + EVENTS
VERSION = "/v2.0/"
HTML = b"<html><body>The request cannot be served.</body></html>"


class Xsp(Resource):
    """One XSP. It can be stopped and started again on the same port.

    :param name: how messages name it, and what pins channels to it
    :param port: TCP port; 0 takes a free one at the first start and keeps it
    :ivar http: where it listens
    """

    isLeaf = True
    log = Logger()

    def __init__(self, name: str, broadworks: BroadWorks, reactor: ServerReactor, port: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.name = name
        self.faults = Faults()
        self._broadworks = broadworks
        config = broadworks.config
        self._basic = "Basic " + b64encode(f"{config.user_id}:{config.password}".encode()).decode()
        self._bearer = f"Bearer {config.token}" if config.token else ""
        self._routes: list[tuple[str, Routes]] = [(ACTIONS, action_routes(broadworks)), (EVENTS, event_routes(broadworks))]
        self.http = HttpServer(self, reactor, config.host, port, config.keep_alive)

    def start(self) -> None:
        """Listen; a second start changes nothing."""
        self.http.start()
        self.log.info("simulated XSP {xsp} listens on {host}:{port}", xsp=self.name, host=self.http.host, port=self.http.port)

    def stop(self) -> Deferred[list[object]]:
        """Stop listening and cut every connection; fires when all sockets are gone."""
        self.drop_streams()
        return self.http.stop()

    def drop_streams(self) -> None:
        """Cut the streams of all channels here; the XSP goes on."""
        for channel in self._broadworks.channels:
            if channel.xsp == self.name:
                self._broadworks.channels.drop(channel)

    def render(self, request: Request) -> int | bytes:
        """Answer one request."""
        path = request.path.decode("ascii", "replace")
        fault = self.faults.for_path(path)
        if fault == "refuse":
            cut(request)
            return NOT_DONE_YET
        if fault == "hang":
            return NOT_DONE_YET
        reply = Reply(int(fault), HTML, content_type="text/html") if fault else self._answer(request, path)
        if reply is None:
            return NOT_DONE_YET
        self._set_head(request, reply, path)
        return reply.body

    def _answer(self, request: Request, path: str) -> Reply | None:
        """The reply; None when the request has become a stream."""
        if not self._authorized(request):
            return Reply(401, HTML, (("WWW-Authenticate", 'Basic realm="BroadWorks"'),), "text/html")
        asked = self._asked(request)
        reply = self._reply(request, path, asked)
        return as_json(reply) if reply is not None and (asked.wants_json or self.faults.json_only) else reply

    def _authorized(self, request: Request) -> bool:
        shown = request.getHeader("Authorization")
        return shown == self._basic or (bool(self._bearer) and shown == self._bearer and not self.faults.expired_token)

    def _reply(self, request: Request, path: str, asked: Asked) -> Reply | None:
        lowered = path.lower()
        try:
            if lowered.rstrip("/") == f"{ASYNC}{VERSION}channel".lower():
                self._open_channel(request, path, asked)
                return None
            for context, routes in self._routes:
                if lowered.startswith(f"{context}{VERSION}"):
                    handler, parts = routes.find(request.method.decode("ascii"), path[len(context + VERSION) :])
                    return handler(attrs.evolve(asked, parts=parts))
            raise SwitchError(404, 110404, f"Not found: {path}")
        except SwitchError as error:
            return error_reply(error)

    def _asked(self, request: Request) -> Asked:
        query = request.uri.partition(b"?")[2].decode("ascii", "replace")
        return Asked(
            self.name,
            self._broadworks.config.user_id,
            request.content.read() if request.content is not None else b"",
            query={name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True)},
            accept=request.getHeader("Accept") or "",
        )

    def _open_channel(self, request: Request, path: str, asked: Asked) -> None:
        if request.method != b"POST":
            raise SwitchError(405, 110405, "Only POST is supported here")

        def open_stream() -> HttpStream:
            self._set_head(request, Reply(), path)
            return HttpStream(request, self.faults, self._broadworks.clock, self._broadworks.config.seed)

        stream = add_channel(self._broadworks, asked, self.faults, open_stream)
        request.notifyFinish().addBoth(lambda _: self._stream_ended(stream))

    def _stream_ended(self, stream: Stream) -> None:
        stream.ended()
        for channel in self._broadworks.channels:
            if channel.stream is stream:
                self._broadworks.channels.lost(channel)

    def _set_head(self, request: Request, reply: Reply, path: str) -> None:
        request.setResponseCode(reply.status)
        request.setHeader("Content-Type", reply.content_type)
        if (request.getHeader("Connection") or "").lower() != "close":
            request.setHeader("Connection", "keep-alive")
            request.setHeader("Keep-Alive", f"timeout={self._broadworks.config.keep_alive}")
        if request.getCookie(b"JSESSIONID") is None:
            session = self._broadworks.new_id().replace("-", "").upper()
            context = ACTIONS if path.lower().startswith(ACTIONS) else EVENTS
            request.addCookie("JSESSIONID", session, path=context, httpOnly=True)
        for name, value in reply.headers:
            request.setHeader(name, value)
        if tracking_id := request.getHeader("TrackingID"):
            request.setHeader("TrackingID", tracking_id)
