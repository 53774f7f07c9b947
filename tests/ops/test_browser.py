"""The status page in a real browser: its script runs under its own content policy, and what changes is shown without a reload."""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import attrs
import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.utils import getProcessOutputAndValue
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from bwconnector.ops.inspection import Inspection
from bwconnector.ops.web import status_site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here; apt-get install chromium")

OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars"),
)


class Shown:
    """A connector whose state changes after the page was fetched."""

    def __init__(self, first: Inspection, later: Inspection) -> None:
        self._first, self._later = first, later
        self.looks = 0

    def __call__(self) -> Inspection:
        self.looks += 1
        return self._first if self.looks == 1 else self._later


class Slowly(Resource):
    """The site, but the end of its page comes a while after all that matters: a browser takes the page as loaded only then."""

    isLeaf = True

    def __init__(self, pages: Any, seconds: float) -> None:
        super().__init__()
        self._pages = pages
        self._seconds = seconds

    def render(self, request: Any) -> Any:
        if request.path != b"/" or not self._seconds:
            return self._pages.render(request)
        from twisted.internet import reactor

        begin, script, end = self._pages.render(request).rpartition(b"</script>")
        request.write(begin + script)
        reactor.callLater(self._seconds, lambda: (request.write(end), request.finish()))  # type: ignore[attr-defined]
        return NOT_DONE_YET


async def browse(inspect: Any, profile: Path, *options: str, seconds: float = 0.0) -> str:
    """Let the browser load the page, and do what ``options`` say when it is loaded; its standard output.

    :param seconds: how long loading takes
    """
    from twisted.internet import reactor

    site = status_site(inspect, reactor)  # type: ignore[arg-type]
    site.resource = Slowly(site.resource, seconds)
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(site)
    arguments = (*OPTIONS, f"--user-data-dir={profile}", *options, f"http://127.0.0.1:{port.getHost().port}/")
    try:
        done: Deferred[tuple[bytes, bytes, int]] = getProcessOutputAndValue("timeout", ("30", CHROMIUM, *arguments), env=os.environ)
        output, errors, status = await done
    finally:
        await port.stopListening()
    assert status == 0, errors.decode()[-2000:]
    assert b"Content Security Policy" not in errors
    return output.decode()


@pytest_twisted.ensureDeferred
async def test_the_page_follows_without_a_reload(snapshot: Inspection, tmp_path: Path) -> None:
    shown = Shown(snapshot, attrs.evolve(snapshot, system_status="disabled", call_count=4711))
    dom = await browse(shown, tmp_path, "--enable-logging=stderr", "--dump-dom", seconds=2.5)
    assert "4,711 calls" in dom
    assert "“disabled”" in dom
    assert "<title>down: BroadWorks Connector</title>" in dom
    assert shown.looks >= 2


def pixels(png: bytes) -> tuple[int, int, int]:
    """Width, height, and how many different lines a screenshot has."""
    width, height = struct.unpack(">II", png[16:24])
    data, position = b"", 8
    while position < len(png):
        (length,) = struct.unpack(">I", png[position : position + 4])
        if png[position + 4 : position + 8] == b"IDAT":
            data += png[position + 8 : position + 8 + length]
        position += length + 12
    lines = zlib.decompress(data)
    size = len(lines) // height
    return width, height, len({lines[start + 1 : start + size] for start in range(0, len(lines), size)})


@pytest.mark.parametrize(
    ("name", "size", "more"), [("wide", "1200,1400", ()), ("phone", "500,1800", ()), ("dark", "1200,1400", ("--force-dark-mode",))]
)
@pytest_twisted.ensureDeferred
async def test_a_picture(snapshot: Inspection, tmp_path: Path, name: str, size: str, more: tuple[str, ...]) -> None:
    picture = Path(os.environ.get("SCREENSHOTS", str(tmp_path))) / f"{name}.png"
    await browse(lambda: snapshot, tmp_path / "profile", f"--window-size={size}", f"--screenshot={picture}", *more)
    width, height, lines = pixels(picture.read_bytes())
    assert f"{width},{height}" == size
    assert lines > 50
