"""Telegram: receives updates by long polling or webhook, and sends replies as text and entities; see docs/telegram.md."""
