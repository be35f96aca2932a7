"""Estimates tokens without a model's tokenizer; tokenizer libraries download their tables."""

from __future__ import annotations

BYTES_PER_TOKEN = 3
"""A cautious value: English has more than four. Tokens of digits and code are shorter."""
PER_MESSAGE = 8
"""Tokens of a chat template around a message; a cautious value."""


def estimated_tokens(text: str) -> int:
    """Estimates the tokens of a message, rather too many than too few."""
    return PER_MESSAGE + -(-len(text.encode()) // BYTES_PER_TOKEN)
