"""`/api/links`: the accounts on networks that are linked to a user."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from gateway.api.models.identity import Link, LinkCode, Links
from gateway.api.parts import acting_user, parts_of, principal_of
from gateway.api.requests.reading import User, UuidPath, uuid_of
from gateway.api.responses.answers import answer, no_content
from gateway.api.route import route
from gateway.api.routes.sessions import narrowed
from gateway.core.model import ChannelName
from gateway.errors import Forbidden

NETWORK = ChannelName("telegram")
"""The contract's route names it."""


@route(
    "POST",
    "/api/links/telegram",
    "Identity",
    answer=LinkCode,
    statuses=(HTTPStatus.CREATED,),
    refusals={
        HTTPStatus.CONFLICT: "The Telegram channel is off, or its bot is not known yet; `detail` says what to do",
    },
)
async def link_telegram(request: web.Request) -> web.Response:
    """Creates a one-time code, valid for ten minutes: whoever opens its deep link, or sends it to the bot, chats as the caller."""
    principal = principal_of(request)
    _require_account(request)
    made = await parts_of(request).links.invite(principal.user_id, NETWORK)
    return answer(LinkCode.of(made), HTTPStatus.CREATED)


@route("GET", "/api/links", "Identity", answer=Links)
async def list_links(request: web.Request, user: User | None = None) -> web.Response:
    """Lists the user's links, oldest first; for operators, everyone's, filtered by `user`."""
    _require_account(request)
    links = await parts_of(request).links.list(narrowed(request, user))
    return answer(Links(links=tuple(map(Link.shown, links))))


@route("DELETE", "/api/links/{link_id:(?!telegram$)[^/]+}", "Identity", statuses=(HTTPStatus.NO_CONTENT,))
async def delete_link(request: web.Request, link_id: UuidPath, /) -> web.Response:
    """Ends a link: here immediately, on other replicas within five seconds. No conversation is moved."""
    _require_account(request)
    await parts_of(request).links.unlink(uuid_of(link_id, "link"), acting_user(request))
    return no_content()


def _require_account(request: web.Request) -> None:
    if not parts_of(request).user_ids.has_account(principal_of(request).user_id):
        raise Forbidden("Visitors have no account to link to. Sign in first.")
