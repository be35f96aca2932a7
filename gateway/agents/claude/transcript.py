"""What the SDK keeps of a conversation, as text for the gateway's database: no replica needs another's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import orjson
from claude_agent_sdk import SessionKey, SessionListSubkeysKey, SessionStoreEntry

from gateway.core.ports.agent_data import LARGEST_DATA

Entries: TypeAlias = list[SessionStoreEntry]


@dataclass(slots=True)
class Transcript:
    """The SDK's `SessionStore` for one run. `session_id`: the SDK's id of the conversation that it continues; empty: of none."""

    session_id: str = ""
    files: dict[tuple[str, str], Entries] = field(default_factory=dict)
    """Entries by session and file: the conversation itself (an empty name) and those of its subagents."""

    @classmethod
    def read(cls, data: str) -> Transcript:
        """Reads what `written` returned."""
        kept = orjson.loads(data)
        session_id: str = kept["session_id"]
        files: Mapping[str, Entries] = kept["files"]
        return cls(session_id, {(session_id, name): entries for name, entries in files.items()})

    def written(self, session_id: str) -> str | None:
        """Returns a conversation as JSON; None if there is none, or it is too large to be kept."""
        files = {name: entries for (session, name), entries in self.files.items() if session == session_id}
        data = orjson.dumps({"session_id": session_id, "files": files})
        return data.decode() if files and len(data) <= LARGEST_DATA else None

    async def append(self, key: SessionKey, entries: Entries) -> None:
        """Adds entries; one that was added before is not added again."""
        kept = self.files.setdefault((key["session_id"], key.get("subpath", "")), [])
        known = {entry.get("uuid") for entry in kept} - {None}
        kept += [entry for entry in entries if entry.get("uuid") not in known]

    async def load(self, key: SessionKey) -> Entries | None:
        """Returns the entries of a conversation or a subagent; None if there are none."""
        return self.files.get((key["session_id"], key.get("subpath", "")))

    async def list_subkeys(self, key: SessionListSubkeysKey) -> list[str]:
        """Returns the names of the subagents' files."""
        return [name for session, name in self.files if session == key["session_id"] and name]
