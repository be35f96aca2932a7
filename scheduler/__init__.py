"""Schedules as a channel: due schedules become inbound messages."""
