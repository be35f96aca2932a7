"""`/api/chat/sessions/{session_id}/turns`: the turns of a session and their usage."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from gateway.api.models.turns import Turns
from gateway.api.parts import acting_user, parts_of, principal_of
from gateway.api.requests.reading import GIVEN, Limit, SessionPath, session_id_of
from gateway.api.responses.answers import answer
from gateway.api.route import route


@route("GET", "/api/chat/sessions/{session_id}/turns", "Turns", answer=Turns)
async def list_turns(
    request: web.Request,
    session_id: SessionPath,
    /,
    limit: Limit = 50,
    before: Annotated[
        str,
        Field(
            max_length=512,
            description="Continues the list: the `next_before` of an earlier page.",
            json_schema_extra=GIVEN,
        ),
    ]
    | None = None,
) -> web.Response:
    """Lists a session's turns, newest first; without `before`, includes the usage of all of them."""
    page = await parts_of(request).turn_log.page(session_id_of(session_id), acting_user(request), limit, before)
    return answer(Turns.from_page(page, show_error=principal_of(request).role == "operator"))
