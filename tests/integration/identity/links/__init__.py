"""Linking accounts of channels, and unlinking them."""
