"""Checks that every request passes before its route, and how routes read their input."""
