"""All cases, each with the abilities it needs of an agent."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import TypeAlias

from gateway.errors import GatewayError
from turngate.testing.agents import answering, failing, remembering, stopping
from turngate.testing.agents.subject import Ability, AgentUnderTest
from turngate.testing.case import CaseOf

Case: TypeAlias = CaseOf[AgentUnderTest, Ability]
"""One requirement of an agent."""


def _case(run: Callable[[AgentUnderTest], Coroutine[object, object, None]], *needs: Ability) -> Case:
    @wraps(run)
    async def checked(agent: AgentUnderTest) -> None:
        try:
            await run(agent)
        except GatewayError as error:
            raise AssertionError(f"the agent failed with {type(error).__name__}: {error}") from error

    return CaseOf(checked, frozenset(needs))


CASES: tuple[Case, ...] = (
    _case(answering.answers_in_text),
    _case(answering.yields_only_known_events),
    _case(answering.a_long_answer_is_streamed, "streams"),
    _case(answering.tools_have_results, "calls_tools"),
    _case(answering.reasoning_is_kept_apart, "reasons"),
    _case(answering.files_can_be_opened, "sends_files"),
    _case(answering.usage_is_reported, "reports_usage"),
    _case(answering.turns_run_side_by_side),
    _case(answering.odd_texts_are_answered),
    _case(answering.metadata_is_only_data),
    _case(remembering.the_history_is_carried, "recalls"),
    _case(remembering.conversations_are_kept_apart, "recalls"),
    _case(remembering.a_session_is_reported, "keeps_sessions"),
    _case(remembering.a_session_is_resumed_after_a_restart, "keeps_sessions", "recalls"),
    _case(remembering.what_a_session_missed_is_caught_up, "keeps_sessions", "recalls"),
    _case(remembering.sessions_are_kept_apart, "keeps_sessions", "recalls"),
    _case(remembering.a_fork_leaves_its_parent_alone, "keeps_sessions", "recalls", "forks"),
    _case(remembering.forgetting_spares_others, "keeps_sessions", "recalls", "forks"),
    _case(stopping.a_cancelled_run_ends, "waits"),
    _case(stopping.cancelling_reaches_the_provider, "waits", "hangs_up"),
    _case(stopping.a_silent_provider_can_be_left, "silent"),
    _case(stopping.it_holds_up_nobody, "slow"),
    _case(failing.another_attempt_is_answered),
    _case(failing.the_turn_is_the_idempotency_key, "passes_keys"),
    _case(failing.a_passing_fault_passes, "stumbles"),
    _case(failing.a_slow_first_word_is_waited_for, "slow"),
    _case(failing.a_busy_provider_is_not_waited_for, "busy"),
    _case(failing.the_deadline_is_kept, "down"),
    _case(failing.a_provider_that_is_down_is_unavailable, "down"),
    _case(failing.wrong_credentials_are_misconfigured, "refuses"),
    _case(failing.a_cut_answer_is_an_error, "cuts"),
)


def cases_of(agent: AgentUnderTest) -> list[Case]:
    """Returns the cases that fit an agent's abilities."""
    return [case for case in CASES if case.needs <= agent.abilities]
