"""The HTTP face: sessions, messages, agents, schedules, tokens, health, and the pages people open."""
