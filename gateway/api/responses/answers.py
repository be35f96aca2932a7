"""Builds responses."""

from __future__ import annotations

from http import HTTPStatus

import orjson
from aiohttp import web
from pydantic import BaseModel

from gateway.api.models.common import written
from gateway.core.model import JsonValue

JSON = "application/json"


def answer(model: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Builds a response with a model's JSON."""
    return web.Response(body=written(model), status=status, content_type=JSON)


def json(value: JsonValue, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Builds a response with JSON that has no model."""
    return web.Response(body=orjson.dumps(value), status=status, content_type=JSON)


def no_content() -> web.Response:
    """Builds the response to a deletion."""
    return web.Response(status=HTTPStatus.NO_CONTENT)
