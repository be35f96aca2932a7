"""The application: every route, and what a request passes on its way to it."""

from __future__ import annotations

from aiohttp import web

from gateway.api import agents, health, messages, openapi, pages, schedules, sessions, tokens
from gateway.api.guard import authentication, harden, origins, sound_input
from gateway.api.limits import api_rates
from gateway.api.parts import PARTS, RATES, ApiParts
from gateway.api.problems import problems

SESSIONS = "/api/chat/sessions"
SESSION = f"{SESSIONS}/{{session_id}}"

ROUTES = (
    web.get("/api/me", tokens.me),
    web.post("/api/sign-in", tokens.sign_in),
    web.post("/api/visitors", tokens.new_visitor),
    web.get("/api/tokens", tokens.list_tokens),
    web.post("/api/tokens", tokens.create_token),
    web.delete("/api/tokens/{token_id}", tokens.revoke_token),
    web.get(SESSIONS, sessions.list_sessions),
    web.post(SESSIONS, sessions.create_session),
    web.get(SESSION, sessions.get_session),
    web.patch(SESSION, sessions.change_session),
    web.delete(SESSION, sessions.delete_session),
    web.get(f"{SESSION}/messages", messages.list_messages),
    web.post(f"{SESSION}/messages", messages.send_message),
    web.post("/api/turns/{turn_id}/cancel", messages.cancel_turn),
    web.get("/api/agents", agents.list_agents),
    web.get("/api/agents/{name}", agents.get_agent),
    web.get("/api/agents/{name}/active-session", agents.active_session),
    web.get("/api/schedules", schedules.list_schedules),
    web.post("/api/schedules", schedules.create_schedule),
    web.get("/api/schedules/{schedule_id}", schedules.get_schedule),
    web.patch("/api/schedules/{schedule_id}", schedules.change_schedule),
    web.delete("/api/schedules/{schedule_id}", schedules.delete_schedule),
    web.post("/api/schedules/{schedule_id}/run", schedules.run_schedule),
    web.get("/openapi.json", openapi.document),
    web.get("/docs", openapi.page),
    web.get("/healthz", health.healthz),
    web.get("/readyz", health.readyz),
    web.get("/metrics", health.metrics),
    web.get("/", pages.console),
    web.get("/widget.js", pages.widget),
    web.get("/assets/{path:.+}", pages.asset),
    web.get("/favicon.ico", pages.icon),
    web.get("/favicon.svg", pages.icon),
)


def build_api(parts: ApiParts) -> web.Application:
    """The HTTP face of a gateway; channels with routes of their own (`/ws`, webhooks) are added to it."""
    app = web.Application(
        middlewares=(problems, origins, authentication, sound_input), client_max_size=parts.settings.limits.max_frame
    )
    app[PARTS] = parts
    app[RATES] = api_rates(parts.settings.limits)
    app.on_response_prepare.append(harden)
    app.add_routes(ROUTES)
    return app
