"""What search shows, and the index that it reads."""
