"""All cases, each with the abilities it needs of a network."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TypeAlias

from turngate.testing.case import CaseOf
from turngate.testing.channels import incoming, outgoing
from turngate.testing.channels.subject import Ability, ChannelUnderTest

Case: TypeAlias = CaseOf[ChannelUnderTest, Ability]
"""One requirement of a channel."""


def _case(run: Callable[[ChannelUnderTest], Coroutine[object, object, None]], *needs: Ability) -> Case:
    return CaseOf(run, frozenset(needs))


CASES: tuple[Case, ...] = (
    _case(incoming.normalizing_never_raises),
    _case(incoming.a_message_says_whose_it_is),
    _case(incoming.people_have_users_and_routes_of_their_own),
    _case(incoming.equal_messages_are_two),
    _case(incoming.a_repeated_message_is_one, "repeats"),
    _case(incoming.acknowledged_after_the_commit, "acknowledges"),
    _case(incoming.nothing_is_lost_while_the_store_is_away),
    _case(incoming.conversations_keep_their_order),
    _case(incoming.conversations_wait_for_nobody, "delivers_ahead"),
    _case(incoming.a_refused_message_holds_up_nobody),
    _case(incoming.a_fault_of_the_gateway_holds_up_nobody),
    _case(incoming.a_clogged_reader_holds_up_nobody),
    _case(incoming.a_stopping_channel_takes_nothing_in),
    _case(outgoing.rendering_takes_any_text, "pushes"),
    _case(outgoing.chunks_arrive_in_order, "pushes"),
    _case(outgoing.a_long_reply_arrives_whole, "pushes"),
    _case(outgoing.nothing_leaves_without_permission, "pushes"),
    _case(outgoing.a_foreign_address_is_refused, "pushes"),
    _case(outgoing.a_refusal_is_for_good, "pushes", "refuses"),
    _case(outgoing.a_network_that_is_away_defers, "pushes"),
    _case(outgoing.a_lost_answer_is_unknown, "pushes", "loses_answers"),
    _case(outgoing.a_moved_conversation_is_followed, "pushes", "moves"),
    _case(outgoing.a_clogged_peer_holds_up_nobody, "pushes"),
    _case(outgoing.what_is_left_leaves_while_it_stops, "pushes"),
    _case(outgoing.typing_never_fails, "pushes"),
)


def cases_of(channel: ChannelUnderTest) -> list[Case]:
    """Returns the cases that fit a network's abilities."""
    return [case for case in CASES if case.needs <= channel.abilities]
