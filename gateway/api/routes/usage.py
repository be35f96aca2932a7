"""`/api/usage`: tokens and cost over many turns."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from gateway.api.models.usage import UsageSummary
from gateway.api.parts import parts_of
from gateway.api.requests.reading import User
from gateway.api.responses.answers import answer
from gateway.api.route import route
from gateway.api.routes.sessions import narrowed
from gateway.core.model import JsonObject
from gateway.core.ports.usage import UsageQuery
from gateway.core.usage_queries import DIMENSIONS, check_period, dimensions_of, first_day, last_day

ONE = f"({'|'.join(DIMENSIONS)})"
NAMES: JsonObject = {"pattern": f"^{ONE}(,{ONE})*$", "example": "agent"}
DAY: JsonObject = {"format": "date"}
GroupBy = Annotated[
    str,
    Field(
        max_length=100,
        description="What usage is added up by: one or several, separated by commas, of session, user, agent, channel, "
        "model and day.",
        json_schema_extra=NAMES,
    ),
]
Since = Annotated[
    str,
    Field(
        max_length=40,
        description="The first day, in UTC; a time stands for its day. Default: 29 days before `until`.",
        json_schema_extra=DAY,
    ),
]
Until = Annotated[
    str,
    Field(
        max_length=40,
        description="The last day, in UTC; a time includes the day of the instant before it. Default: today.",
        json_schema_extra=DAY,
    ),
]


@route("GET", "/api/usage", "Turns", answer=UsageSummary, missing=False)
async def sum_up_usage(  # noqa: PLR0917 - query parameters, each of another kind
    request: web.Request,
    group_by: GroupBy = "day",
    since: Since | None = None,
    until: Until | None = None,
    user: User | None = None,
    limit: Annotated[int, Field(ge=1, le=1_000, description="Most groups.")] = 200,
) -> web.Response:
    """Adds up the usage of turns by session, user, agent, channel, model and day: the caller's own, for an operator everyone's or `user`'s."""
    first, last = first_day("since", since), last_day("until", until)
    check_period(first, last)
    wanted = UsageQuery(dimensions_of("group_by", group_by), narrowed(request, user), first, last, limit)
    return answer(UsageSummary.from_core(await parts_of(request).usage.summary(wanted)))
