"""Measures how a million sessions affect the calls of one user: `make bench-scale`."""
