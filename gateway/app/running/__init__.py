"""Runs a gateway in its slot, and drains it."""
