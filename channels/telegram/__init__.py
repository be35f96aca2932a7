"""Telegram: updates in by long polling or webhook, replies out as text and entities; see docs/telegram.md."""
