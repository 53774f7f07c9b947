"""BroadWorks in a box: a pure switch, and XSPs (HTTP) in front of it."""
