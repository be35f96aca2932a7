"""Erasing a user."""
