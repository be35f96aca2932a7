"""`/api/chat` and `/api/chat/{id}/stream`: the routes that AI SDK's `useChat` calls by default (`DefaultChatTransport`)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID, uuid4

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from gateway.api.ai_sdk.responses import stream_answer, stream_notice, stream_open_turn
from gateway.api.parts import ApiParts, parts_of, principal_of
from gateway.api.requests.guard import check_command
from gateway.api.requests.limits import allow_message, stream_slot
from gateway.api.requests.reading import AgentChoice, ChatPath
from gateway.api.responses.notices import raise_refusal
from gateway.api.route import STREAM, route
from gateway.core.commands import parse_command
from gateway.core.content.metadata import metadata_of
from gateway.core.content.storable import storable
from gateway.core.inbound import InboundMessage
from gateway.core.intake.dispatcher import check_text
from gateway.core.model import API, WEB, JsonObject, MessageId, Route, Session, TurnId
from gateway.core.ports.sessions.sessions import NewSession
from gateway.core.ports.turns import Acceptance
from gateway.core.service import Notice
from gateway.errors import Conflict, InvalidInput, NotFound

KEY_LENGTH = 128
METADATA_SCHEMA: JsonObject = {
    "anyOf": [{"type": "object"}, {"type": "null"}],
    "default": None,
    "description": "Your own data about the message, at most 16 KiB as JSON; it is passed to the agent.",
}
Key = Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)]


class UiMessage(BaseModel):
    """A message as AI SDK's UIMessage; other keys are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    id: Key = Field(default_factory=lambda: str(uuid4()))
    role: str
    parts: list[dict[str, object]]
    metadata: Annotated[object, WithJsonSchema(METADATA_SCHEMA)] = None

    @property
    def text(self) -> str:
        """Its text parts, with a blank line between them. Raises `InvalidInput` for files."""
        if any(part.get("type") == "file" for part in self.parts):
            raise InvalidInput("Files are not supported yet: leave out the file parts and send text.")
        return "\n\n".join(str(part.get("text", "")) for part in self.parts if part.get("type") == "text")


def _ends_with_user(messages: list[UiMessage]) -> list[UiMessage]:
    if messages[-1].role != "user":
        raise ValueError("the last message should be the user's: agents run tools, clients do not")
    return messages


class UseChatRequest(BaseModel):
    """The request of `useChat`. `id`: the client's own name for the conversation; `agent`: who answers a new one."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    id: Key
    messages: Annotated[list[UiMessage], Field(min_length=1), AfterValidator(_ends_with_user)] = Field(
        description="Only the last message is read: the gateway has the others."
    )
    trigger: Literal["submit-message", "regenerate-message"] = "submit-message"
    message_id: str | None = Field(None, alias="messageId", max_length=160)
    agent: AgentChoice | None = None


@route(
    "POST",
    "/api/chat",
    "AI SDK",
    media=(STREAM,),
    refusals={
        HTTPStatus.NOT_FOUND: "No such conversation, or no such message to answer again",
        HTTPStatus.CONFLICT: "The same as for sending",
    },
    example={"id": "lunch", "messages": [{"id": "m1", "role": "user", "parts": [{"type": "text", "text": "Hello"}]}]},
)
async def chat(request: web.Request, body: UseChatRequest) -> web.StreamResponse:
    """Sends a message, as AI SDK's `useChat` does; the response is a UI message stream."""
    again = body.trigger == "regenerate-message"
    if not again:
        # The dispatcher checks it too, but only after a session was created for it.
        check_text(body.messages[-1].text, parts_of(request).settings.turns.max_text)
    with stream_slot(request):
        allow_message(request)
        old = again or body.message_id is not None
        session = await (_known_session(request, body) if old else _session(request, body))
        accepted = await (_regenerate(request, session, body) if again else _submit(request, session, body))
        if isinstance(accepted, Notice):
            raise_refusal(accepted)
            now = await _session_after(parts_of(request), session, body.id, accepted)
            return await stream_notice(request, now, accepted)
        return await stream_answer(request, session, accepted)


async def _session(request: web.Request, body: UseChatRequest) -> Session:
    parts = parts_of(request)
    agent = parts.agent_asked_for(body.agent)
    new = NewSession(principal_of(request).user_id, WEB, agent, Route(f"{WEB}:{agent}"))
    return await parts.external_keys.find_or_make(body.id, new)


async def _known_session(request: web.Request, body: UseChatRequest) -> Session:
    session = await parts_of(request).external_keys.find(principal_of(request).user_id, body.id)
    if session is None:
        raise NotFound("There is no such conversation.")
    return session


