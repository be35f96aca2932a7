"""Deliberate faults, for tests: where a gateway can be made to fail."""
