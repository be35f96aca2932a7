"""The console and the widget: files built by `make web`."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from aiohttp import hdrs, web

from gateway.api.parts import parts_of
from gateway.core.content.storable import storable

YEAR_S = 31_536_000
IMMUTABLE = f"public, max-age={YEAR_S}, immutable"
"""Names of assets contain a hash of their content."""
REVALIDATE = "no-cache"
FIVE_MINUTES = "public, max-age=300"
COMPRESSIBLE = frozenset({".html", ".js", ".css", ".svg", ".json", ".map"})
WORTH_COMPRESSING = 1_024
ANY_ORIGIN = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
"""Any page may load the widget's files; what they may do then is decided by origin."""
NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Turngate: web clients are not built</title>
<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 24px">
<h1 style="font-size: 20px">The console is not built yet</h1>
<p>The gateway itself is running. In the project's folder, run</p>
<pre>make web</pre>
<p>and reload this page. <code>make run</code> does it by itself.</p>
"""


async def console(request: web.Request) -> web.StreamResponse:
    """The console's page."""
    return _file(request, "index.html", REVALIDATE)


async def widget(request: web.Request) -> web.StreamResponse:
    """The widget's script; its name never changes, so it expires after five minutes."""
    response = _file(request, "widget.js", FIVE_MINUTES)
    response.headers.update(ANY_ORIGIN)
    return response


async def asset(request: web.Request) -> web.StreamResponse:
    """A script, style or image of the console or the widget."""
    response = _file(request, f"assets/{request.match_info['path']}", IMMUTABLE)
    response.headers.update(ANY_ORIGIN)
    return response


async def icon(request: web.Request) -> web.StreamResponse:
    """The icon that browsers request by themselves."""
    return _file(request, request.path.removeprefix("/"), FIVE_MINUTES)


def _file(request: web.Request, name: str, cache: str) -> web.StreamResponse:
    root = parts_of(request).static_dir.resolve()
    path = inside(root, name)
    if path is None:
        if (root / "index.html").is_file():
            raise web.HTTPNotFound
        return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text=NOT_BUILT, content_type="text/html")
    response = web.FileResponse(path, headers={hdrs.CACHE_CONTROL: cache})
    if path.suffix in COMPRESSIBLE and path.stat().st_size >= WORTH_COMPRESSING:
        response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        if not _precompressed(path):
            response.enable_compression()
    return response


def inside(root: Path, name: str) -> Path | None:
    """Returns the file with that name below `root`; None if there is none, or the name leads outside."""
    if not storable(name):
        return None
    path = (root / name).resolve()
    return path if path.is_relative_to(root) and path.is_file() else None


def _precompressed(path: Path) -> bool:
    return any(path.with_name(path.name + suffix).is_file() for suffix in (".br", ".gz"))
