"""Rights of T-Servers on real sockets: told by their certificates and networks, changed while they are connected, and shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from twisted.internet.endpoints import TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.protocol import Factory
from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS, trustRootFromCertificates

from bwconnector.csta import messages as csta
from bwconnector.ops.client import CstaClient, RequestRefused

from ..test_listening import AUTHORITY, SERVER, certify
from ..xsi.server import asynchronous, reactor, until
from .test_reload import Site, site

pytestmark = pytest.mark.system

PRIVILEGE = "operation privilegeViolationSpecifiedDevice"


@asynccontextmanager
async def tserver(here: Site, name: str) -> AsyncIterator[CstaClient]:
    """A T-Server whose certificate has this common name, on the TLS port."""
    port = here.service._links.ports[1]._waitingForPort.result.getHost().port
    options = optionsForClientTLS(
        "connector.example.net",
        trustRoot=trustRootFromCertificates([Certificate.loadPEM(AUTHORITY.public)]),
        clientCertificate=PrivateCertificate.loadPEM(certify(name, AUTHORITY).pem),
    )
    told: list[csta.Message] = []
    factory = Factory.forProtocol(lambda: CstaClient(reactor, told.append))
    client = await wrapClientTLS(options, TCP4ClientEndpoint(reactor, "127.0.0.1", port)).connect(factory)
    assert isinstance(client, CstaClient)
    await until(lambda: told)  # the handshake is over
    try:
        yield client
    finally:
        await client.close()


async def answer(client: CstaClient, request: csta.Request) -> str:
    """Name of the response, or category and value of the error."""
    try:
        return type(await client.request(request, csta.Response)).__name__
    except RequestRefused as refused:
        return f"{refused.category} {refused.value}"


def monitor(device: str) -> csta.MonitorStart:
    return csta.MonitorStart(monitor_object=csta.MonitorObject(device_object=device))


def switch_off(device: str) -> csta.SetDoNotDisturb:
    return csta.SetDoNotDisturb(device=device, do_not_disturb_on=False)


@asynchronous
async def test_rights_by_certificate(tmp_path: Path) -> None:
    (tmp_path / "server.pem").write_bytes(SERVER.pem)
    (tmp_path / "authority.pem").write_bytes(AUTHORITY.public)
    tls = f"ssl:0:interface=127.0.0.1:privateKey={tmp_path}/server.pem:certKey={tmp_path}/server.pem"
    sections = {
        "csta": {"listen": f'["tcp:0:interface=127.0.0.1", "{tls}"]', "client-ca": '"authority.pem"'},
        "access-sales": {"certificates": '["tserver-sales.*"]', "monitor": '["1001", "1003-1009"]', "control": '["*01"]'},
        "access-local": {"networks": '["127.0.0.0/8"]', "monitor": '["1001", "1002"]', "read-only": "true"},
    }
    async with site(tmp_path, **sections) as here, tserver(here, "tserver-sales.example.net") as sales:
        assert await answer(sales, monitor("1001")) == "MonitorStartResponse"
        assert await answer(sales, monitor("1003")) == "MonitorStartResponse"
        assert await answer(sales, monitor("1002")) == PRIVILEGE
        assert await answer(sales, switch_off("1001")) == "SetDoNotDisturbResponse"
        assert await answer(sales, switch_off("1003")) == PRIVILEGE
        # the first T-Server came from the network, without a certificate
        assert await answer(here.tserver, switch_off("1001")) == PRIVILEGE
        async with tserver(here, "somebody.example.net") as other:
            assert await answer(other, monitor("1003")) == PRIVILEGE
            links = {link.name: link for link in here.service.survey().links}
        shown = {name: (link.certificate, link.access, dict(link.refused)) for name, link in links.items()}
        assert shown == {
            "tserver-1": ("", "local", {"read-only": 1}),
            "tserver-2": ("tserver-sales.example.net", "sales", {"access": 2}),
            "tserver-3": ("somebody.example.net", "local", {"access": 1}),
        }
        # what is permitted changes for links that are open
        here.options["access-sales"]["monitor"] = '["1002"]'
        del here.options["access-local"]
        report = here.reload()
        assert "at once: [access-local] went" in repr(report)
        assert await answer(sales, monitor("1002")) == "MonitorStartResponse"
        assert await answer(sales, monitor("1001")) == PRIVILEGE
        assert await answer(here.tserver, monitor("1001")) == PRIVILEGE  # no section is for it any more
        assert here.service.survey().links[0].access == "none"


@asynchronous
async def test_the_rate_changes_while_links_are_open(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        here.options["csta"]["request-rate"] = "1"
        here.reload()
        answers = [await answer(here.tserver, csta.SnapshotDevice(snapshot_object="1001")) for _ in range(12)]
        assert answers.count("performanceManagement performanceLimitExceeded") in (1, 2)  # a second may have passed meanwhile
        assert here.service.survey().totals.refused["tserver-1", "rate"] in (1, 2)
