"""`/api/chat/sessions/{session_id}/snapshots`: saved states, and restoring them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from pydantic import Field

from gateway.api.headers import ETAG
from gateway.api.models.state import Restored, Snapshot, Snapshots, SnapshotWithState, State
from gateway.api.parts import acting_user, parts_of, principal_of
from gateway.api.requests.reading import Body, Limit, NumberPath, SessionPath, session_id_of
from gateway.api.responses.answers import answer
from gateway.api.route import route
from gateway.api.routes.state import tagged
from gateway.core.ports.sessions.state import AskedReason, SnapshotNumber
from gateway.errors import NotFound

LATEST = "latest"


class SnapshotRequest(Body):
    """Why a snapshot is taken. `page_close` takes one only if something changed since the latest."""

    reason: AskedReason = "manual"


class RestoreRequest(Body):
    """How to restore."""

    rewind: bool = Field(False, description="Whether to rewind the transcript too: later messages are hidden.")


@route("GET", "/api/chat/sessions/{session_id}/snapshots", "State", answer=Snapshots)
async def list_snapshots(
    request: web.Request,
    session_id: SessionPath,
    /,
    limit: Limit = 50,
    before_number: Annotated[
        int, Field(ge=1, le=2**62, description="Continues the list with snapshots older than this one.")
    ]
    | None = None,
) -> web.Response:
    """Lists a session's snapshots, newest first."""
    before = None if before_number is None else SnapshotNumber(before_number)
    page = await parts_of(request).snapshots.list(session_id_of(session_id), acting_user(request), limit, before)
    return answer(Snapshots.of(page))


@route(
    "POST",
    "/api/chat/sessions/{session_id}/snapshots",
    "State",
    answer=Snapshot,
    statuses=(HTTPStatus.CREATED, HTTPStatus.OK),
    example={"reason": "manual"},
)
async def take_snapshot(request: web.Request, session_id: SessionPath, /, wanted: SnapshotRequest) -> web.Response:
    """Takes a snapshot, 201; for `page_close` without changes, returns the latest one, 200."""
    snapshot, made = await parts_of(request).snapshots.take(
        session_id_of(session_id), acting_user(request), wanted.reason
    )
    return answer(Snapshot.of(snapshot), HTTPStatus.CREATED if made else HTTPStatus.OK)


@route("GET", "/api/chat/sessions/{session_id}/snapshots/{number}", "State", answer=SnapshotWithState)
async def get_snapshot(request: web.Request, session_id: SessionPath, number: NumberPath, /) -> web.Response:
    """Returns one snapshot with its state; `latest` is a valid number, too."""
    snapshot, state = await parts_of(request).snapshots.get(
        session_id_of(session_id), acting_user(request), number_of(number)
    )
    return answer(SnapshotWithState(**dict(Snapshot.of(snapshot)), **dict(State.of(state))))


@route(
    "POST",
    "/api/chat/sessions/{session_id}/snapshots/{number}/restore",
    "State",
    answer=Restored,
    response_headers=(ETAG,),
    refusals={
        HTTPStatus.CONFLICT: "An answer is being written, so the transcript cannot be rewound now",
    },
    example={"rewind": True},
)
async def restore_snapshot(
    request: web.Request, session_id: SessionPath, number: NumberPath, /, wanted: RestoreRequest
) -> web.Response:
    """Restores the state of a snapshot or of `latest`; `undo` is the number of the snapshot taken before."""
    by = principal_of(request).user_id
    restored = await parts_of(request).restorer.restore(
        session_id_of(session_id), acting_user(request), number_of(number), by, rewind=wanted.rewind
    )
    shown = Restored(**dict(State.of(restored.state)), snapshot=restored.number, undo=restored.undo)
    return tagged(shown, restored.state)


def number_of(text: str) -> SnapshotNumber | None:
    """Returns a snapshot's number from a path; None: the latest. Raises `NotFound` for an impossible one."""
    if text == LATEST:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise NotFound("There is no such snapshot.")
    return SnapshotNumber(int(text))
