"""The tree of commands."""

from __future__ import annotations

import typer

from gateway.cli import database, doctor, running, schedules, sessions, sign_in, tokens, users

app = typer.Typer(
    help="Turngate, a multi-channel bot gateway: Telegram, web chat and schedules in one Postgres table of sessions.",
    epilog="Settings come from turngate.toml and TURNGATE_… variables; docs/settings.md lists them. None is required.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(running.serve)
app.command("migrate")(database.migrate)
app.command("sign-in")(sign_in.sign_in)
app.command("doctor")(doctor.doctor)
app.add_typer(tokens.commands, name="token")
app.add_typer(sessions.commands, name="sessions")
app.add_typer(schedules.commands, name="schedules")
app.add_typer(users.commands, name="users")
app.add_typer(database.commands, name="db")
