"""Live events: what happens now, for those who follow. Never the record."""
