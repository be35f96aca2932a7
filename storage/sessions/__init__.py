"""Sessions: reads and changes, search, state, snapshots."""
