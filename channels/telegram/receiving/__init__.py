"""Receiving from Telegram: updates by polling or webhook, normalized and settled, and links made there."""
