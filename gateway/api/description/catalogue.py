"""What the document says of each route beyond its annotations: its group, its answer, the headers it reads."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from gateway.api.description import schemas, schemas_exports, schemas_identity, schemas_state, schemas_turns
from gateway.api.openai import schemas as schemas_openai
from gateway.core.model import JsonObject

JSON = "application/json"
TEXT = "text/plain"
STREAM = "text/event-stream"
MARKDOWN = "text/markdown"
EITHER = (JSON, STREAM)


@dataclass(frozen=True, slots=True)
class Entry:
    """`answer` None: no body, or one that is no JSON. `headers`: names of `HEADERS`; `tells`: of `TOLD`."""

    group: str
    answer: type[BaseModel] | None = None
    media: tuple[str, ...] = (JSON,)
    headers: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()


PREFER = "Prefer"
METADATA_KEY = "metadata.KEY"
IF_MATCH = "If-Match"
IF_NONE_MATCH = "If-None-Match"
ETAG = "ETag"
SESSION = "X-Session-Id"
KEY = "Idempotency-Key"
HEADERS: dict[str, JsonObject] = {
    PREFER: {
        "name": PREFER,
        "in": "header",
        "description": "`wait=<seconds>`: how long to wait for the reply (RFC 7240). Anything else has no effect.",
        "schema": {"type": "string"},
        "example": "wait=5",
    },
    METADATA_KEY: {
        "name": METADATA_KEY,
        "in": "query",
        "description": "Any key of 1 to 100 characters in place of KEY: only sessions whose metadata has this value "
        'there, compared as text (`7` is 7 and `"7"`). May be given for several keys.',
        "schema": {"type": "string"},
    },
    IF_MATCH: {
        "name": IF_MATCH,
        "in": "header",
        "required": True,
        "description": "The `ETag` that the state was read with, quotes included; `*` writes over whatever is there.",
        "schema": {"type": "string", "pattern": '^("[0-9]{1,18}"|[*])$'},
        "example": '"3"',
    },
    IF_NONE_MATCH: {
        "name": IF_NONE_MATCH,
        "in": "header",
        "description": "An `ETag` known already; if it is the newest, the answer is 304. Anything else has no effect.",
        "schema": {"type": "string"},
        "example": '"3"',
    },
    SESSION: {
        "name": SESSION,
        "in": "header",
        "description": "The session to go on in; without it the answer begins a new one.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z0-9_-]+$"},
        "example": "0195f3a0-example",
    },
    KEY: {
        "name": KEY,
        "in": "header",
        "description": "The caller's own id of the request: a second one with it adds nothing.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
        "example": "question-17",
    },
}

TOLD: dict[str, JsonObject] = {
    ETAG: {"description": "The version of the state, in quotes.", "schema": {"type": "string"}},
    SESSION: {"description": "The session that the answer belongs to.", "schema": {"type": "string"}},
}
"""Headers of answers."""

ENTRIES: dict[str, Entry] = {
    "list_sessions": Entry("Sessions", schemas.Sessions, headers=(METADATA_KEY,)),
    "create_session": Entry("Sessions", schemas.Session),
    "get_session": Entry("Sessions", schemas.Session),
    "change_session": Entry("Sessions", schemas.Session),
    "delete_session": Entry("Sessions"),
    "list_messages": Entry("Messages", schemas.Messages),
    "send_message": Entry("Messages", schemas.Sent, EITHER, headers=(PREFER,)),
    "edit_message": Entry("Messages", schemas.MessageOrSent, EITHER, headers=(PREFER,)),
    "delete_message": Entry("Messages"),
    "list_versions": Entry("Messages", schemas.MessageVersions),
    "regenerate": Entry("Messages", schemas.Sent, EITHER, headers=(PREFER,)),
    "fork_session": Entry("Sessions", schemas.Session),
    "export_session": Entry("Sessions", schemas_exports.ExportedSession, (JSON, MARKDOWN)),
    "retitle_session": Entry("Sessions", schemas.Session),
    "get_state": Entry("State", schemas_state.State, headers=(IF_NONE_MATCH,), tells=(ETAG,)),
    "put_state": Entry("State", schemas_state.State, headers=(IF_MATCH,), tells=(ETAG,)),
    "list_snapshots": Entry("State", schemas_state.Snapshots),
    "take_snapshot": Entry("State", schemas_state.Snapshot),
    "get_snapshot": Entry("State", schemas_state.SnapshotWithState),
    "restore_snapshot": Entry("State", schemas_state.Restored, tells=(ETAG,)),
    "list_turns": Entry("Turns", schemas_turns.Turns),
    "list_runs": Entry("Schedules", schemas_turns.ScheduleRuns),
    "cancel_turn": Entry("Turns", schemas_turns.TurnCancelled),
    "list_agents": Entry("Agents", schemas.Agents),
    "get_agent": Entry("Agents", schemas.AgentInDetail),
    "agent_sessions": Entry("Agents", schemas.Sessions),
    "active_session": Entry("Agents", schemas.MaybeActiveSession),
    "list_schedules": Entry("Schedules", schemas_turns.Schedules),
    "create_schedule": Entry("Schedules", schemas_turns.Schedule),
    "get_schedule": Entry("Schedules", schemas_turns.Schedule),
    "change_schedule": Entry("Schedules", schemas_turns.Schedule),
    "delete_schedule": Entry("Schedules"),
    "run_schedule": Entry("Schedules", schemas_turns.RunBegun),
    "me": Entry("Identity", schemas.Me),
    "sign_in": Entry("Identity", schemas.SignedIn),
    "new_visitor": Entry("Identity", schemas.Visitor),
    "identify_visitor": Entry("Identity", schemas_identity.Identified),
    "link_telegram": Entry("Identity", schemas_identity.LinkCode),
    "erase_me": Entry("Identity"),
    "export_me": Entry("Identity", schemas_exports.ExportedUser),
    "export_user": Entry("Identity", schemas_exports.ExportedUser),
    "erase_user": Entry("Identity"),
    "list_links": Entry("Identity", schemas_identity.Links),
    "delete_link": Entry("Identity"),
    "list_tokens": Entry("Identity", schemas.Tokens),
    "create_token": Entry("Identity", schemas.NewToken),
    "revoke_token": Entry("Identity"),
    "chat": Entry("AI SDK", media=(STREAM,)),
    "chat_stream": Entry("AI SDK", media=(STREAM,)),
    "complete": Entry("OpenAI", schemas_openai.ChatCompletion, EITHER, headers=(SESSION, KEY), tells=(SESSION,)),
    "list_models": Entry("OpenAI", schemas_openai.Models),
    "get_model": Entry("OpenAI", schemas_openai.Model),
    "healthz": Entry("Health", schemas.Health),
    "readyz": Entry("Health", schemas.Readiness),
    "metrics": Entry("Health", media=(TEXT,)),
}
"""By the name of the route's function, in the order of the reading page's groups."""

UNDESCRIBED = frozenset({"document", "page", "console", "widget", "asset", "icon", "handle"})
"""Pages, files and the WebSocket: not what programs call over HTTP."""

EXAMPLES: dict[str, JsonObject] = {
    "sign_in": {"code": "k3J9-example"},
    "identify_visitor": {"visitor_token": "eyJ-example"},
    "create_token": {"name": "laptop", "expires": "30d"},
    "create_session": {"title": "First talk", "metadata": {"course": 7}},
    "change_session": {"title": "Renamed"},
    "send_message": {"id": "greeting", "text": "Hello"},
    "edit_message": {"text": "Good morning"},
    "regenerate": {},
    "fork_session": {"title": "Another way"},
    "put_state": {"blackboard": {"topic": "ships"}, "attributes": {"mood": "calm"}},
    "take_snapshot": {"reason": "manual"},
    "restore_snapshot": {"rewind": True},
    "create_schedule": {
        "name": "Morning news",
        "prompt": "What is new?",
        "trigger": {"type": "cron", "expression": "0 8 * * mon-fri"},
        "timezone": "Europe/Berlin",
    },
    "change_schedule": {"is_active": False},
    "chat": {
        "id": "lunch",
        "messages": [{"id": "m1", "role": "user", "parts": [{"type": "text", "text": "Hello"}]}],
    },
    "complete": {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]},
}
"""A valid body of each route that takes one."""
