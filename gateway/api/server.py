"""The application: every route, and the middlewares before it."""

from __future__ import annotations

from aiohttp import web

from gateway.api.ai_sdk import routes as ai_sdk
from gateway.api.description import document, page
from gateway.api.expectations import with_expectations
from gateway.api.openai import routes as openai
from gateway.api.openai.errors import openai_errors
from gateway.api.parts import PARTS, PUBLIC, RATES, ApiParts
from gateway.api.requests.connections import watched
from gateway.api.requests.expensive_reads import metered
from gateway.api.requests.guard import authentication, check_input, origins, recheck_token, set_security_headers
from gateway.api.requests.limits import api_rates, paced_addresses, paced_sign_ins, paced_users
from gateway.api.requests.methods import methods
from gateway.api.requests.problems import problems
from gateway.api.responses.streaming import PACE, Pace
from gateway.api.route import DECLARED, routes_of
from gateway.api.routes import (
    agents,
    approvals,
    edits,
    exports,
    health,
    links,
    messages,
    pages,
    schedules,
    sessions,
    snapshots,
    state,
    titles,
    tokens,
    turns,
    usage,
)
from gateway.api.webhooks import route_of

ROUTES = routes_of(
    sessions,
    messages,
    edits,
    titles,
    state,
    snapshots,
    exports,
    turns,
    usage,
    approvals,
    schedules,
    agents,
    tokens,
    links,
    openai,
    ai_sdk,
    health,
)
PAGES = (
    web.get("/openapi.json", document.document),
    web.get("/docs", page.page),
    web.get("/", pages.console),
    web.get("/widget.js", pages.widget),
    web.get("/assets/{path:.+}", pages.asset),
    web.get("/favicon.ico", pages.icon),
    web.get("/favicon.svg", pages.icon),
)
"""The web pages and the document itself, which it does not describe."""


Api = web.Application
"""The name by which rooms that know no HTTP library pass the application on."""


def build_api(parts: ApiParts) -> Api:
    """Builds a gateway's HTTP application, with the routes of its channels: `/ws` and webhooks."""
    app = web.Application(
        middlewares=(
            watched,
            openai_errors,
            problems,
            paced_addresses,
            origins,
            methods,
            authentication,
            paced_sign_ins,
            paced_users,
            check_input,
            recheck_token,
            metered,
        ),
        client_max_size=parts.settings.limits.max_frame,
    )
    app[PARTS] = parts
    app[PACE] = Pace(parts.clock, parts.stalled_s)
    app[RATES] = api_rates(parts.settings.limits)
    app.on_response_prepare.append(set_security_headers)
    app.on_response_prepare.append(openai.name_session)
    app[DECLARED] = ROUTES
    app[PUBLIC] = frozenset(route.path for route in ROUTES if route.caller == "anyone")
    app.add_routes(with_expectations([*(route.definition() for route in ROUTES), *PAGES, *_channels(parts)]))
    return app


def _channels(parts: ApiParts) -> list[web.RouteDef]:
    webhooks = (route_of(hook, parts.settings.limits) for hook in parts.webhooks)
    return [web.get("/ws", parts.sockets, allow_head=False), *webhooks]
