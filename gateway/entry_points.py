"""What installed packages offer, by entry points; nothing is imported."""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

GROUPS = 2
"""Channels and kinds of agents."""


def entry_points_of(group: str) -> list[EntryPoint]:
    """All of a group, from the packages that are installed now."""
    return list(_points_on(group, tuple(sys.path)))


def package_of(point: EntryPoint) -> str:
    """Returns the package's name and version."""
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "a package"


@lru_cache(maxsize=GROUPS)
def _points_on(group: str, _path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Read once: each look opens the metadata of every installed package."""
    return tuple(entry_points(group=group))
