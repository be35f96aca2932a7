"""`/api/chat/sessions`: the list, and one session."""

from __future__ import annotations

from http import HTTPStatus
from typing import Self

from aiohttp import web
from pydantic import ConfigDict, Field, model_validator

from gateway.api.headers import METADATA_KEY
from gateway.api.models.sessions import Session, Sessions
from gateway.api.parts import acting_user, parts_of, principal_of
from gateway.api.requests.reading import (
    METADATA,
    AgentChoice,
    Body,
    Channel,
    Cursor,
    Limit,
    Metadata,
    Name,
    Offset,
    Search,
    SessionPath,
    Title,
    User,
    as_json,
    metadata_of,
    rows_to_skip,
    session_id_of,
    without_null,
)
from gateway.api.responses.answers import answer, no_content
from gateway.api.route import ERASED, route
from gateway.core.model import WEB, AgentName, Route, UserId
from gateway.core.ports.sessions.changes import GivenTitle, SessionUpdate
from gateway.core.ports.sessions.sessions import NewSession, SessionFilter
from gateway.core.titles.titles import title_from
from gateway.errors import Forbidden


class SessionDraft(Body):
    """A session to create."""

    agent_name: AgentChoice | None = Field(None, description="Default: the gateway's default agent.")
    title: Title | None = None
    metadata: Metadata = Field({}, description="Your own data, at most 16 KiB as JSON.")


class SessionChange(Body):
    """Changes to a session; absent fields stay as they are. At least one is needed."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    title: Title | None = Field(None, description="Set by the user and kept; null lets the gateway generate one again.")
    metadata: Metadata | None = Field(
        None, description="Replaces all metadata; an empty object clears it.", json_schema_extra=without_null
    )
    is_active: bool | None = Field(
        None, description="False ends the session; true reopens it.", json_schema_extra=without_null
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"give at least one of {', '.join(type(self).model_fields)}")
        for name in self.model_fields_set - {"title"}:
            if getattr(self, name) is None:
                raise ValueError(f"{name} may not be null; leave it out to keep its value")
        return self


@route("GET", "/api/chat/sessions", "Sessions", answer=Sessions, request_headers=(METADATA_KEY,), family=METADATA)
async def list_sessions(  # noqa: PLR0917 - each is a query parameter, given by name
    request: web.Request,
    channel: Channel | None = None,
    agent: Name | None = None,
    active: bool | None = None,  # noqa: FBT001 - a query parameter has no other form
    q: Search | None = None,
    user: User | None = None,
    limit: Limit = 50,
    offset: Offset | None = None,
    cursor: Cursor | None = None,
) -> web.Response:
    """Lists the user's sessions, latest activity first; for operators, everyone's, filtered by `user`.

    With `q` the best matches come first, and each session says where it matches.
    """
    wanted = SessionFilter(
        user_id=narrowed(request, user),
        channel=parts_of(request).channel_asked_for(channel),
        agent=None if agent is None else AgentName(agent),
        active=active,
        metadata=metadata_of(request),
        limit=limit,
        offset=rows_to_skip(cursor, offset),
        cursor=cursor,
    )
    if q is not None:
        return answer(Sessions.found(await parts_of(request).search.search(q, wanted)))
    return answer(Sessions.of(await parts_of(request).sessions.list(wanted)))


def narrowed(request: web.Request, user: str | None) -> UserId | None:
    """Returns whose objects a list contains. Raises `Forbidden` if a user asks for another's."""
    acting = acting_user(request)
    if user is None or user == acting:
        return acting
    if acting is not None:
        raise Forbidden("Only an operator may list another user's objects.")
    return UserId(user)


@route(
    "POST",
    "/api/chat/sessions",
    "Sessions",
    answer=Session,
    statuses=(HTTPStatus.CREATED,),
    refusals={
        HTTPStatus.CONFLICT: ERASED,
    },
    example={"title": "First talk", "metadata": {"course": 7}},
)
async def create_session(request: web.Request, draft: SessionDraft) -> web.Response:
    """Creates a web session without messages."""
    parts = parts_of(request)
    agent = parts.agent_asked_for(draft.agent_name)
    route, metadata = Route(f"{WEB}:{agent}"), as_json(draft.metadata)
    session = await parts.sessions.create(
        NewSession(principal_of(request).user_id, WEB, agent, route, draft.title, metadata)
    )
    parts.announcer.session(session)
    return answer(Session.of(session), HTTPStatus.CREATED)


@route("GET", "/api/chat/sessions/{session_id}", "Sessions", answer=Session)
async def get_session(request: web.Request, session_id: SessionPath, /) -> web.Response:
    """Returns one session."""
    session = await parts_of(request).sessions.get(session_id_of(session_id), acting_user(request))
    return answer(Session.of(session))


@route("PATCH", "/api/chat/sessions/{session_id}", "Sessions", answer=Session, example={"title": "Renamed"})
async def change_session(request: web.Request, session_id: SessionPath, /, change: SessionChange) -> web.Response:
    """Changes the title or metadata of a session, ends it or reopens it: all given changes, or none."""
    parts, wanted, acting = parts_of(request), session_id_of(session_id), acting_user(request)
    given_back = change.title is None and "title" in change.model_fields_set
    title = None if change.title is None else GivenTitle(change.title, is_users=True)
    if given_back:
        titled = await parts.session_changes.titled(wanted, acting)
        title = GivenTitle(title_from(titled.opening or ""), is_users=False, words_changed_at=titled.words_changed_at)
    metadata = None if change.metadata is None else as_json(change.metadata)
    session = await parts.session_changes.change(wanted, acting, SessionUpdate(title, metadata, change.is_active))
    parts.announcer.session(session)
    if given_back:
        parts.titler.renew(session)
    return answer(Session.of(session))


@route("DELETE", "/api/chat/sessions/{session_id}", "Sessions", statuses=(HTTPStatus.NO_CONTENT,))
async def delete_session(request: web.Request, session_id: SessionPath, /) -> web.Response:
    """Removes a session with everything in it; an answer in progress is cancelled first."""
    await parts_of(request).editing.delete_session(session_id_of(session_id), acting_user(request))
    return no_content()