async def _submit(request: web.Request, session: Session, body: UseChatRequest) -> Acceptance | Notice:
    """Submits a message, or replaces an old one and answers it again."""
    parts, message = parts_of(request), body.messages[-1]
    if body.message_id is not None:
        edited, by = await _row_of(parts, session, body.message_id), session.user_id
        if edited is None:
            raise NotFound("There is no such message. To send a new one, leave out messageId.")
        return await parts.editing.answer_again(session, by, edited, message.text, by)
    inbound = _inbound(session, body.id, message)
    await check_command(request, inbound.command)
    accepted = await parts.intake.accept(inbound)
    if isinstance(accepted, Acceptance) and accepted.session is not None:
        await _point(parts, session, body.id, accepted.session)
    return accepted


def _inbound(session: Session, key: str, message: UiMessage) -> InboundMessage:
    # A chat named by a session's own id stays in it: the answers to commands say where to continue, as over HTTP.
    command = parse_command(message.text)
    stays = key == session.session_id and command is not None and not command.begins_with_message
    return InboundMessage(
        user_id=session.user_id,
        channel=API if stays else WEB,
        agent=session.agent_name,
        text=message.text,
        key=message.id,
        route=Route(f"{WEB}:{session.agent_name}"),
        session_id=session.session_id,
        metadata=metadata_of(message.metadata),
        command=command,
    )


async def _session_after(parts: ApiParts, session: Session, key: str, notice: Notice) -> Session:
    """Returns the chat's session after a command. After `/new`, the next message creates it."""
    if notice.moved_to is not None:
        return await _point(parts, session, key, notice.moved_to)
    if not notice.session_ended:
        return session
    if notice.agent is None:
        await parts.external_keys.point(session.user_id, key, None)
        return session
    if notice.agent == session.agent_name and not session.last_seq:
        return session
    new = NewSession(session.user_id, WEB, notice.agent, Route(f"{WEB}:{notice.agent}"))
    return await _point(parts, session, key, await parts.sessions.create(new))


async def _point(parts: ApiParts, session: Session, key: str, there: Session) -> Session:
    if session.session_id not in {key, there.session_id}:
        await parts.external_keys.point(session.user_id, key, there.session_id)
    return there


async def _regenerate(request: web.Request, session: Session, body: UseChatRequest) -> Acceptance:
    parts, by = parts_of(request), session.user_id
    message = None if body.message_id is None else await _row_of(parts, session, body.message_id)
    if body.message_id is not None and message is None:
        # The answer in progress has no row yet.
        if await parts.sessions.open_turns(session.session_id, by):
            raise Conflict("An answer is being written in this session. Wait for it, or stop it first.")
        raise NotFound("There is no such message.")
    return await parts.editing.answer_again(session, by, message, None, by)


async def _row_of(parts: ApiParts, session: Session, ui_id: str) -> MessageId | None:
    """Finds a row by a UIMessage's id: its own id, its turn's (a streamed answer), or the one its sender gave it."""
    if ui_id.startswith(f"{session.session_id}."):
        return MessageId(ui_id)
    sent = await parts.external_keys.sent_as(session.user_id, session.session_id, ui_id)
    return sent or await _reply_of(parts, session, ui_id)


async def _reply_of(parts: ApiParts, session: Session, ui_id: str) -> MessageId | None:
    try:
        outcome = await parts.messages.outcome(TurnId(UUID(ui_id)), session.user_id)
    except (ValueError, NotFound):
        return None
    if outcome is None or outcome.reply.session_id != session.session_id:
        return None
    return outcome.reply.id


@route(
    "GET",
    "/api/chat/{chat_id}/stream",
    "AI SDK",
    statuses=(HTTPStatus.OK, HTTPStatus.NO_CONTENT),
    media=(STREAM,),
    missing=False,
    head=False,
)
async def chat_stream(request: web.Request, chat_id: ChatPath, /) -> web.StreamResponse:
    """Streams the answer in progress in a conversation, from its beginning; 204 if there is none."""
    parts, user_id = parts_of(request), principal_of(request).user_id
    named = len(chat_id) <= KEY_LENGTH and storable(chat_id)
    session = await parts.external_keys.find(user_id, chat_id) if named else None
    turns = [] if session is None else await parts.sessions.open_turns(session.session_id, user_id)
    if session is None or not turns:
        return web.Response(status=HTTPStatus.NO_CONTENT)
    with stream_slot(request):
        return await stream_open_turn(request, session, turns[0])
