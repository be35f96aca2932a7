"""What an agent wants changed in the session's state, gathered while it speaks."""

from __future__ import annotations

import json

from gateway.core.cleaning import clean_object
from gateway.core.events import StateChange
from gateway.core.model import STATE_SECTIONS, JsonObject, JsonValue, StateSection

DEEPEST = 32
"""Levels of nesting, as for bodies over HTTP."""
GREATEST = 2**63 - 1


class StateChanges:
    """Later changes of a key go over earlier ones. One that cannot be kept is left out, and the reply goes on.

    `limit`: bytes of all changes as JSON.
    """

    def __init__(self, limit: int) -> None:
        self._room = limit
        self._sections: dict[StateSection, JsonObject] = {}
        self.refused: str | None = None
        """Why the last one that was left out could not be kept."""

    def add(self, change: StateChange) -> None:
        """Takes the next change."""
        try:
            values = self._kept(change)
        except (TypeError, ValueError, RecursionError) as error:
            self.refused = str(error)
            return
        self._sections.setdefault(change.section, {}).update(values)

    def gathered(self) -> tuple[tuple[StateSection, JsonObject], ...]:
        """What to apply, each section once."""
        return tuple(self._sections.items())

    def _kept(self, change: StateChange) -> JsonObject:
        """As JSON would have it. Raises `TypeError` or `ValueError` for what JSON or the database cannot hold."""
        if change.section not in STATE_SECTIONS:
            raise ValueError(f"{change.section!r} is no section; there are {', '.join(STATE_SECTIONS)}")
        written = json.dumps(change.values, allow_nan=False)
        if len(written) > self._room:
            raise ValueError("the changes of this turn are larger than sessions.max_state allows")
        values = json.loads(written)
        if not isinstance(values, dict):
            raise TypeError(f"the values are {type(change.values).__name__}; they should be a dict")
        _require_storable(values)
        self._room -= len(written)
        return clean_object(values)


def _require_storable(value: JsonValue, depth: int = 1) -> None:
    if depth > DEEPEST:
        raise ValueError(f"the values are nested more than {DEEPEST} levels deep")
    match value:
        case list():
            for item in value:
                _require_storable(item, depth + 1)
        case dict():
            for item in value.values():
                _require_storable(item, depth + 1)
        case int() if not -GREATEST <= value <= GREATEST:
            raise ValueError("an integer does not fit 64 bits")
        case _:
            return
