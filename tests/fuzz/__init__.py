"""Inputs that nobody would think of, against everything that reads what others send."""
