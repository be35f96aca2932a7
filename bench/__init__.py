"""Measures Turngate against a bare loop and against Postgres itself, in one run: `make bench`."""
