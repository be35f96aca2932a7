"""Answers as responses."""

from __future__ import annotations

from http import HTTPStatus

import orjson
from aiohttp import web
from pydantic import BaseModel

from gateway.api.models.common import written
from gateway.core.model import JsonValue

JSON = "application/json"


def answer(model: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """A response that holds a model's JSON."""
    return web.Response(body=written(model), status=status, content_type=JSON)


def json(value: JsonValue, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """A response that holds JSON of no model."""
    return web.Response(body=orjson.dumps(value), status=status, content_type=JSON)


def no_content() -> web.Response:
    """The answer to a deletion."""
    return web.Response(status=HTTPStatus.NO_CONTENT)
