"""Measures what a million sessions do to the calls of one user: `make bench-scale`."""
