"""What all responses have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from gateway.api.models.placeholders import CHANNEL
from gateway.core.shapes import instant

Instant = Annotated[
    datetime,
    PlainSerializer(instant),
    WithJsonSchema({"type": "string", "format": "date-time", "description": "RFC 3339, UTC."}),
]
Id = UUID
Channel = Annotated[str, Field(json_schema_extra=CHANNEL)]


class Answer(BaseModel):
    """A response; all its fields are always present. Later versions may add more."""

    model_config = ConfigDict(strict=True, frozen=True, from_attributes=True)

    @classmethod
    def of(cls, noun: object) -> Self:
        """Builds the model from an object of the core with attributes of the same names."""
        return cls.model_validate(noun)


def written(model: BaseModel) -> bytes:
    """Returns its JSON in UTF-8."""
    return model.model_dump_json(by_alias=True).encode()
