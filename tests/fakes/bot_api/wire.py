"""What travels over HTTP: JSON values, the arguments of a call, its answer, and its refusal."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]


class RefusedError(Exception):
    """A call answered with `ok: false`; `parameters` are the Bot API's ResponseParameters."""

    def __init__(self, code: int, description: str, parameters: JsonObject | None = None) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.description = description
        self.parameters = parameters

    def answer(self) -> "Answer":
        body: JsonObject = {"ok": False, "error_code": self.code, "description": self.description}
        return Answer(self.code, body | ({"parameters": self.parameters} if self.parameters else {}))


@dataclass(frozen=True, slots=True)
class Answer:
    """HTTP status and body of a finished call."""

    status: int
    body: JsonObject

    @classmethod
    def of(cls, result: Json) -> "Answer":
        return cls(200, {"ok": True, "result": result})


class Parameters:
    """Arguments of one call, the same however they were encoded (query, form, multipart or JSON)."""

    def __init__(self, values: Mapping[str, Json]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """The argument as text; empty when absent."""
        value = self._values.get(name)
        return value if isinstance(value, str) else "" if value is None else json.dumps(value)

    def integer(self, name: str, default: int = 0) -> int:
        """The argument as a number; like the real server, an invalid one counts as absent."""
        try:
            return int(self.text(name))
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in {"true", "1", "yes"}

    def value(self, name: str) -> Json:
        """A nested argument: clients send it as a JSON string, or in a JSON body as it is.

        Raises `RefusedError` 400 when the string isn't JSON.
        """
        raw = self._values.get(name)
        if not isinstance(raw, str) or not raw:
            return raw or None
        try:
            decoded: Json = json.loads(raw)
        except ValueError:
            raise RefusedError(400, f"Bad Request: can't parse {name} JSON object") from None
        return decoded

    def mapping(self, name: str) -> JsonObject:
        """A nested object; empty when absent, of another type or not JSON."""
        try:
            value = self.value(name)
        except RefusedError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def chat_id(self) -> int | None:
        """The addressed chat; None when absent or a public `@name`, which the fake doesn't know."""
        return self.integer("chat_id") or None
