"""Chunks of replies on their way to networks that they are pushed to."""
