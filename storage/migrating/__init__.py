"""Applies migrations, and shows the schema that they make."""
