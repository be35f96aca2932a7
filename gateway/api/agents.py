"""`/api/agents`: who answers, and the conversations with each."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from gateway.api.answers import agent_json, json, page_json
from gateway.api.parts import parts_of, principal_of
from gateway.api.reading import Limit, Offset, User, validated
from gateway.api.sessions import narrowed
from gateway.core.ports.sessions import SessionFilter
from gateway.core.shapes import session_json
from gateway.errors import InvalidInput


@validated
async def list_agents(request: web.Request) -> web.Response:
    """All agents, the default one first."""
    parts = parts_of(request)
    return json({"agents": [agent_json(agent, parts.settings.default_agent) for agent in parts.agents]})


@validated
async def get_agent(request: web.Request, name: str, /) -> web.Response:
    """One agent: how its turns are run, and how many sessions the caller has with it."""
    parts = parts_of(request)
    agent = parts.agent(name)
    settings = parts.settings.agents[agent.name]
    mine = await parts.sessions.list(SessionFilter(principal_of(request).user_id, agent=agent.name, limit=1))
    return json(
        {
            **agent_json(agent, parts.settings.default_agent),
            "multitask_strategy": settings.multitask_strategy,
            "collect": settings.collect,
            "timeout_s": parts.settings.turns.timeout_s if settings.timeout_s is None else settings.timeout_s,
            "history": settings.history,
            "session_count": mine.total,
        }
    )


@validated
async def agent_sessions(  # noqa: PLR0917 - each is a path or query parameter, given by name
    request: web.Request,
    name: str,
    /,
    user: User | None = None,
    limit: Limit = 50,
    offset: Offset | None = None,
    cursor: Annotated[str, Field(max_length=512)] | None = None,
) -> web.Response:
    """The user's sessions with an agent, latest activity first; an operator's list holds everyone's."""
    if cursor is not None and offset is not None:
        raise InvalidInput("cursor and offset exclude each other.")
    parts = parts_of(request)
    wanted = SessionFilter(
        user_id=narrowed(request, user),
        agent=parts.agent(name).name,
        limit=limit,
        offset=offset or 0,
        cursor=cursor,
    )
    page = await parts.sessions.list(wanted)
    return json(
        {
            "sessions": [session_json(session) for session in page.sessions],
            "total": page.total,
            "next_cursor": page.next_cursor,
        }
    )


@validated
async def active_session(request: web.Request, name: str, /, limit: Limit = 50) -> web.Response:
    """The session to resume, from whichever channel, with its newest messages; null when it is too long ago."""
    parts = parts_of(request)
    user_id = principal_of(request).user_id
    session = await parts.sessions.latest(user_id, parts.agent(name).name)
    if session is None:
        return json(None)
    page = await parts.messages.page(session.session_id, user_id, limit, None)
    return json({**session_json(session), **page_json(page)})
