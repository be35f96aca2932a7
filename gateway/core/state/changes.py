"""Collects the changes to the session's state that an agent yields."""

from __future__ import annotations

import json

from gateway.core.content.cleaning import clean_list, clean_object
from gateway.core.events import StateChange
from gateway.core.model import STATE_SECTIONS, JsonNotes, JsonValue, StateSection

DEEPEST = 32
"""Levels of nesting, as for bodies over HTTP."""
GREATEST = 2**63 - 1
LIST_HAS_NO_KEYS = "the scratchpad is a list, which has no keys to set; pass the whole list"


class StateChanges:
    """Later changes of a key replace earlier ones, and a list replaces everything. An invalid change is skipped alone.

    `limit`: bytes of all changes as JSON.
    """

    def __init__(self, limit: int) -> None:
        self._room = limit
        self._sections: dict[StateSection, JsonNotes] = {}
        self.refused: str | None = None
        """Why the last skipped change was invalid."""

    def add(self, change: StateChange) -> None:
        """Adds a change."""
        try:
            self._sections[change.section] = self._merged(change.section, self._kept(change))
        except (TypeError, ValueError, RecursionError) as error:
            self.refused = str(error)

    def gathered(self) -> tuple[tuple[StateSection, JsonNotes], ...]:
        """The changes to apply, each section once."""
        return tuple(self._sections.items())

    def _merged(self, section: StateSection, values: JsonNotes) -> JsonNotes:
        before = self._sections.get(section, {})
        if isinstance(values, list):
            return values
        if isinstance(before, list):
            raise TypeError(LIST_HAS_NO_KEYS)
        return {**before, **values}

    def _kept(self, change: StateChange) -> JsonNotes:
        """Returns the value as JSON represents it. Raises `TypeError` or `ValueError` for what JSON or the database cannot hold."""
        if change.section not in STATE_SECTIONS:
            raise ValueError(f"{change.section!r} is not a section; it should be one of {', '.join(STATE_SECTIONS)}")
        written = json.dumps(change.values, allow_nan=False)
        if len(written) > self._room:
            raise ValueError("the changes made by this turn are larger than sessions.max_state allows")
        values = json.loads(written)
        allowed = (dict, list) if change.section == "scratchpad" else (dict,)
        if not isinstance(values, allowed):
            raise TypeError(
                f"the values are {type(change.values).__name__}; they should be a dict, or for the scratchpad a list"
            )
        _require_storable(values)
        self._room -= len(written)
        return clean_object(values) if isinstance(values, dict) else clean_list(values)


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
            raise ValueError("an integer does not fit in 64 bits")
        case _:
            return
