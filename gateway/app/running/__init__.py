"""Runs a gateway in its place on this machine, and drains it."""
