"""The switching function as CSTA sees it: devices, calls, monitors and services. No sockets, no Twisted."""
