"""The HTTP API: sessions, messages, agents, schedules, tokens, health, and the web pages."""
