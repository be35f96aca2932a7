"""`turngate sign-in`: a link to the console for anyone who can run commands on the gateway's machine."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from channels.table import USER_IDS
from gateway.app.building.stores import open_or_create_stores
from gateway.app.running.sign_in import OWNER, SIGN_IN_TTL, console_url, new_sign_in
from gateway.cli.options import AsJson, ConfigFile, DataDir, Role, quiet_settings, role_of
from gateway.cli.output import print_json, say
from gateway.config import Settings
from gateway.core.model import UserId
from gateway.errors import InvalidInput

User = Annotated[str | None, typer.Option("--user", metavar="U", help=f"Who signs in; default: {OWNER}, an operator.")]
AsRole = Annotated[
    Role | None,
    typer.Option(
        "--role",
        metavar="user|operator",
        parser=role_of,
        help=f"Default: user; for {OWNER}, operator. Operators may act on everyone's objects.",
    ),
]


def sign_in(
    *,
    user: User = None,
    role: AsRole = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Print a URL that signs you in to the console. It works once, for an hour."""
    if user is not None and not USER_IDS.may_name_account(user):
        raise InvalidInput(f"--user should be {USER_IDS.account_rule}.")
    settings = quiet_settings(config, data_dir)
    who = UserId(user or OWNER)
    chosen: Role = role or ("operator" if who == OWNER else "user")
    url, running = console_url(settings)
    address = asyncio.run(_address(settings, url, who, chosen))
    if as_json:
        print_json({"url": address, "user": who, "role": chosen, "expires_in_s": int(SIGN_IN_TTL.total_seconds())})
        return
    typer.echo(address)
    say(f"It signs you in as {who} ({chosen}), works once, and expires in an hour.")
    if not running:
        say("No gateway is running in this data dir; according to the settings, this will be its address.")


async def _address(settings: Settings, url: str, who: UserId, role: Role) -> str:
    async with open_or_create_stores(settings) as stores:
        return await new_sign_in(stores.tokens, url, who, role)
