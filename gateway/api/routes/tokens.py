"""`/api/me`, `/api/tokens`, `/api/sign-in`, `/api/visitors`: the caller, tokens and sign-in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal

from aiohttp import hdrs, web
from pydantic import Field

from gateway.api.models.identity import Identified, Me, NewToken, SignedIn, Token, Tokens, Visitor
from gateway.api.parts import acting_user, parts_of, principal_of
from gateway.api.requests.limits import allow_visitor
from gateway.api.requests.reading import Body, Name, User, UuidPath, uuid_of
from gateway.api.responses.answers import answer, no_content
from gateway.api.route import ERASED, route
from gateway.api.routes.sessions import narrowed
from gateway.core.durations import duration
from gateway.core.model import Principal, UserId
from gateway.core.user_ids import UserIds
from gateway.errors import Forbidden, InvalidInput, Unauthenticated
from gateway.identity.credentials import digest, new_api_token
from gateway.identity.passes import VisitorPasses

CONSOLE_LIFETIME = timedelta(days=30)


class TokenDraft(Body):
    """A token to create."""

    name: Name | None = None
    role: Literal["user", "operator"] = "user"
    user_id: User | None = Field(None, description="For another user; operators only.")
    expires: Annotated[str, Field(max_length=20, json_schema_extra={"pattern": "^[1-9][0-9]{0,7}[smhdw]$"})] | None = (
        Field(None, description="`45m`, `12h`, `30d` or `2w`, at most ten years. Absent: never expires.")
    )


class Identification(Body):
    """A visitor to identify as the caller."""

    visitor_token: str = Field(min_length=1, max_length=8_192, description="As returned by `POST /api/visitors`.")


class SignIn(Body):
    """A one-time code, as created by `turngate sign-in`."""

    code: str = Field(min_length=1, max_length=200)


@route("GET", "/api/me", "Identity", answer=Me)
async def me(request: web.Request) -> web.Response:
    """Returns the user and role of the token."""
    return answer(Me.of(principal_of(request)))


@route("GET", "/api/tokens", "Identity", answer=Tokens)
async def list_tokens(request: web.Request, user: User | None = None) -> web.Response:
    """Lists the user's tokens; for operators, everyone's, filtered by `user`."""
    _require_account(principal_of(request))
    tokens = await parts_of(request).tokens.list(narrowed(request, user))
    return answer(Tokens(tokens=tuple(map(Token.of, tokens))))


@route(
    "POST",
    "/api/tokens",
    "Identity",
    answer=NewToken,
    statuses=(HTTPStatus.CREATED,),
    refusals={
        HTTPStatus.CONFLICT: f"{ERASED}, or already has as many valid tokens as allowed",
    },
    example={"name": "laptop", "expires": "30d"},
)
async def create_token(request: web.Request, draft: TokenDraft) -> web.Response:
    """Creates a token, which is shown only once."""
    principal = principal_of(request)
    _require_account(principal)
    token = new_api_token()
    parts = parts_of(request)
    owner = owner_of(principal, draft, parts.user_ids)
    lifetime = None if draft.expires is None else duration(draft.expires, "expires")
    most = parts.settings.limits.tokens_per_user
    made = await parts.tokens.create(owner, digest(token), draft.name, draft.role, lifetime, most=most)
    return answer(NewToken(**dict(Token.of(made)), token=token), HTTPStatus.CREATED)


def owner_of(principal: Principal, draft: TokenDraft, user_ids: UserIds) -> UserId:
    """Returns the new token's owner. Raises `Forbidden` for more than the caller's rights; `InvalidInput` for a user without an account."""
    owner = UserId(draft.user_id or principal.user_id)
    if principal.role != "operator" and (draft.role == "operator" or owner != principal.user_id):
        raise Forbidden("Only an operator may create tokens for other users or with the role operator.")
    if not user_ids.may_name_account(owner):
        raise InvalidInput(f"user_id should be {user_ids.account_rule}.")
    return owner


@route("DELETE", "/api/tokens/{token_id}", "Identity", statuses=(HTTPStatus.NO_CONTENT,))
async def revoke_token(request: web.Request, token_id: UuidPath, /) -> web.Response:
    """Revokes a token: here immediately, on other replicas within five seconds."""
    parts = parts_of(request)
    parts.authenticator.forget(await parts.tokens.revoke(uuid_of(token_id, "token"), acting_user(request)))
    return no_content()


def _require_account(principal: Principal) -> None:
    if principal.role == "visitor":
        raise Forbidden("Visitors have no account for this. Sign in first.")


@route(
    "POST",
    "/api/sign-in",
    "Identity",
    caller="anyone",
    answer=SignedIn,
    refusals={
        HTTPStatus.CONFLICT: ERASED,
    },
    example={"code": "k3J9-example"},
)
async def sign_in(request: web.Request, given: SignIn) -> web.Response:
    """Exchanges a one-time code for a token that is valid for 30 days."""
    tokens = parts_of(request).tokens
    holder = await tokens.redeem_code(digest(given.code))
    if holder is None:
        raise Unauthenticated("This code is invalid, expired or already used. Create a new one with: turngate sign-in")
    user_id, role = holder
    token = new_api_token()
    made = await tokens.create(user_id, digest(token), "console", role, CONSOLE_LIFETIME)
    return answer(SignedIn(token=token, user_id=user_id, role=role, expires_at=made.expires_at or made.created_at))


@route("POST", "/api/visitors", "Identity", caller="anyone", answer=Visitor, statuses=(HTTPStatus.CREATED,))
async def new_visitor(request: web.Request) -> web.Response:
    """Creates an anonymous visitor's token, bound to the page's origin."""
    parts = parts_of(request)
    origin = request.headers.get(hdrs.ORIGIN, "").lower()
    if not parts.settings.web.anonymous:
        raise Forbidden("This gateway does not allow anonymous visitors (web.anonymous).")
    if origin not in parts.settings.web.allowed_origins:
        raise Forbidden("Visitors must come from pages of an allowed origin (web.allowed_origins).")
    allow_visitor(request)
    made = VisitorPasses(parts.secret_key).issue(origin, datetime.now(UTC))
    return answer(Visitor.of(made), HTTPStatus.CREATED)


@route(
    "POST",
    "/api/visitors/identify",
    "Identity",
    answer=Identified,
    refusals={
        HTTPStatus.CONFLICT: "An answer to the visitor is being written, or the visitor belongs to another user",
    },
    example={"visitor_token": "eyJ-example"},
)
async def identify_visitor(request: web.Request, given: Identification) -> web.Response:
    """Gives a visitor's sessions to the caller, from a page of the visitor's origin; the visitor's token is no longer valid afterwards."""
    parts, principal = parts_of(request), principal_of(request)
    _require_account(principal)
    try:
        passes = VisitorPasses(parts.secret_key)
        visitor = passes.verify(given.visitor_token, request.headers.get(hdrs.ORIGIN))
    except Unauthenticated as error:
        # The caller's own token is valid; a 401 would make a client discard it.
        raise InvalidInput(f"visitor_token: {error}") from None
    return answer(Identified(sessions=await parts.visitors.identify(visitor.user_id, principal.user_id)))
