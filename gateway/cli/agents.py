"""`turngate agents`: which there are, one turn to try an agent, and a start for a new one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.new_agent import KINDS, NewAgent, create_agent
from gateway.cli.options import AsJson, ConfigFile, DataDir, one_of, quiet_settings
from gateway.cli.output import print_json, print_table, say
from gateway.cli.trying import Trial, as_json, as_line, try_agent
from gateway.config import DEFAULT_FILE
from gateway.core.events import AgentEvent
from gateway.core.model import JsonObject
from gateway.errors import AgentError

commands = typer.Typer(help="The agents that answer.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="As in [agents.NAME].")]
Text = Annotated[str, typer.Argument(metavar="TEXT", help="What a person says.")]
Session = Annotated[
    str | None,
    typer.Option(
        "--session", metavar="S", help="Continue this conversation of the agent's own framework (AgentSession)."
    ),
]
Kind = Annotated[
    str,
    typer.Option("--kind", metavar="|".join(KINDS), parser=one_of("--kind", KINDS), help="Default: python."),
]
Folder = Annotated[Path, typer.Option("--folder", metavar="F", help="Where to write; default: the working folder.")]


@commands.command("list")
def list_(*, as_json: AsJson = False, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """List the agents in the settings, the default one first."""
    settings = quiet_settings(config, data_dir)
    agents = sorted(settings.agents.items(), key=lambda item: item[0] != settings.default_agent)
    if as_json:
        print_json(
            [
                {
                    "name": name,
                    "kind": agent.kind,
                    "is_default": name == settings.default_agent,
                    "description": agent.description,
                }
                for name, agent in agents
            ]
        )
        return
    rows = [
        (name, agent.kind, "yes" if name == settings.default_agent else "", agent.description or "")
        for name, agent in agents
    ]
    print_table(("name", "kind", "default", "description"), rows, "There are no agents.")


@commands.command("try")
def try_(
    *,
    name: Name,
    text: Text,
    session: Session = None,
    as_json_: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Run one turn of an agent, and print each event as it comes; exit 1 if the turn fails.

    It needs no gateway and no database, and stores nothing. The agent receives an empty history.
    """
    settings = quiet_settings(config, data_dir)
    heard: list[AgentEvent] = []
    hear: Callable[[AgentEvent], None] = heard.append if as_json_ else _print_event
    trial = asyncio.run(try_agent(settings, name, text, session, hear))
    if as_json_:
        print_json(_document(trial, heard))
    _say_end(trial)
    raise typer.Exit(0 if trial.error is None else 1)


@commands.command("new")
def new(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name: at most 64 letters, digits, _, . and -.")],
    kind: Kind = "python",
    folder: Folder = Path(),
    as_json_: AsJson = False,
) -> None:
    """Write an agent that runs, with a test; overwrites nothing.

    The settings go into turngate.toml if there is none yet, and are printed otherwise.
    """
    made = create_agent(name, kind, folder)
    if as_json_:
        print_json(dict(asdict(made)))
        return
    _print_start(made)


def _print_event(event: AgentEvent) -> None:
    typer.echo(as_line(event))


def _document(trial: Trial, heard: list[AgentEvent]) -> JsonObject:
    usage = trial.draft.usage
    error = trial.error
    return {
        "agent": trial.agent,
        "status": "completed" if error is None else "failed",
        "text": trial.text,
        "events": [as_json(event) for event in heard],
        "usage": None if usage is None else asdict(usage),
        "agent_session": trial.draft.agent_session,
        "seconds": round(trial.seconds, 3),
        "error": None
        if error is None
        else {
            "text": str(error),
            "class": error.error_class if isinstance(error, AgentError) else "agent_error",
            "retryable": not isinstance(error, AgentError) or error.retryable,
        },
    }


def _say_end(trial: Trial) -> None:
    if trial.error is None:
        say(f"{trial.agent} answered in {trial.seconds:.1f} s: {len(trial.text)} characters{_cost(trial)}.")
        return
    say(trial.shown_error)
    kind = trial.error.error_class if isinstance(trial.error, AgentError) else "agent_error"
    again = "would be tried again" if _may_be_retried(trial.error) else "would not be tried again"
    say(f"{trial.agent} failed after {trial.seconds:.1f} s ({kind}); in a gateway, the turn {again}.")


def _cost(trial: Trial) -> str:
    usage = trial.draft.usage
    if usage is None:
        return ""
    price = "" if usage.cost is None else f", ${usage.cost:.6f}"
    return f", {usage.input_tokens} tokens in and {usage.output_tokens} out{price}"


def _may_be_retried(error: BaseException) -> bool:
    return not isinstance(error, AgentError) or error.retryable


def _print_start(made: NewAgent) -> None:
    for path in made.written:
        typer.echo(f"wrote {path}")
    if made.settings:
        typer.echo(f"\nAdd this to {DEFAULT_FILE}:\n\n{made.settings.rstrip()}")
    typer.echo("\nNext:\n")
    for command in made.next:
        typer.echo(f"  {command}")
