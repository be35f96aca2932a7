"""How answers look in JSON, besides the shapes that WebSockets share (`gateway.core.shapes`)."""

from __future__ import annotations

from http import HTTPStatus
from typing import assert_never

import orjson
from aiohttp import web

from gateway.api.parts import AgentInfo
from gateway.core.model import JsonObject, JsonValue
from gateway.core.ports.editing import MessageVersion
from gateway.core.ports.identity import ApiToken
from gateway.core.ports.links import Link
from gateway.core.ports.schedules import CronTrigger, IntervalTrigger, OnceTrigger, Schedule, Trigger
from gateway.core.ports.search import FoundPage, Match
from gateway.core.ports.sessions import MessagePage, SessionPage
from gateway.core.shapes import instant, instant_or_none, message_json, session_json


def json(value: JsonValue, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """A JSON response."""
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


def no_content() -> web.Response:
    """The answer to a deletion."""
    return web.Response(status=HTTPStatus.NO_CONTENT)


def page_json(page: MessagePage) -> JsonObject:
    """A page of the transcript."""
    return {
        "messages": [message_json(message) for message in page.messages],
        "next_before_id": page.next_before_id,
    }


def sessions_json(page: SessionPage) -> JsonObject:
    """A page of a list."""
    return {
        "sessions": [session_json(session) for session in page.sessions],
        "total": page.total,
        "total_is_exact": page.total_is_exact,
        "next_cursor": page.next_cursor,
    }


def version_json(version: MessageVersion) -> JsonObject:
    """What a message was before a change."""
    return {
        "version": version.version,
        "content": version.content,
        "parts": list(version.parts),
        "change": version.change,
        "changed_by": version.changed_by,
        "changed_at": instant(version.changed_at),
    }


def found_json(page: FoundPage) -> JsonObject:
    """A page of a search: sessions as listed, with where they match."""
    return {
        "sessions": [
            {**session_json(found.session), "matches": [match_json(match) for match in found.matches]}
            for found in page.sessions
        ],
        "total": page.total,
        "total_is_exact": page.total_is_exact,
        "next_cursor": page.next_cursor,
    }


def match_json(match: Match) -> JsonObject:
    """Where a session matches; without `message_id`, `seq` and `role` it is its title."""
    return {
        "message_id": match.message_id,
        "seq": match.seq,
        "role": match.role,
        "text": match.text,
        "highlights": [[first, last] for first, last in match.highlights],
    }


def token_json(token: ApiToken) -> JsonObject:
    """An API token as listed."""
    return {
        "id": str(token.id),
        "user_id": token.user_id,
        "name": token.name,
        "role": token.role,
        "created_at": instant(token.created_at),
        "expires_at": instant_or_none(token.expires_at),
        "last_used_at": instant_or_none(token.last_used_at),
        "revoked_at": instant_or_none(token.revoked_at),
    }


def link_json(link: Link) -> JsonObject:
    """A link as listed."""
    return {
        "id": str(link.id),
        "user_id": link.user_id,
        "channel": link.person.channel,
        "external_id": link.person.external_id,
        "display_name": link.person.display_name,
        "created_at": instant(link.created_at),
    }


def schedule_json(schedule: Schedule) -> JsonObject:
    """A schedule as listed."""
    return {
        "id": str(schedule.id),
        "user_id": schedule.user_id,
        "name": schedule.name,
        "agent_name": schedule.agent_name,
        "prompt": schedule.prompt,
        "trigger": trigger_json(schedule.trigger),
        "timezone": schedule.timezone,
        "deliver_to": list(schedule.deliver_to),
        "is_active": schedule.is_active,
        "next_fire_at": instant_or_none(schedule.next_fire_at),
        "last_fire_at": instant_or_none(schedule.last_fire_at),
        "created_at": instant(schedule.created_at),
    }


def trigger_json(trigger: Trigger) -> JsonObject:
    """A trigger as it was given."""
    match trigger:
        case CronTrigger(expression):
            return {"type": "cron", "expression": expression}
        case IntervalTrigger(seconds):
            return {"type": "interval", "seconds": seconds}
        case OnceTrigger(at):
            return {"type": "once", "at": instant(at)}
        case _:
            assert_never(trigger)


def agent_json(agent: AgentInfo, default: str) -> JsonObject:
    """An agent as people choose it."""
    return {
        "name": agent.name,
        "kind": agent.kind,
        "description": agent.description,
        "is_default": agent.name == default,
    }
