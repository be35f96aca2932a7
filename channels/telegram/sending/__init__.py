"""Sending to Telegram: replies rendered as text and entities, sent at the pace that Telegram allows."""
