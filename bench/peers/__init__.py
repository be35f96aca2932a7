"""Compares Turngate with other agent servers that do the same work: `make bench-peers`."""
