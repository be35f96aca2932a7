"""Tests that the fake Bot API server behaves as documented, towards python-telegram-bot and towards tests."""
