"""`/api/agents`: the agents, and the conversations with each."""

from __future__ import annotations

from aiohttp import web

from gateway.api.models.agents import Agent, AgentInDetail, Agents
from gateway.api.models.sessions import ActiveSession, MaybeActiveSession, Sessions
from gateway.api.parts import parts_of, principal_of
from gateway.api.requests.reading import Cursor, Limit, NamePath, Offset, User, rows_to_skip
from gateway.api.responses.answers import answer
from gateway.api.route import route
from gateway.api.routes.sessions import narrowed
from gateway.core.ports.sessions.sessions import SessionFilter


@route("GET", "/api/agents", "Agents", answer=Agents)
async def list_agents(request: web.Request) -> web.Response:
    """Lists all agents, the default one first."""
    parts = parts_of(request)
    chosen = [Agent.chosen(agent, parts.settings.default_agent) for agent in parts.agents]
    return answer(Agents(agents=tuple(chosen)))


@route("GET", "/api/agents/{name}", "Agents", answer=AgentInDetail)
async def get_agent(request: web.Request, name: NamePath, /) -> web.Response:
    """Returns one agent: how its turns are run, and how many sessions the caller has with it."""
    parts = parts_of(request)
    agent = parts.agent(name)
    mine = await parts.sessions.list(SessionFilter(principal_of(request).user_id, agent=agent.name, limit=1))
    return answer(
        AgentInDetail(
            name=agent.name,
            kind=agent.kind,
            description=agent.description,
            is_default=agent.name == parts.settings.default_agent,
            multitask_strategy=agent.terms.strategy,
            collect=agent.terms.collect,
            timeout_s=agent.terms.timeout.total_seconds(),
            history=agent.terms.history,
            session_count=mine.total or 0,
        )
    )


@route("GET", "/api/agents/{name}/sessions", "Agents", answer=Sessions)
async def agent_sessions(  # noqa: PLR0917 - each is a path or query parameter, given by name
    request: web.Request,
    name: NamePath,
    /,
    user: User | None = None,
    limit: Limit = 50,
    offset: Offset | None = None,
    cursor: Cursor | None = None,
) -> web.Response:
    """Lists the user's sessions with an agent, latest activity first; for operators, everyone's."""
    parts = parts_of(request)
    wanted = SessionFilter(
        user_id=narrowed(request, user),
        agent=parts.agent(name).name,
        limit=limit,
        offset=rows_to_skip(cursor, offset),
        cursor=cursor,
    )
    return answer(Sessions.of(await parts.sessions.list(wanted)))


@route("GET", "/api/agents/{name}/active-session", "Agents", answer=MaybeActiveSession)
async def active_session(
    request: web.Request, name: NamePath, /, user: User | None = None, limit: Limit = 50
) -> web.Response:
    """Returns the session to resume, from any channel, with its newest messages; null if its last activity is too long ago.

    It is the caller's own; an operator may name another `user`.
    """
    parts = parts_of(request)
    named = None if user is None else narrowed(request, user)
    user_id = named or principal_of(request).user_id
    session = await parts.sessions.latest(user_id, parts.agent(name).name)
    if session is None:
        return answer(MaybeActiveSession(None))
    page = await parts.messages.page(session.session_id, user_id, limit, None)
    return answer(ActiveSession.joined(session, page))
