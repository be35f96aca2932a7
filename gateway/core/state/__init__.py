"""The state of a session, and snapshots of it."""
