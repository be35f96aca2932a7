"""The seams to what is kept of sessions."""
