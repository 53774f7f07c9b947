"""What ``twistd`` can start: the connector, and the BroadWorks simulator by itself."""

from twisted.application.service import ServiceMaker

connector = ServiceMaker(
    "BroadWorks Connector",
    "bwconnector.tap",
    "Connects T-Servers (CSTA III XML) with BroadWorks (Xsi).",
    "bwconnector",
)
simulator = ServiceMaker(
    "BroadWorks simulator",
    "bwconnector.simulator.tap",
    "BroadWorks XSPs for tests and demonstrations.",
    "bwsimulator",
)
