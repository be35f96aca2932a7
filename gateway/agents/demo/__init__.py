"""The agent of kind `demo`: needs no model; for trying things out and for tests."""
