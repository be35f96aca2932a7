"""A valid request for every route, and everything that is returned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.api.description.operations import Operation, operation
from gateway.api.headers import REQUEST_HEADERS
from gateway.api.server import ROUTES
from gateway.app.running.serve import Running
from tests.acceptance.user_data import (
    headers_of,
    never_there,
    rows_of,
    signed_in,
    things_of,
    visitor,
    without_ids,
)
from tests.world import Person, World

OF_EVERYONE = {"name": "assistant", "model": "assistant"}
"""Path parameters that name what no user owns."""

PER_RESPONSE = frozenset({"Date", "X-Request-Id"})

UNKNOWN = {"chat_stream": {204}}
"""What other routes than most answer for what isn't there."""

Seen = tuple[int, list[tuple[str, str]], bytes]


@dataclass(frozen=True)
class Use:
    """An object named elsewhere than in the path of one's own: `things` fills `{…}` everywhere."""

    names: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


def described() -> list[Operation]:
    """The routes that programs call."""
    return [operation(route) for route in ROUTES]


def named(operation: Operation, place: str) -> list[str]:
    return [str(parameter["name"]) for parameter in operation.parameters if parameter["in"] == place]


def request_of(operation: Operation, things: Mapping[str, str]) -> Use:
    """A valid request for that route, about those objects."""
    path = operation.path.format_map({**OF_EVERYONE, **things})
    body = operation.route.example
    told = [
        REQUEST_HEADERS[name] for name in operation.route.request_headers if REQUEST_HEADERS[name]["in"] == "header"
    ]
    headers = {str(header["name"]): str(header["example"]) for header in told if header.get("required")}
    return Use(operation.name, operation.route.method, path, body, headers)


async def seen(person: Person, use: Use, things: Mapping[str, str]) -> Seen:
    """Everything that is returned, without the time and the ids that the request contained."""
    headers = {**headers_of(person), **use.headers}
    url = f"{person.url}{use.path}"
    async with person.http.request(use.method, url, headers=headers, json=use.body) as response:
        body = without_ids(await response.text(), things).encode()
        told = sorted((name, value) for name, value in response.headers.items() if name not in PER_RESPONSE)
        return response.status, [pair for pair in told if pair[0] != "Content-Length"], body


async def hides_what_others_own(role: str, world: World, gateway: Running) -> None:
    """P-5: every route that takes an id returns the same bytes for ann's and for nobody's, and ann's objects are unchanged."""
    ann = await signed_in(world, gateway, "ann")
    theirs = await things_of(world, ann)
    nobodys = never_there(theirs)
    bob = await (visitor(world, gateway) if role == "visitor" else signed_in(world, gateway, "bob"))
    before = await rows_of(world, ann.user)
    differing, found = [], []
    for one in described():
        if set(named(one, "path")) - OF_EVERYONE.keys():
            there = await seen(bob, request_of(one, theirs), theirs)
            nowhere = await seen(bob, request_of(one, nobodys), nobodys)
            differing += [(one.name, there, nowhere)] if there != nowhere else []
            found += [(one.name, there)] if there[0] not in UNKNOWN.get(one.name, {403, 404}) else []
    assert differing == [], differing
    assert found == [], found
    assert await rows_of(world, ann.user) == before
