"""`turngate usage`: tokens and cost."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from gateway.api.models import usage as models
from gateway.app.building.stores import open_stores
from gateway.cli.options import AsJson, ConfigFile, DataDir, OfUser, quiet_settings, whole_number
from gateway.cli.output import print_json, print_table, say
from gateway.config import Settings
from gateway.core.model import UserId
from gateway.core.ports.usage import Dimension, UsageGroup, UsageQuery, UsageSummary, Used
from gateway.core.usage_queries import check_period, dimensions_of, first_day, last_day

MOST = 1_000
By = Annotated[
    str,
    typer.Option(
        "--by", metavar="D,…", help="What to add up by: session, user, agent, channel, model, day, or several of them."
    ),
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="DAY", help="The first day, in UTC; default: 29 days before the last.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="DAY", help="The last day, in UTC; default: today.")]
Limit = Annotated[
    int,
    typer.Option(
        "--limit",
        metavar="N",
        parser=whole_number("--limit", 1, MOST),
        help="How many groups to show, highest cost first; at most 1000.",
    ),
]


def usage(
    *,
    by: By = "day",
    user: OfUser = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 200,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Add up tokens and cost by session, user, agent, channel, model and day."""
    first, last = first_day("--since", since), last_day("--until", until)
    check_period(first, last)
    dimensions = dimensions_of("--by", by)
    query = UsageQuery(dimensions, None if user is None else UserId(user), first, last, limit)
    summary = asyncio.run(_summary(quiet_settings(config, data_dir), query))
    if as_json:
        print_json(models.UsageSummary.from_core(summary).model_dump(mode="json"))
        return
    rows = [(*(_name(group, dimension) for dimension in dimensions), *_figures(group.used)) for group in summary.groups]
    if rows:
        rows.append(("total", *("" for _ in dimensions[1:]), *_figures(summary.total)))
    columns = (*dimensions, "turns", "input tokens", "output tokens", "cost in $")
    print_table(columns, rows, f"No usage from {summary.since} to {summary.until}. Agents report it with their turns.")
    if summary.more:
        say(f"Only {limit} groups are shown; --limit, --since, --until and --user choose which.")


async def _summary(settings: Settings, query: UsageQuery) -> UsageSummary:
    async with open_stores(settings) as stores:
        return await stores.usage.summary(query)


def _name(group: UsageGroup, dimension: Dimension) -> str:
    match dimension:
        case "session":
            return group.session or ""
        case "user":
            return group.user or ""
        case "agent":
            return group.agent or ""
        case "channel":
            return group.channel or ""
        case "model":
            return group.model or "–"
        case "day":
            return "" if group.day is None else group.day.isoformat()


def _figures(used: Used) -> tuple[str, ...]:
    cost = "–" if used.cost is None else f"{used.cost:,.4f}"
    return (f"{used.turns:,}", f"{used.input_tokens:,}", f"{used.output_tokens:,}", cost)
