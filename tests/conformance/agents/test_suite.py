"""The conformance suite detects the faults of careless agents: checks that never fail prove nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import cast

import pytest

from tests.conformance.agents.obedient import (
    SECRET,
    Obedient,
    ObedientUnderTest,
    Server,
    is_silent,
    obeys,
    raises,
    says,
)
from turngate import (
    AgentEvent,
    FilePart,
    Message,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
    UsageReport,
)
from turngate.testing.agents import CASES, Case
from turngate.testing.agents.running import ROUND_S

BY_NAME = {case.name: case for case in CASES}


async def says_what_is_no_event(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Yields a dictionary."""
    yield TextDelta("Hello.")
    yield cast("AgentEvent", {"type": "text"})


async def calls_without_result(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Reports nothing of what the tool returned."""
    yield ToolCall("1", "look_up", {})
    yield TextDelta("There it is.")


async def returns_without_call(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Reports a result only."""
    yield ToolResult("1", "look_up", "found")


async def thinks_in_the_answer(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Shows its thoughts twice."""
    yield ReasoningDelta("Two, or three?")
    yield TextDelta("Two, or three? Three.")


async def sends_a_path(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Names a file that only its own machine has."""
    yield FilePart("/tmp/a.png", "image/png")  # noqa: S108 - no file is opened
    yield TextDelta("There.")


async def reports_no_output(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Forgets the tokens of its answer."""
    yield TextDelta("Hello.")
    yield UsageReport(Usage(5, 0, "obedient-1"))


async def answers_one_at_a_time(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Says nothing to people who come while it works."""
    if server.busy:
        return
    server.busy += 1
    await asyncio.sleep(0)
    yield TextDelta("Hello.")
    server.busy -= 1


async def stops_at_the_first_surrogate(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Expects what is said to be Latin-1."""
    turn.text.encode("latin-1")
    yield TextDelta("Hello.")


async def formats_metadata(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Takes metadata for a template of its own."""
    turn.metadata.pop("role", None)
    yield TextDelta("Hello.")


async def answers_once(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Takes a second attempt for a duplicate that needs no answer."""
    if turn.attempt == 1:
        yield TextDelta("Hello.")


async def holds_on(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Does not let itself be cancelled for a while."""
    yield TextDelta("Well …")
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(3_600)
    for _ in range(300):
        await asyncio.sleep(ROUND_S)


async def leaves_work_behind(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Its request goes on when nobody waits for it."""
    yield TextDelta("Well …")
    server.busy += 1
    await asyncio.sleep(3_600)


async def blocks(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Sleeps without awaiting."""
    time.sleep(1)  # noqa: ASYNC251 - the fault
    yield TextDelta("I see.")


async def ends_early(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Passes the beginning of an answer off as all of it."""
    yield TextDelta("This is not all")


class Shared(Obedient):
    """Has one conversation for everybody."""

    def name(self, turn: Turn) -> str:
        return "the only one"


class Forgetful(Obedient):
    """Keeps its conversations in the object."""

    def __init__(self, server: Server, deeds: Mapping[str, object]) -> None:
        super().__init__(Server(), {})


class Beginning(Obedient):
    """Starts anew each time."""

    async def run(self, turn: Turn) -> AsyncIterator[AgentEvent]:
        async for event in super().run(replace(turn, agent_session=None, history=())):
            yield event


class Inattentive(Obedient):
    """Takes a known conversation to be complete."""

    def news(self, turn: Turn) -> Sequence[Message]:
        return turn.history if turn.agent_session is None else ()


class Aliasing(Obedient):
    """Its copies are the same conversation under another name."""

    async def fork(self, name: str) -> str | None:
        copy = f"conversation-{len(self.server.conversations)}"
        self.server.conversations[copy] = self.server.conversations[name]
        return copy


class Sweeping(Obedient):
    """Forgets everything at once."""

    async def forget(self, name: str) -> None:
        for said in self.server.conversations.values():
            said.clear()


class Counting(Obedient):
    """Its requests have a key each."""

    def key(self, turn: Turn) -> str:
        return f"{turn.turn_id}-{turn.attempt}"


CARELESS: Mapping[str, ObedientUnderTest] = {
    "answers_in_text": obeys(answers=says()),
    "yields_only_known_events": obeys(answers=says_what_is_no_event),
    "a_long_answer_is_streamed": obeys(streams=says("One thing after another.")),
    "tools_have_results": obeys(calls_tools=calls_without_result),
    "reasoning_is_kept_apart": obeys(reasons=thinks_in_the_answer),
    "files_can_be_opened": obeys(sends_files=sends_a_path),
    "usage_is_reported": obeys(answers=reports_no_output),
    "turns_run_side_by_side": obeys(answers=answers_one_at_a_time),
    "odd_texts_are_answered": obeys(answers=stops_at_the_first_surrogate),
    "metadata_is_only_data": obeys(answers=formats_metadata),
    "the_history_is_carried": obeys(Beginning),
    "conversations_are_kept_apart": obeys(Shared),
    "a_session_is_reported": obeys(Shared),
    "a_session_is_resumed_after_a_restart": obeys(Forgetful),
    "what_a_session_missed_is_caught_up": obeys(Inattentive),
    "sessions_are_kept_apart": obeys(Shared),
    "a_fork_leaves_its_parent_alone": obeys(Aliasing),
    "forgetting_spares_others": obeys(Sweeping),
    "a_cancelled_run_ends": obeys(waits=holds_on),
    "cancelling_reaches_the_provider": obeys(waits=leaves_work_behind),
    "a_silent_provider_can_be_left": obeys(silent=holds_on),
    "it_holds_up_nobody": obeys(slow=blocks),
    "another_attempt_is_answered": obeys(answers=answers_once),
    "the_turn_is_the_idempotency_key": obeys(Counting),
    "a_passing_fault_passes": obeys(stumbles=raises("Out of order.", retryable=False)),
    "a_slow_first_word_is_waited_for": obeys(slow=raises("Too slow.", "timeout")),
    "a_busy_provider_is_not_waited_for": obeys(busy=raises("Come back in an hour.")),
    "the_deadline_is_kept": obeys(down=is_silent),
    "a_provider_that_is_down_is_unavailable": obeys(down=raises("Out of order.", "unavailable", retryable=False)),
    "wrong_credentials_are_misconfigured": obeys(
        refuses=raises(f"{SECRET} is wrong.", "misconfigured", retryable=False)
    ),
    "a_cut_answer_is_an_error": obeys(cuts=ends_early),
}
"""For each case an agent that fails it."""


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_an_agent_without_faults_passes(case: Case) -> None:
    """The careless ones below differ from this one in one thing."""
    await case.run(obeys())


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_careless_agent_fails(case: Case) -> None:
    """Each case detects the fault that it is there for."""
    with pytest.raises(AssertionError):
        await case.run(CARELESS[case.name])


async def test_a_result_needs_a_call() -> None:
    """Or nobody can tell what it is the result of."""
    with pytest.raises(AssertionError, match="no call"):
        await BY_NAME["tools_have_results"].run(obeys(calls_tools=returns_without_call))
