"""A schedule's fire as an inbound message; pure."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from gateway.core.inbound import InboundMessage
from gateway.core.model import SCHEDULED, Route
from gateway.core.ports.schedules import Schedule


def message_of_fire(schedule: Schedule, at: datetime) -> InboundMessage:
    """The message of the fire due at that time: the key is the same on every replica."""
    return _message(schedule, f"schedule:{schedule.id}:{at.astimezone(UTC).isoformat()}")


def message_of_request(schedule: Schedule, request: UUID) -> InboundMessage:
    """The message of a requested run, independent of the fire times."""
    return _message(schedule, f"schedule:{schedule.id}:now:{request}")


def _message(schedule: Schedule, key: str) -> InboundMessage:
    return InboundMessage(
        user_id=schedule.user_id,
        channel=SCHEDULED,
        agent=schedule.agent_name,
        text=schedule.prompt,
        key=key,
        route=Route(f"scheduled:{schedule.id}"),
        deliver_to=schedule.deliver_to,
        always_new=True,
        ends_session=True,
        title=schedule.name,
    )
