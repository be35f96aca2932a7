"""Faults on purpose, for tests: where a gateway can be told to fail."""
