"""Request and response headers, as `/openapi.json` describes them; also `metadata.KEY` in queries."""

from __future__ import annotations

from gateway.core.model import JsonObject

PREFER = "Prefer"
METADATA_KEY = "metadata.KEY"
IF_MATCH = "If-Match"
IF_NONE_MATCH = "If-None-Match"
ETAG = "ETag"
X_SESSION_ID = "X-Session-Id"
IDEMPOTENCY_KEY = "Idempotency-Key"
REQUEST_HEADERS: dict[str, JsonObject] = {
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
        'there, compared as text (`7` is 7 and `"7"`). May be repeated for several keys.',
        "schema": {"type": "string"},
    },
    IF_MATCH: {
        "name": IF_MATCH,
        "in": "header",
        "required": True,
        "description": "The `ETag` from reading the state, including the quotes; `*` overwrites any version.",
        "schema": {"type": "string", "pattern": '^("[0-9]{1,18}"|[*])$'},
        "example": '"3"',
    },
    IF_NONE_MATCH: {
        "name": IF_NONE_MATCH,
        "in": "header",
        "description": "An `ETag` from an earlier response; if it is still current, the response is 304. Anything else has no effect.",
        "schema": {"type": "string"},
        "example": '"3"',
    },
    X_SESSION_ID: {
        "name": X_SESSION_ID,
        "in": "header",
        "description": "The session to continue; without it, the call starts a new one.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z0-9_-]+$"},
        "example": "0195f3a0-example",
    },
    IDEMPOTENCY_KEY: {
        "name": IDEMPOTENCY_KEY,
        "in": "header",
        "description": "The caller's own id for the request: repeating it adds nothing.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
        "example": "question-17",
    },
}

RESPONSE_HEADERS: dict[str, JsonObject] = {
    ETAG: {"description": "The version of the state, in quotes.", "schema": {"type": "string"}},
    X_SESSION_ID: {"description": "The session that the answer belongs to.", "schema": {"type": "string"}},
}
"""Response headers."""
