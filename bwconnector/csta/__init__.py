"""The T-Servers' wire: CSTA III XML over TCP (ECMA-323). Everything but link.py is free of Twisted."""
