"""Writes `docs/websocket.schema.json`, `docs/http_agent.schema.json` and `clients/web/src/wire/types.ts`: what goes over the wire.

They are for programs and for TypeScript. The models of the HTTP routes and of agents of kind `http`, and `channels/websocket/frames.schema.json` say it. `--check` compares.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from gateway.agents.http.answer import Answer
from gateway.agents.http.request import TurnRequest
from gateway.api.description.operations import operation
from gateway.api.models.placeholders import JSON_VALUE, REFERENCE, filled
from gateway.api.models.problems import Problem
from gateway.api.models.sessions import Message, Session
from gateway.api.server import ROUTES
from gateway.core.model import JsonObject, JsonValue

ROOT = Path(__file__).parents[1]
FRAMES = ROOT / "channels" / "websocket" / "frames.schema.json"
SCHEMA = ROOT / "docs" / "websocket.schema.json"
AGENT_SCHEMA = ROOT / "docs" / "http_agent.schema.json"
WEB = ROOT / "clients" / "web"
TYPES = WEB / "src" / "wire" / "types.ts"
ORIGIN = r" \* This interface was referenced by `Wire`'s JSON-Schema\n \* via the `definition` \"\w+\"\.\n"
NOISE = re.compile(rf"/\*\*\n{ORIGIN} \*/\n| \*\n{ORIGIN}")
"""What json2ts says of each type."""
OTHERS_SHAPES = frozenset({"OpenAI", "AI SDK"})
HEAD = "/* Written by docs/generate_types.py (make wire): change the models of the gateway instead. */"
JSON_TO_TS = (
    str(WEB / "node_modules" / ".bin" / "json2ts"),
    "--unreachableDefinitions",
    "--no-additionalProperties",
    "--ignoreMinAndMaxItems",
)
STYLE = ("--style.singleQuote", "--style.printWidth=110", "--format", "--bannerComment", HEAD)


def frames() -> JsonObject:
    """The frames with the nouns that they carry."""
    told: JsonObject = json.loads(FRAMES.read_text(encoding="utf-8"))
    nouns = _models([(Message, "serialization"), (Session, "serialization")])
    return told | {"$defs": {**_defs(told), **nouns}}


def types() -> str:
    """TypeScript of the frames, and of what routes take and answer."""
    asked: dict[tuple[object, JsonSchemaMode], None] = {(Problem, "serialization"): None}
    for route in ROUTES:
        if route.group in OTHERS_SHAPES:
            continue
        if route.answer is not None:
            asked[route.answer, "serialization"] = None
        if (body := operation(route).body) is not None:
            asked[body, "validation"] = None
    everything: JsonObject = {
        "title": "Wire",
        "description": "Any of the types below.",
        "$defs": {**_defs(frames()), **_models([*asked])},
    }
    made = subprocess.run(
        [*JSON_TO_TS, *STYLE], input=json.dumps(everything), capture_output=True, text=True, check=True, cwd=WEB
    )
    return NOISE.sub("", made.stdout)


def http_agent() -> JsonObject:
    """What a server of an agent receives, and what it answers in JSON. A part of an unknown type is allowed beside the known ones."""
    models = json.dumps(_models([(TurnRequest, "serialization"), (Answer, "validation")]))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Agents of kind http",
        "description": "TurnRequest: the body of a request. Answer: a JSON answer to it.",
        "$defs": json.loads(models.replace('"oneOf"', '"anyOf"')),
    }


def _models(asked: list[tuple[object, JsonSchemaMode]]) -> JsonObject:
    _, definitions = models_json_schema(asked, ref_template="#/$defs/{model}")  # type: ignore[arg-type] # models, all of them
    named = {**definitions["$defs"], "JsonValue": JSON_VALUE}
    return {name: _local(filled(schema, agents=[], channels=[])) for name, schema in named.items()}


def _local(schema: JsonValue) -> JsonValue:
    """References as they are in this document; an agent may have any name."""
    if isinstance(schema, list):
        return [_local(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("$ref") == REFERENCE:
        return {}
    kept = {
        name: value for name, value in schema.items() if (name, value) != ("enum", []) and not _is_title(name, value)
    }
    return {name: _local(value) for name, value in kept.items()}


def _is_title(name: str, value: JsonValue) -> bool:
    """Of a field, which json2ts would make a type of; a field that is called `title` is a schema."""
    return name == "title" and isinstance(value, str)


def _defs(schema: JsonObject) -> JsonObject:
    match schema["$defs"]:
        case dict() as defs:
            return defs
        case _:
            return {}


def main() -> int:
    """With `--check` it writes nothing, and is 1 when a file is out of date."""
    made = {
        SCHEMA: json.dumps(frames(), indent=2) + "\n",
        AGENT_SCHEMA: json.dumps(http_agent(), indent=2) + "\n",
        TYPES: types(),
    }
    if "--check" not in sys.argv:
        for file, text in made.items():
            file.write_text(text, encoding="utf-8")
        return 0
    late = [file for file, text in made.items() if file.read_text(encoding="utf-8") != text]
    for file in late:
        sys.stderr.write(f"{file.relative_to(ROOT)} is out of date. Run: make wire\n")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
