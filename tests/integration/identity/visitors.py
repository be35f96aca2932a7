"""Visitors of a page, and signed-in people who identify themselves as one."""

from __future__ import annotations

from typing import Any

from tests.world import Person, World

SHOP = "https://shop.example"
ORIGIN = {"Origin": SHOP}
WEB = {"anonymous": True, "allowed_origins": (SHOP, "https://other.example")}
KEY = "of-both-replicas-together-32-bytes"


async def visitor(world: World, url: str) -> Person:
    """An anonymous visitor of the shop's page."""
    http = await world.http()
    async with http.post(f"{url}/api/visitors", headers=ORIGIN) as response:
        made = await response.json()
    return Person(made["user_id"], made["token"], url, http)


async def opens(person: Person, **hello: Any) -> Any:
    """A visitor's socket, from its page."""
    socket = await person.opens(ORIGIN)
    await socket.says(type="hello", token=person.token, **hello)
    await socket.hears("ready")
    return socket


async def identifies(person: Person, passed: str, origin: str | None = SHOP) -> tuple[int, Any]:
    """A signed-in person identifies the visitor."""
    headers = {} if origin is None else {"Origin": origin}
    return await person.calls("POST", "/api/visitors/identify", json={"visitor_token": passed}, headers=headers)
