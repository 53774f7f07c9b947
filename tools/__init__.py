"""Tools of whoever develops or releases the connector; each is run as ``python -m tools.NAME`` from the top of the tree."""
