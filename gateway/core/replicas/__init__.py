"""Communication between replicas, and the clock by which each one checks for waiting work."""
