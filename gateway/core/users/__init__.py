"""Linking accounts, identifying visitors, erasing users."""
