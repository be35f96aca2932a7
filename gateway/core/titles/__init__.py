"""Titles of sessions, made beside the turns."""
