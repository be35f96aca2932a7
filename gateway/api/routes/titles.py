"""`/api/chat/sessions/{session_id}/title`: a title made anew."""

from __future__ import annotations

from aiohttp import web

from gateway.api.parts import acting_user, parts_of
from gateway.api.requests.limits import allow_message
from gateway.api.requests.reading import session_id_of, validated
from gateway.api.responses.answers import json
from gateway.core.shapes import session_json


@validated
async def retitle_session(request: web.Request, session_id: str, /) -> web.Response:
    """Makes the title anew: by the agent where it can, else of the first message. A title of the user's own stays."""
    # An agent may be asked for it, which costs what a message does.
    allow_message(request)
    session = await parts_of(request).titler.rename(session_id_of(session_id), acting_user(request))
    return json(session_json(session))
