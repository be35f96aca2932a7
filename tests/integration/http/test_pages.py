"""The console's and the widget's files, served from a folder."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.api.parts import PARTS
from gateway.api.server import build_api
from tests.world import World

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def pages(world: World, tmp_path: Path) -> AsyncIterator[Client]:
    """A client of an application that serves `tmp_path / "built"`."""
    parts = (await world.gateway()).gateway.api[PARTS]
    app = build_api(replace(parts, static_dir=tmp_path / "built"))
    async with TestClient(TestServer(app), auto_decompress=False) as client:
        yield client


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as `make web` creates it."""
    folder = tmp_path / "built"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Console</title>")
    (folder / "widget.js").write_text("widget;" * 1_000)
    (folder / "assets" / "app-1a2b.js").write_text("app;" * 1_000)
    return folder


async def test_missing_clients_say_how_to_build_them(pages: Client) -> None:
    """503 with the command to run."""
    response = await pages.get("/")
    assert response.status == 503
    assert "make web" in await response.text()


async def test_the_console_is_revalidated_each_time(pages: Client, built: Path) -> None:
    """With 304 while it is unchanged."""
    response = await pages.get("/")
    assert (response.status, response.headers["Cache-Control"]) == (200, "no-cache")
    again = await pages.get("/", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status == 304


async def test_assets_are_cached_forever_on_every_page(pages: Client, built: Path) -> None:
    """Their names change with their content."""
    response = await pages.get("/assets/app-1a2b.js")
    assert "immutable" in response.headers["Cache-Control"]
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.content_type in {"text/javascript", "application/javascript"}


async def test_scripts_are_compressed(pages: Client, built: Path) -> None:
    """If the client accepts it; precompressed files are preferred."""
    response = await pages.get("/widget.js", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(await response.read()) == b"widget;" * 1_000
    (built / "widget.js.gz").write_bytes(gzip.compress(b"ready-made"))
    ready = await pages.get("/widget.js", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(await ready.read()) == b"ready-made"


async def test_a_missing_file_is_a_404(pages: Client, built: Path) -> None:
    """A problem document like any other."""
    response = await pages.get("/assets/gone.js")
    assert (response.status, response.content_type) == (404, "application/problem+json")


def test_the_static_folder_is_where_make_web_builds_into() -> None:
    """One path, in the Makefile and in the code."""
    root = Path(__file__).parents[3]
    assert "STATIC := gateway/api/static" in (root / "Makefile").read_text()
