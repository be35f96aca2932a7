"""How responses are formatted and sent."""
