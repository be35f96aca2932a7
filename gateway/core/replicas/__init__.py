"""What replicas tell each other, and the clock by which each looks for what waits."""
