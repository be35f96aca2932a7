"""`/openapi.json` is valid OpenAPI, complete and correct: schemathesis checks a real gateway against it, role by role."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from gateway.api.description.document import describe
from gateway.api.description.operations import operation
from gateway.api.requests.guard import GUARDED
from gateway.api.server import ROUTES
from gateway.app.running.serve import Running
from tests.acceptance.described import Document, narrowed
from tests.acceptance.user_data import OPEN, headers_of, signed_in, visitor
from tests.world import Person, World

pytestmark = pytest.mark.acceptance

CASES = 3
"""Requests made for each route, besides those at the edges of every parameter."""
PATIENCE_S = 300.0
Role = Callable[[World, Running], Awaitable[Person]]


@pytest.fixture
async def gateway(world: World) -> Running:
    """A gateway that accepts visitors and foreign logins without a limit."""
    return await world.gateway(**OPEN, turns={"timeout_s": 2})


@pytest.fixture
def document(gateway: Running) -> Document:
    """The gateway's own document."""
    described: Document = describe(gateway.gateway.api)
    return described


def test_the_document_is_openapi(document: Document) -> None:
    """It is version 3.1 by the specification's own schema."""
    validate(document)


def test_every_route_is_declared(gateway: Running) -> None:
    """Every route that programs call is in the document: none below `/api` or `/v1` bypasses `gateway/api/route.py`."""
    declared = {(route.method, operation(route).path) for route in ROUTES}
    routed = {
        (route.method, route.resource.canonical)
        for route in gateway.gateway.api.router.routes()
        if route.resource is not None and route.method != "HEAD" and route.resource.canonical.startswith(GUARDED)
    }
    assert routed - declared == set()


def test_every_body_has_an_example_that_is_valid() -> None:
    """A route that takes a body shows one."""
    for found in map(operation, ROUTES):
        assert (found.body is None) == (found.route.example is None), found.name
        if found.body is not None:
            found.body.model_validate(found.route.example)


async def test_every_path_says_which_methods_it_takes(gateway: Running, document: Document, world: World) -> None:
    """`OPTIONS` and a 405 list the document's methods, to everybody, whatever the request contains."""
    http = await world.http()
    for path, methods in document["paths"].items():
        url = gateway.url + re.sub("{[^}]+}", "x", path)
        async with http.options(url) as told, http.request("TRACE", url, data=b"{") as refused:
            assert (told.status, refused.status) == (204, 405), path
            for response in (told, refused):
                allowed = set(response.headers["Allow"].split(","))
                assert allowed - {"HEAD", "OPTIONS"} == {method.upper() for method in methods}, path


def test_a_body_without_required_fields_is_optional(document: Document) -> None:
    """The document says so where the gateway treats a missing body as an empty one."""
    optional = {
        operation["operationId"]
        for methods in document["paths"].values()
        for operation in methods.values()
        if not operation.get("requestBody", {"required": True})["required"]
    }
    expected = "create_session create_token fork_session put_state regenerate restore_snapshot take_snapshot"
    assert optional == set(expected.split())


async def operator(world: World, gateway: Running) -> Person:
    return await world.person("owner", gateway.url, "operator")


async def user(world: World, gateway: Running) -> Person:
    return await signed_in(world, gateway, "mia")


PHASES: dict[Role, str] = {
    user: "--phases=examples,coverage,fuzzing,stateful",
    operator: "--phases=examples,fuzzing,stateful",
    visitor: "--phases=examples,fuzzing,stateful",
}
"""The edges of every parameter are the same for everybody, and most of the work: one role tries them."""
SPARED = ("erase_me", "erase_user", "revoke_token", "identify_visitor")
"""Routes that would lock an operator or a visitor out for the rest of the run; a user's login is not the gateway's."""


@pytest.mark.parametrize("role", [visitor, user, operator])
async def test_answers_are_as_described(role: Role, world: World, gateway: Running, document: Document) -> None:
    """What fits the document is accepted, what doesn't is refused, and no answer holds anything that it doesn't name.

    Every check of schemathesis, with valid and invalid data, methods that no route takes, and calls that follow each other.
    """
    caller = await role(world, gateway)
    file = world.folder / "openapi.json"
    file.write_text(json.dumps(narrowed(document)))
    command = [*SCHEMATHESIS, PHASES[role], str(file), "--url", gateway.url]
    for name, value in headers_of(caller).items():
        command += ["--header", f"{name}: {value}"]
    for spared in () if role is user else SPARED:
        command += ["--exclude-operation-id", spared]
    process = await asyncio.create_subprocess_exec(*command, cwd=world.folder, stdout=PIPE, stderr=STDOUT)
    told, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 0, told.decode()


SCHEMATHESIS = (
    sys.executable,
    "-m",
    "schemathesis.cli",
    f"--config-file={Path(__file__).with_name('schemathesis.toml')}",
    "run",
    "--mode=all",
    f"--max-examples={CASES}",
    "--generation-deterministic",
    "--continue-on-failure",
    "--no-color",
)
