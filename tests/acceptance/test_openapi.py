"""`/openapi.json` is OpenAPI, complete, and true: schemathesis holds a real gateway against it, role by role."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from openapi_spec_validator import validate

from gateway.api.catalogue import ENTRIES, EXAMPLES, UNDESCRIBED
from gateway.api.openapi import describe
from gateway.api.operations import operations
from gateway.app.serve import Running
from tests.acceptance.belongings import OPEN, headers_of, signed_in, visitor
from tests.world import Person, World

pytestmark = pytest.mark.acceptance

CASES = 3
"""Requests made for each route, besides those at the edges of every parameter."""
PATIENCE_S = 300.0
Document = dict[str, Any]
Role = Callable[[World, Running], Awaitable[Person]]


@pytest.fixture
async def gateway(world: World) -> Running:
    """A gateway that takes visitors and foreign logins, as often as they like."""
    return await world.gateway(**OPEN, turns={"timeout_s": 2})


@pytest.fixture
def document(gateway: Running) -> Document:
    """What the gateway says of itself."""
    described: Document = describe(gateway.gateway.api)
    return described


def test_the_document_is_openapi(document: Document) -> None:
    """Version 3.1, by the specification's own rules."""
    validate(document)


def test_every_route_is_in_the_catalogue(gateway: Running) -> None:
    """A new route says in gateway/api/catalogue.py what it answers."""
    described = {operation.name for operation in operations(gateway.gateway.api)} - UNDESCRIBED
    assert sorted(described ^ ENTRIES.keys()) == []


def test_every_body_has_an_example_that_is_valid(gateway: Running) -> None:
    """Examples stand in gateway/api/catalogue.py."""
    bodies = {operation.name: body for operation in operations(gateway.gateway.api) if (body := operation.body)}
    assert sorted(bodies.keys() ^ EXAMPLES.keys()) == []
    for name, body in bodies.items():
        body.model_validate(EXAMPLES[name])


async def operator(world: World, gateway: Running) -> Person:
    return await world.person("owner", gateway.url, "operator")


async def user(world: World, gateway: Running) -> Person:
    return await signed_in(world, gateway, "mia")


SPARED = ("erase_me", "erase_user", "revoke_token", "identify_visitor")
"""Routes that would lock an operator or a visitor out for the rest of the run; a user's login is not the gateway's."""


@pytest.mark.parametrize("role", [visitor, user, operator])
async def test_answers_are_as_described(role: Role, world: World, gateway: Running, document: Document) -> None:
    """No 500, no status, content type, header or field that the document doesn't name."""
    caller = await role(world, gateway)
    file = world.folder / "openapi.json"
    file.write_text(json.dumps(closed(document)))
    command = [*SCHEMATHESIS, str(file), "--url", gateway.url]
    for name, value in headers_of(caller).items():
        command += ["--header", f"{name}: {value}"]
    for operation in () if role is user else SPARED:
        command += ["--exclude-operation-id", operation]
    process = await asyncio.create_subprocess_exec(*command, cwd=world.folder, stdout=PIPE, stderr=STDOUT)
    told, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 0, told.decode()


CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
SCHEMATHESIS = (
    sys.executable,
    "-m",
    "schemathesis.cli",
    "run",
    "--phases=examples,coverage,fuzzing,stateful",
    f"--max-examples={CASES}",
    "--generation-deterministic",
    f"--checks={','.join(CHECKS)}",
    "--continue-on-failure",
    "--no-color",
)


def closed(document: Document) -> Document:
    """The same, where an object has no fields but the described ones: clients must allow for more, tests needn't."""
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return document
