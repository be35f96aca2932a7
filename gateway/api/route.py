"""The single declaration of a route: its path, how it reads its input, and its description in `/openapi.json`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import ModuleType
from typing import Final, Literal

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from pydantic import BaseModel

from gateway.api.requests.reading import validated
from gateway.core.model import JsonObject

JSON: Final = "application/json"
TEXT: Final = "text/plain"
STREAM: Final = "text/event-stream"
MARKDOWN: Final = "text/markdown"
EITHER: Final = (JSON, STREAM)

ERASED: Final = "The user is being erased, or was erased within the last minute"

Group = Literal[
    "Sessions", "Messages", "State", "Turns", "Schedules", "Agents", "Identity", "AI SDK", "OpenAI", "Health"
]
"""In the order of `/docs`."""
Caller = Literal["token", "anyone", "local"]
"""`local`: from this machine without a token, from elsewhere with an operator's."""
Answering = Callable[..., Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the HTTP API, declared by `route`."""

    handler: Handler
    method: str
    path: str
    group: Group
    caller: Caller
    answer: type[BaseModel] | None
    statuses: tuple[HTTPStatus, ...]
    media: tuple[str, ...]
    request_headers: tuple[str, ...]
    response_headers: tuple[str, ...]
    refusals: Mapping[HTTPStatus, str]
    missing: bool
    example: JsonObject | None
    head: bool

    def definition(self) -> web.RouteDef:
        """The definition for aiohttp's router."""
        options = {"allow_head": self.head} if self.method == hdrs.METH_GET else {}
        return web.RouteDef(self.method, self.path, self.handler, options)


def route(
    method: str,
    path: str,
    group: Group,
    *,
    caller: Caller = "token",
    answer: type[BaseModel] | None = None,
    statuses: tuple[HTTPStatus, ...] = (HTTPStatus.OK,),
    media: tuple[str, ...] = (JSON,),
    request_headers: tuple[str, ...] = (),
    response_headers: tuple[str, ...] = (),
    refusals: Mapping[HTTPStatus, str] | None = None,
    missing: bool = True,
    example: JsonObject | None = None,
    head: bool = True,
    family: str | None = None,
    validate: bool = True,
) -> Callable[[Answering], Route]:
    """Declares a route; its function's docstring describes it, and its annotations define its input.

    `answer`: the model of its JSON; None: no body, or one that isn't JSON. `request_headers`, `response_headers`: names in
    `headers.py` of those it reads and sets. `refusals`: problems that need more explanation than their status.
    `missing`: its path may name something that does not exist. `example`: a valid body. `head`: supports HEAD; streams
    don't, since what they write would follow a response without a body (RFC 9110, section 9.3.2). `family`, `validate`: see
    `reading.validated`; without validation, unknown query parameters are ignored.
    """

    def declare(handler: Answering) -> Route:
        checked = validated(handler, family=family) if validate else handler
        return Route(
            checked,
            method,
            path,
            group,
            caller,
            answer,
            statuses,
            media,
            request_headers,
            response_headers,
            refusals or {},
            missing,
            example,
            head,
        )

    return declare


def routes_of(*modules: ModuleType) -> tuple[Route, ...]:
    """Returns the routes declared in these modules, in file order."""
    return tuple(value for module in modules for value in vars(module).values() if isinstance(value, Route))


DECLARED = web.AppKey("routes", tuple[Route, ...])
"""The routes an application was built with, besides its pages."""
