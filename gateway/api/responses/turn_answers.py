"""How turns and runs look in JSON. Users are told the class of an error; its detail may name what they should not know."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from gateway.core.model import JsonObject
from gateway.core.ports.schedules import ScheduleRun
from gateway.core.ports.turn_log import TurnPage, TurnRecord
from gateway.core.shapes import instant, instant_or_none


def turns_json(page: TurnPage, *, told: bool) -> JsonObject:
    """A page of a session's turns. `told`: whether errors are told in detail."""
    return {
        "turns": [turn_json(turn, told=told) for turn in page.turns],
        "next_before": page.next_before,
        "usage": None if page.total is None else asdict(page.total),
    }


def turn_json(turn: TurnRecord, *, told: bool) -> JsonObject:
    """A turn as it is told afterwards."""
    return {
        "id": str(turn.id),
        "session_id": turn.session_id,
        "status": turn.status,
        "agent_name": turn.agent_name,
        "channel": turn.channel,
        "attempts": turn.attempts,
        "usage": None if turn.usage is None else asdict(turn.usage),
        "error": turn.error if told else turn.error_class,
        "error_class": turn.error_class,
        "withdrawn": turn.withdrawn,
        "message_ids": list(turn.message_ids),
        "reply_id": turn.reply_id,
        "created_at": instant(turn.created_at),
        "started_at": instant_or_none(turn.started_at),
        "ended_at": instant_or_none(turn.ended_at),
        "duration_s": _seconds(turn.started_at, turn.ended_at),
    }


def run_json(run: ScheduleRun, *, told: bool) -> JsonObject:
    """A run of a schedule."""
    return {
        "session_id": run.session_id,
        "turn_id": None if run.turn_id is None else str(run.turn_id),
        "status": run.status,
        "attempts": run.attempts,
        "fire_time": instant_or_none(run.fire_time),
        "fired_at": instant(run.fired_at),
        "started_at": instant_or_none(run.started_at),
        "ended_at": instant_or_none(run.ended_at),
        "error": run.error if told else run.error_class,
        "error_class": run.error_class,
    }


def _seconds(begun: datetime | None, ended: datetime | None) -> float | None:
    return None if begun is None or ended is None else round((ended - begun).total_seconds(), 3)
