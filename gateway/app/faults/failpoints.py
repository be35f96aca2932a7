"""Named failpoints between receiving a message and its last mark, where a gateway can be made to fail; for tests only.

`TURNGATE_FAILPOINTS='{"after_t1": "kill"}'`. Actions: `kill` (SIGKILL to itself), `pause:SECONDS`, `raise` (an unexpected
exception) and `drop` (the connection breaks: before a call nothing arrived, after it the answer is lost). `@N` after an action
triggers it the Nth time the point is reached, by default the first; `@*` every time.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, assert_never, cast, get_args

import structlog

from gateway.errors import SettingsError

log = structlog.get_logger(__name__)

Point = Literal[
    "before_t1",
    "after_t1",
    "before_ack",
    "after_ack",
    "agent_start",
    "agent_middle",
    "agent_end",
    "before_t2",
    "after_t2",
    "before_send",
    "after_send",
    "before_t3",
    "after_t3",
    "before_fire",
    "after_fire",
    "poll_offset",
]
Action = Literal["kill", "pause", "raise", "drop"]
POINTS: tuple[Point, ...] = get_args(Point)
WRITTEN = re.compile(r"(kill|raise|drop|pause:(\d{1,4}(?:\.\d+)?))(?:@([1-9]\d{0,8}|\*))?")


class Unforeseen(Exception):
    """A fault that no part of the gateway expects."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What happens at a point. `seconds`: of a pause; `hit`: on which hit it happens, None: on every one."""

    action: Action
    seconds: float = 0.0
    hit: int | None = 1


class Failpoints:
    """Fails as configured."""

    def __init__(self, plan: Mapping[Point, Failure]) -> None:
        self._plan = plan
        self._reached: Counter[Point] = Counter()

    async def reach(self, point: Point, broken: Exception) -> None:
        """Passes a point; raises `broken` if the connection is to break there."""
        failure = self._due(point)
        if failure is not None and failure.action == "pause":
            await asyncio.sleep(failure.seconds)
        elif failure is not None:
            _fail(failure, point, broken)

    def pass_by(self, point: Point, broken: Exception) -> None:
        """Like `reach` where nothing may wait: a pause blocks everything."""
        failure = self._due(point)
        if failure is not None:
            _fail(failure, point, broken)

    def _due(self, point: Point) -> Failure | None:
        failure = self._plan.get(point)
        if failure is None:
            return None
        self._reached[point] += 1
        if failure.hit not in {None, self._reached[point]}:
            return None
        log.warning("failpoint", point=point, action=failure.action)
        return failure


def _fail(failure: Failure, point: Point, broken: Exception) -> None:
    match failure.action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "pause":
            time.sleep(failure.seconds)
        case "raise":
            raise Unforeseen(f"Failpoint {point}.")
        case "drop":
            raise broken
        case _:
            assert_never(failure.action)


def read_failpoints(written: Mapping[str, str]) -> dict[Point, Failure]:
    """Parses the setting. Raises `SettingsError`."""
    return {_point(name): _failure(name, text) for name, text in written.items()}


def _point(name: str) -> Point:
    if name not in POINTS:
        raise SettingsError(f"failpoints.{name} is not a failpoint. It should be one of: {', '.join(POINTS)}")
    return name


def _failure(name: str, text: str) -> Failure:
    found = WRITTEN.fullmatch(text)
    if found is None:
        raise SettingsError(
            f"failpoints.{name} is {text!r}; it should be kill, raise, drop or pause:SECONDS, followed by @N or @*"
        )
    action = cast("Action", found[1].partition(":")[0])
    hit = None if found[3] == "*" else int(found[3] or 1)
    return Failure(action, float(found[2] or 0), hit)
