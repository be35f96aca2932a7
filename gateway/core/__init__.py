"""What a message, a session and a turn are, and the one way through."""
