"""Agents' reports of usage, as they can be added up."""

from __future__ import annotations

import math
from dataclasses import replace

from gateway.core.content.cleaning import clean
from gateway.core.model import Usage, summed

MOST_TOKENS = 10**12
MOST_DOLLARS = 10**9
LONGEST_MODEL = 200  # characters


def countable(reported: Usage) -> Usage:
    """Returns a report with numbers that sums can hold: no tokens below 0, and no cost instead of an impossible one."""
    return replace(summed([_countable(part) for part in reported.each()]), model=_name(reported.model))


def _countable(part: Usage) -> Usage:
    read, written = _tokens(part.cache_read_tokens), _tokens(part.cache_write_tokens)
    return Usage(
        _tokens(part.input_tokens), _tokens(part.output_tokens), _name(part.model), _cost(part.cost), read, written
    )


def _name(model: str) -> str:
    return clean(model)[:LONGEST_MODEL]


def _tokens(reported: int) -> int:
    return min(max(int(reported), 0), MOST_TOKENS)


def _cost(reported: float | None) -> float | None:
    if reported is None or not math.isfinite(reported) or reported < 0:
        return None
    return float(min(reported, MOST_DOLLARS))
