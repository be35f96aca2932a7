"""Errors that stop a measurement."""

from __future__ import annotations


class BenchError(Exception):
    """A part of the measurement failed; the text says which one and how."""
