"""What an operator sees and touches: status, manhole, preflight check. Nothing depends on it."""
