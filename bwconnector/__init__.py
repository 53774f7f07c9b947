"""The BroadWorks Connector: BroadWorks Xsi on one side, CSTA III XML for T-Servers on the other."""

__all__ = ["__version__"]

__version__ = "0.1.0"
