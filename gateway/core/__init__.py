"""Messages, sessions and turns, and the path every message takes."""
