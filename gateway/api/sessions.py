"""`/api/chat/sessions`: the list, and one session."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from pydantic import Field

from gateway.api.answers import json, no_content
from gateway.api.parts import acting_user, parts_of, principal_of
from gateway.api.reading import Body, Channel, Limit, Metadata, Name, Offset, Title, User, session_id_of, validated
from gateway.core.model import WEB, AgentName, JsonObject, Route, UserId
from gateway.core.ports.sessions import NewSession, SessionFilter
from gateway.core.shapes import session_json
from gateway.errors import Forbidden, InvalidInput


class SessionDraft(Body):
    """A session to be made."""

    agent_name: Name | None = Field(None, description="Default: the gateway's default agent.")
    title: Title | None = None
    metadata: Metadata = Field({}, description="Your own data, at most 16 KiB as JSON.")


class SessionChange(Body):
    """What may be changed of a session. A new title is the user's own and stays; false ends the session."""

    title: Title | None = None
    is_active: bool | None = None


@validated
async def list_sessions(  # noqa: PLR0917 - each is a query parameter, given by name
    request: web.Request,
    channel: Channel | None = None,
    agent: Name | None = None,
    active: bool | None = None,  # noqa: FBT001 - a query parameter has no other form
    user: User | None = None,
    limit: Limit = 50,
    offset: Offset | None = None,
    cursor: Annotated[str, Field(max_length=512)] | None = None,
) -> web.Response:
    """The user's sessions, latest activity first; an operator's list holds everyone's, and `user` narrows it."""
    if cursor is not None and offset is not None:
        raise InvalidInput("cursor and offset exclude each other.")
    wanted = SessionFilter(
        user_id=narrowed(request, user),
        channel=channel,
        agent=None if agent is None else AgentName(agent),
        active=active,
        limit=limit,
        offset=offset or 0,
        cursor=cursor,
    )
    page = await parts_of(request).sessions.list(wanted)
    return json(
        {
            "sessions": [session_json(session) for session in page.sessions],
            "total": page.total,
            "next_cursor": page.next_cursor,
        }
    )


def narrowed(request: web.Request, user: str | None) -> UserId | None:
    """Whose objects a list holds. Raises `Forbidden` when someone asks for another user's."""
    acting = acting_user(request)
    if user is None or user == acting:
        return acting
    if acting is not None:
        raise Forbidden("Only an operator may list another user's objects.")
    return UserId(user)


@validated
async def create_session(request: web.Request, draft: SessionDraft) -> web.Response:
    """A new web session without messages."""
    parts = parts_of(request)
    agent = parts.agent_asked_for(draft.agent_name)
    metadata: JsonObject = {**draft.metadata}  # type: ignore[dict-item] # it was JSON a moment ago
    session = await parts.sessions.create(
        NewSession(principal_of(request).user_id, WEB, agent, Route(f"{WEB}:{agent}"), draft.title, metadata)
    )
    return json(session_json(session), HTTPStatus.CREATED)


@validated
async def get_session(request: web.Request, session_id: str, /) -> web.Response:
    """One session."""
    session = await parts_of(request).sessions.get(session_id_of(session_id), acting_user(request))
    return json(session_json(session))


@validated
async def change_session(request: web.Request, session_id: str, /, change: SessionChange) -> web.Response:
    """Gives a session a title, ends it, or opens it again."""
    sessions, wanted, acting = parts_of(request).sessions, session_id_of(session_id), acting_user(request)
    session = await sessions.get(wanted, acting)
    if change.title is not None:
        session = await sessions.rename(wanted, acting, change.title)
    if change.is_active is not None:
        session = await sessions.set_active(wanted, acting, active=change.is_active)
    return json(session_json(session))


@validated
async def delete_session(request: web.Request, session_id: str, /) -> web.Response:
    """Removes a session with its messages."""
    await parts_of(request).sessions.delete(session_id_of(session_id), acting_user(request))
    return no_content()
