"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `remedy`: what to do if it failed."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""
