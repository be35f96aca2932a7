"""Other servers for agents at the same work, side by side: `make bench-peers`."""
