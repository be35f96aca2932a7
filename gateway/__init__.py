"""Turngate: every message takes its turn through one gate."""
