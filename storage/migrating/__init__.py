"""Applies migrations, and prints the resulting schema."""
