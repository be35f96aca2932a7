"""Live events: what happens now, for followers. Never the record."""
