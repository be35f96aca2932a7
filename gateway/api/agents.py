"""`/api/agents`: who answers, and the conversation to go on with."""

from __future__ import annotations

from aiohttp import web

from gateway.api.answers import agent_json, json, page_json
from gateway.api.parts import parts_of, principal_of
from gateway.api.reading import Limit, validated
from gateway.core.shapes import session_json


@validated
async def list_agents(request: web.Request) -> web.Response:
    """All agents, the default one first."""
    parts = parts_of(request)
    return json({"agents": [agent_json(agent, parts.settings.default_agent) for agent in parts.agents]})


@validated
async def get_agent(request: web.Request, name: str, /) -> web.Response:
    """One agent."""
    parts = parts_of(request)
    return json(agent_json(parts.agent(name), parts.settings.default_agent))


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
