"""What search shows, and the index it reads."""
