"""Responses as UI message streams: to an accepted message, a turn in progress, a chat command."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from aiohttp import web

from gateway.api.ai_sdk.message_stream import UiMessageStream, notice_chunks
from gateway.api.parts import parts_of
from gateway.api.responses.streaming import Batches, stream
from gateway.api.responses.turn_following import FollowedTurn, follow_turn
from gateway.core.model import JsonObject, Session
from gateway.core.ports.sessions.sessions import OpenTurn
from gateway.core.ports.turns import Acceptance
from gateway.core.service import Notice
from gateway.errors import Conflict


async def stream_answer(request: web.Request, session: Session, accepted: Acceptance) -> web.StreamResponse:
    """Streams the answer to a message that is durable by now. Raises `Conflict` for a message that gets no answer."""
    if accepted.turn_id is None:
        raise Conflict("This message is from before turns were recorded: it has no answer of its own.")
    message = accepted.message
    return await _stream_turn(
        request,
        FollowedTurn(
            accepted.turn_id,
            (accepted.session or session).session_id,
            session.user_id,
            accepted.turn_status,
            accepted.attempt,
            claimed=accepted.turn is not None,
        ),
        {} if message is None else {"message_id": message.id},
    )


async def stream_open_turn(request: web.Request, session: Session, turn: OpenTurn) -> web.StreamResponse:
    """Streams the answer in progress from its beginning."""
    return await _stream_turn(
        request, FollowedTurn(turn.turn_id, session.session_id, session.user_id, turn.status, turn.attempt), {}
    )


async def _stream_turn(request: web.Request, turn: FollowedTurn, metadata: JsonObject) -> web.StreamResponse:
    shape = UiMessageStream(turn.turn_id, turn.session_id, metadata)
    return await stream(request, follow_turn(parts_of(request), turn, shape))


async def stream_notice(request: web.Request, session: Session, notice: Notice) -> web.StreamResponse:
    """Streams the answer to a chat command."""
    return await stream(request, _at_once(notice_chunks(str(uuid4()), notice, session.session_id)))


async def _at_once(chunks: Sequence[JsonObject]) -> Batches:
    yield chunks
