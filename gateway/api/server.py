"""The application: every route, and what a request passes on its way to it."""

from __future__ import annotations

from aiohttp import web

from gateway.api.ai_sdk import routes as ai_sdk
from gateway.api.description import document, page
from gateway.api.openai import routes as openai
from gateway.api.openai.errors import openai_errors
from gateway.api.parts import PARTS, RATES, ApiParts
from gateway.api.requests.connections import watched
from gateway.api.requests.expectations import with_expectations
from gateway.api.requests.expensive_reads import metered
from gateway.api.requests.guard import authentication, harden, origins, sound_input, still_good
from gateway.api.requests.limits import api_rates, paced_addresses, paced_sign_ins, paced_users
from gateway.api.requests.methods import methods
from gateway.api.requests.problems import problems
from gateway.api.routes import (
    agents,
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
)

SESSIONS = "/api/chat/sessions"
SESSION = f"{SESSIONS}/{{session_id}}"

ROUTES: tuple[web.RouteDef, ...] = (
    web.get("/api/me", tokens.me),
    web.delete("/api/me", exports.erase_me),
    web.get("/api/me/export", exports.export_me, allow_head=False),
    web.get("/api/users/{user_id}/export", exports.export_user, allow_head=False),
    web.delete("/api/users/{user_id}", exports.erase_user),
    web.post("/api/sign-in", tokens.sign_in),
    web.post("/api/visitors", tokens.new_visitor),
    web.post("/api/visitors/identify", tokens.identify_visitor),
    web.post("/api/links/telegram", links.link_telegram),
    web.get("/api/links", links.list_links),
    web.delete("/api/links/{link_id:(?!telegram$)[^/]+}", links.delete_link),
    web.get("/api/tokens", tokens.list_tokens),
    web.post("/api/tokens", tokens.create_token),
    web.delete("/api/tokens/{token_id}", tokens.revoke_token),
    web.get(SESSIONS, sessions.list_sessions),
    web.post(SESSIONS, sessions.create_session),
    web.get(SESSION, sessions.get_session),
    web.patch(SESSION, sessions.change_session),
    web.delete(SESSION, sessions.delete_session),
    web.post(f"{SESSION}/title", titles.retitle_session),
    web.get(f"{SESSION}/turns", turns.list_turns),
    web.get(f"{SESSION}/export", exports.export_session, allow_head=False),
    web.get(f"{SESSION}/messages", messages.list_messages),
    web.post(f"{SESSION}/messages", messages.send_message),
    web.patch(f"{SESSION}/messages/{{message_id}}", edits.edit_message),
    web.delete(f"{SESSION}/messages/{{message_id}}", edits.delete_message),
    web.get(f"{SESSION}/messages/{{message_id}}/versions", edits.list_versions),
    web.post(f"{SESSION}/regenerate", edits.regenerate),
    web.post(f"{SESSION}/fork", edits.fork_session),
    web.get(f"{SESSION}/state", state.get_state),
    web.put(f"{SESSION}/state", state.put_state),
    web.get(f"{SESSION}/snapshots", snapshots.list_snapshots),
    web.post(f"{SESSION}/snapshots", snapshots.take_snapshot),
    web.get(f"{SESSION}/snapshots/{{number}}", snapshots.get_snapshot),
    web.post(f"{SESSION}/snapshots/{{number}}/restore", snapshots.restore_snapshot),
    web.post("/api/turns/{turn_id}/cancel", messages.cancel_turn),
    web.post("/api/chat", ai_sdk.chat),
    web.get("/api/chat/{chat_id}/stream", ai_sdk.chat_stream, allow_head=False),
    web.get("/api/agents", agents.list_agents),
    web.get("/api/agents/{name}", agents.get_agent),
    web.get("/api/agents/{name}/sessions", agents.agent_sessions),
    web.get("/api/agents/{name}/active-session", agents.active_session),
    web.get("/api/schedules", schedules.list_schedules),
    web.post("/api/schedules", schedules.create_schedule),
    web.get("/api/schedules/{schedule_id}", schedules.get_schedule),
    web.patch("/api/schedules/{schedule_id}", schedules.change_schedule),
    web.delete("/api/schedules/{schedule_id}", schedules.delete_schedule),
    web.post("/api/schedules/{schedule_id}/run", schedules.run_schedule),
    web.get("/api/schedules/{schedule_id}/runs", schedules.list_runs),
    web.post("/v1/chat/completions", openai.complete),
    web.get("/v1/models", openai.list_models),
    web.get("/v1/models/{model:.+}", openai.get_model),
    web.get("/openapi.json", document.document),
    web.get("/docs", page.page),
    web.get("/healthz", health.healthz),
    web.get("/readyz", health.readyz),
    web.get("/metrics", health.metrics),
    web.get("/", pages.console),
    web.get("/widget.js", pages.widget),
    web.get("/assets/{path:.+}", pages.asset),
    web.get("/favicon.ico", pages.icon),
    web.get("/favicon.svg", pages.icon),
)
"""Those that stream take no HEAD: what they write would follow an answer that has no body (RFC 9110, section 9.3.2)."""


def build_api(parts: ApiParts) -> web.Application:
    """The HTTP face of a gateway; channels with routes of their own (`/ws`, webhooks) are added to it."""
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
            sound_input,
            still_good,
            metered,
        ),
        client_max_size=parts.settings.limits.max_frame,
    )
    app[PARTS] = parts
    app[RATES] = api_rates(parts.settings.limits)
    app.on_response_prepare.append(harden)
    app.on_response_prepare.append(openai.name_session)
    app.add_routes(with_expectations(ROUTES))
    return app
