"""`turngate token`: API tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer

from channels.table import USER_IDS
from gateway.api.models.identity import Token
from gateway.app.building.stores import open_or_create_stores, open_stores
from gateway.cli.options import AsJson, ConfigFile, DataDir, OfUser, Role, id_from, quiet_settings, role_of
from gateway.cli.output import ago, print_json, print_table, say
from gateway.config import Settings
from gateway.core.durations import duration
from gateway.core.model import UserId
from gateway.core.ports.users.tokens import ApiToken
from gateway.core.shapes import instant_or_none
from gateway.errors import InvalidInput
from gateway.identity.credentials import digest, new_api_token

commands = typer.Typer(help="API tokens, with which programs and the console sign in.", no_args_is_help=True)

User = Annotated[str, typer.Option("--user", metavar="U", help="Whose token it is.")]
Name = Annotated[
    str | None, typer.Option("--name", metavar="N", help="What it is for, so that you recognize it later.")
]
AsRole = Annotated[
    Role,
    typer.Option("--role", metavar="user|operator", parser=role_of, help="Operators may act on everyone's objects."),
]
Expires = Annotated[str | None, typer.Option("--expires", metavar="30d", help="When it expires; default: never.")]


@dataclass(frozen=True, slots=True)
class TokenDraft:
    """A token to be created."""

    user_id: UserId
    name: str | None
    role: Role
    lifetime: timedelta | None


@commands.command("create")
def create(
    *,
    user: User,
    name: Name = None,
    role: AsRole = "user",
    expires: Expires = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Make a token and print it. It is shown this once: the database keeps only its SHA-256."""
    if not USER_IDS.may_name_account(user):
        raise InvalidInput(f"--user should be {USER_IDS.account_rule}.")
    lifetime = None if expires is None else duration(expires, "--expires")
    token = new_api_token()
    settings = quiet_settings(config, data_dir)
    made = asyncio.run(_create(settings, TokenDraft(UserId(user), name, role, lifetime), token))
    if as_json:
        expiry = instant_or_none(made.expires_at)
        print_json({"id": str(made.id), "token": token, "user": user, "role": made.role, "expires_at": expiry})
        return
    typer.echo(token)
    say(f"Token {made.id} of {user} ({made.role}), {ends(made)}. Store it now: it is not shown again.")


def ends(token: ApiToken) -> str:
    """Says when the token expires."""
    return "never expires" if token.expires_at is None else f"expires {token.expires_at:%Y-%m-%d %H:%M} UTC"


@commands.command("list")
def list_(
    *,
    user: OfUser = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List tokens, without their secrets."""
    tokens = asyncio.run(_list(quiet_settings(config, data_dir), user))
    if as_json:
        print_json([Token.of(token).model_dump(mode="json") for token in tokens])
        return
    columns = ("id", "user", "name", "role", "created", "last used", "state")
    print_table(columns, map(_row, tokens), "No tokens yet. Create one: turngate token create --user U")


def _row(token: ApiToken) -> tuple[str, ...]:
    state = "revoked" if token.revoked_at else "expired" if _expired(token) else ends(token)
    used = ago(token.last_used_at)
    return (str(token.id), token.user_id, token.name or "", token.role, ago(token.created_at), used, state)


def _expired(token: ApiToken) -> bool:
    return token.remaining is not None and token.remaining <= timedelta(0)


@commands.command("revoke")
def revoke(
    token_id: Annotated[
        UUID,
        typer.Argument(metavar="ID", parser=id_from("turngate token list"), help="As `turngate token list` shows it."),
    ],
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """End a token; running gateways notice within five seconds."""
    asyncio.run(_revoke(quiet_settings(config, data_dir), token_id))
    say(f"Token {token_id} is revoked.")


async def _create(settings: Settings, draft: TokenDraft, token: str) -> ApiToken:
    async with open_or_create_stores(settings) as stores:
        return await stores.tokens.create(draft.user_id, digest(token), draft.name, draft.role, draft.lifetime)


async def _list(settings: Settings, user: str | None) -> Sequence[ApiToken]:
    async with open_stores(settings) as stores:
        return await stores.tokens.list(None if user is None else UserId(user))


async def _revoke(settings: Settings, token_id: UUID) -> None:
    async with open_stores(settings) as stores:
        await stores.tokens.revoke(token_id, None)
