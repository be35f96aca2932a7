"""The ports to stored sessions."""
