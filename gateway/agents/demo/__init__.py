"""The agent of kind `demo`: answers by itself, for trying things out and for tests."""
