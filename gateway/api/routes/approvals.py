"""`/api/approvals`: open questions of agents, and answering them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from pydantic import Field

from gateway.api.models import approvals as models
from gateway.api.parts import parts_of, principal_of
from gateway.api.requests.limits import allow_message
from gateway.api.requests.reading import Body, Limit, User, UuidPath, uuid_of
from gateway.api.responses.answers import answer
from gateway.api.route import route
from gateway.api.routes.sessions import narrowed
from gateway.core.model import API, ApprovalId


class Choice(Body):
    """An answer. `choice`: a choice's words, or its number."""

    choice: Annotated[str, Field(min_length=1, max_length=200)]
    text: (
        Annotated[str, Field(max_length=4_000, description="Said beside the choice; the agent receives it.")] | None
    ) = None


@route("GET", "/api/approvals", "Turns", answer=models.Approvals)
async def list_approvals(request: web.Request, /, user: User | None = None, limit: Limit = 50) -> web.Response:
    """Lists the open questions of agents in the user's sessions; for operators, everyone's, filtered by `user`."""
    found = await parts_of(request).approvals.open(narrowed(request, user), limit)
    return answer(models.Approvals(approvals=tuple(map(models.Approval.of, found))))


@route(
    "POST",
    "/api/approvals/{approval_id}",
    "Turns",
    answer=models.Approval,
    refusals={
        HTTPStatus.CONFLICT: "The question was answered before, or its turn was cancelled; the detail says which",
        HTTPStatus.FORBIDDEN: "Only an operator may answer this question",
    },
    example={"choice": "Allow"},
)
async def answer_approval(request: web.Request, approval_id: UuidPath, /, given: Choice) -> web.Response:
    """Answers a question of an agent, whose turn then continues. The first answer wins."""
    allow_message(request)
    principal = principal_of(request)
    approval = await parts_of(request).approvals.answer(
        ApprovalId(uuid_of(approval_id, "question")),
        given.choice,
        given.text,
        principal.user_id,
        API,
        is_operator=principal.role == "operator",
    )
    return answer(models.Approval.of(approval))
