"""How answers look and how they are sent."""
