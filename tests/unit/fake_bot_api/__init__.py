"""The fake Bot API server behaves as documented, towards python-telegram-bot and towards tests."""
