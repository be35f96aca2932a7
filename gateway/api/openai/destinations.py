"""Finds the session of a chat completion, and the messages that the request adds to it."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from gateway.api.openai.requests import ChatCompletionRequest, Conversation
from gateway.api.openai.sessions import RECENT, news, session_name
from gateway.api.parts import AgentInfo, acting_user, parts_of, principal_of
from gateway.api.requests.reading import session_id_of
from gateway.core.model import API, STATELESS, JsonObject, Session, TurnId
from gateway.core.ports.sessions.changes import SessionUpdate
from gateway.core.ports.sessions.imported_transcripts import ImportedTranscript
from gateway.core.titles.titles import title_from

SESSION = "X-Session-Id"


@dataclass(frozen=True, slots=True)
class Destination:
    """The session that a request belongs to. `session` None: none yet, for a chat command. `data`: parts of its message.

    `text`: what is new there. `is_repeated`: nothing is new; then `turn_id` answers the last message.
    """

    session: Session | None
    text: str
    data: tuple[JsonObject, ...] = ()
    is_repeated: bool = False
    turn_id: TurnId | None = None


async def find_destination(
    request: web.Request, agent: AgentInfo, body: ChatCompletionRequest, said: Conversation, key: str | None
) -> Destination:
    """Returns the session that the request names, existing or new; without a name, a session of its own. Raises `NotFound`."""
    parts, user_id = parts_of(request), principal_of(request).user_id
    header = request.headers.get(SESSION)
    if header is not None:
        session = await parts.sessions.get(session_id_of(header), acting_user(request))
        return Destination(await _listed(request, session), said.question)
    name = session_name(body, request.headers)
    known = None if name is None else await parts.imported_transcripts.find(user_id, name)
    if known is not None:
        return await _in_known(request, known, body, said, key)
    if said.command is not None:
        return Destination(None, said.question)
    texts = [one.content for one in said.before if one.role == "user"]
    title = title_from(texts[0] if texts else said.question) if said.before else None
    metadata: JsonObject = {STATELESS: True} if name is None else {}
    transcript = ImportedTranscript(user_id, API, agent.name, said.before, title, name or key, metadata)
    return Destination(await parts.imported_transcripts.create(transcript), said.question, said.data)


async def _in_known(
    request: web.Request, session: Session, body: ChatCompletionRequest, said: Conversation, key: str | None
) -> Destination:
    if said.command is not None:
        return Destination(session, said.question)
    page = await parts_of(request).messages.page(session.session_id, session.user_id, RECENT, None)
    text = news(body, page.messages, whole=page.next_before_id is None)
    if text or key is not None:
        # With a key of its own, a repeated request is recognised by the key.
        return Destination(session, text or said.question)
    turns = [row.turn_id for row in page.messages if row.role == "user" and not row.deleted]
    return Destination(session, "", is_repeated=True, turn_id=turns[-1])


async def _listed(request: web.Request, session: Session) -> Session:
    """A stateless call becomes a conversation when a client continues it."""
    if session.metadata.get(STATELESS) is not True:
        return session
    metadata = {name: value for name, value in session.metadata.items() if name != STATELESS}
    changed = await parts_of(request).session_changes.change(
        session.session_id, acting_user(request), SessionUpdate(metadata=metadata)
    )
    parts_of(request).announcer.session(changed)
    return changed
