"""Turns, in batches and alone, and the chunks of their replies."""
