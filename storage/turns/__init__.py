"""Turns, in batches and one by one, and the chunks of their replies."""
