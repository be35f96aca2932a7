"""Each invariant's check finds its violation: small stories with one fault each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from gateway.core.turns.replies import APOLOGY
from tests.faults.deliveries import check_deliveries
from tests.faults.final_rows import Item, Message, Rows, Session, Turn
from tests.faults.invariants import (
    Evidence,
    Violation,
    check_order,
    check_owners,
    check_replies,
    check_sequences,
)
from tests.faults.ledger import Acked, Called, Delivered, Heard, Incident, Kind, Life, Lost, Sent, Stopped
from tests.faults.recovery import Bounds, check_calls, check_recovery, recoveries, uptime
from tests.faults.report import shortfalls

pytestmark = pytest.mark.faults

TEXTS = ("~ann~ ann-1", "~ann~ ann-2")
CHAT = "telegram:1001"
BOUNDS = Bounds(dead_s=5.0, own_s=10.0)


def told(kind: Callable[[Evidence], Iterable[Violation]], evidence: Evidence) -> list[str]:
    """The invariants that a check finds violated."""
    return [violation.invariant for violation in kind(evidence)]


def conversation() -> Evidence:
    """Ann sends two messages over a WebSocket and gets two replies."""
    rows = [
        Message("s1", 1, "ann", "user", TEXTS[0], "web", "t1", "ann-1"),
        Message("s1", 2, "ann", "assistant", f"re: {TEXTS[0]}", "web", "t1"),
        Message("s1", 3, "ann", "user", TEXTS[1], "web", "t2", "ann-2"),
        Message("s1", 4, "ann", "assistant", f"re: {TEXTS[1]}", "web", "t2"),
    ]
    return Evidence(
        rows=Rows(
            sessions=[Session("s1", "ann", "web", 4, 4)],
            messages=rows,
            turns=[
                Turn("t1", "s1", 1, "ann", "completed", 1, 1, 10.0),
                Turn("t2", "s1", 3, "ann", "completed", 1, 1, 20.0),
            ],
        ),
        sent=[Sent(10.0, "ann", "web", "ann-1", TEXTS[0]), Sent(20.0, "ann", "web", "ann-2", TEXTS[1])],
        acked=[Acked(10.1, "ann", "ann-1", "s1", 1, "t1"), Acked(20.1, "ann", "ann-2", "s1", 3, "t2")],
        heard=[Heard(30.0, "ann", "s1", row.seq, row.role, row.turn_id or "", row.content) for row in rows],
        lives=[Life(0.0, 100.0, 1, 11), Life(0.0, 100.0, 2, 22)],
        calls=[Called(10.2, "t1", 1, 1, 11), Called(20.2, "t2", 1, 1, 11)],
    )


def waiting() -> Evidence:
    """The agent has asked about the second message, and waits for the answer."""
    evidence = conversation()
    rows = evidence.rows
    turns = [rows.turns[0], replace(rows.turns[1], status="waiting", questions=1)]
    messages = [*rows.messages[:3], replace(rows.messages[3], content="May I?")]
    return replace(evidence, rows=replace(rows, turns=turns, messages=messages))


def test_a_waiting_turn_has_its_question_and_no_reply() -> None:
    """Anything else is a violation; after the answer, the reply is the row after the question."""
    evidence = waiting()
    assert told(check_replies, evidence) == []
    [*messages, question] = evidence.rows.messages
    assert told(check_replies, with_rows(evidence, messages)) == ["I1"]
    reply = replace(question, seq=5, content=f"re: {TEXTS[1]}")
    assert told(check_replies, with_rows(evidence, [*messages, question, reply])) == ["I1"]
    turns = [evidence.rows.turns[0], replace(evidence.rows.turns[1], status="completed")]
    ended = replace(evidence, rows=replace(evidence.rows, turns=turns, messages=[*messages, question, reply]))
    assert told(check_replies, ended) == []
    assert told(check_order, ended) == []


def with_rows(evidence: Evidence, messages: Iterable[Message]) -> Evidence:
    """The same with different rows in the transcript."""
    return replace(evidence, rows=replace(evidence.rows, messages=list(messages)))


def chat() -> Evidence:
    """Two chunks are sent to a chat."""
    items = [
        Item(1, CHAT, "t1", "telegram:777:1001:0", 1, "first", "sent", "", 10.1),
        Item(2, CHAT, "t1", "telegram:777:1001:0", 2, "second", "sent", "", 11.1),
    ]
    return Evidence(
        rows=Rows(items=items),
        delivered=[Delivered(10.0, 1001, "first", True, 1), Delivered(11.0, 1001, "second", True, 1)],
    )


CHECKS = (check_replies, check_order, check_owners, check_sequences, check_calls, check_deliveries)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("story", [conversation, chat])
def test_a_good_story_violates_nothing(
    check: Callable[[Evidence], Iterable[Violation]], story: Callable[[], Evidence]
) -> None:
    """The checks find no violation where nothing is wrong."""
    assert told(check, story()) == []


def test_a_lost_reply_is_found() -> None:
    """I1: an acknowledged message has no answer."""
    good = conversation()
    assert told(check_replies, with_rows(good, good.rows.messages[:3])) == ["I1"]


def test_a_second_reply_is_found() -> None:
    """I1: the results of two attempts were stored."""
    good = conversation()
    second = replace(good.rows.messages[1], seq=5)
    assert told(check_replies, with_rows(good, [*good.rows.messages, second])) == ["I1"]


def test_a_lost_message_is_found() -> None:
    """I1: it was acknowledged and is missing; a message that was never acknowledged may be missing."""
    good = conversation()
    without = with_rows(good, good.rows.messages[:2])
    assert "I1" in told(check_replies, without)
    assert told(check_replies, replace(without, acked=good.acked[:1])) == []


def test_a_message_stored_twice_is_found() -> None:
    """I1: a duplicate that was not recognized has its own turn and reply."""
    good = conversation()
    twice = [
        replace(good.rows.messages[0], seq=5, turn_id="t3"),
        replace(good.rows.messages[1], seq=6, turn_id="t3"),
    ]
    turns = [*good.rows.turns, replace(good.rows.turns[0], turn_id="t3", seq=5)]
    evidence = replace(good, rows=replace(good.rows, messages=[*good.rows.messages, *twice], turns=turns))
    assert "I1" in told(check_replies, evidence)


def test_a_lost_telegram_message_is_found() -> None:
    """I1: its update was confirmed, so it counts as acknowledged."""
    assert told(check_replies, Evidence(Rows(), sent=[Sent(1.0, CHAT, "telegram", "1001-1", "hello")])) == ["I1"]


@pytest.mark.parametrize("status", ["queued", "running", "cancelled"])
def test_a_turn_that_never_ended_is_found(status: str) -> None:
    """I1: every turn has ended."""
    good = conversation()
    turns = [good.rows.turns[0], replace(good.rows.turns[1], status=status)]
    assert "I1" in told(check_replies, replace(good, rows=replace(good.rows, turns=turns)))


def test_an_apology_counts_as_the_reply_of_a_failed_turn_only() -> None:
    """I1: exactly one reply or apology."""
    good = conversation()
    sorry = [*good.rows.messages[:3], replace(good.rows.messages[3], content=APOLOGY)]
    evidence = with_rows(good, sorry)
    assert told(check_replies, evidence) == ["I1"]
    failed = [good.rows.turns[0], replace(good.rows.turns[1], status="failed")]
    assert told(check_replies, replace(evidence, rows=replace(evidence.rows, turns=failed))) == []


def test_an_unsent_chunk_is_found() -> None:
    """I1: every chunk was sent."""
    good = chat()
    items = [good.rows.items[0], replace(good.rows.items[1], state="unsent")]
    assert told(check_replies, replace(good, rows=Rows(items=items))) == ["I1"]


def test_a_schedule_that_fired_twice_is_found() -> None:
    """I1: two replicas created a run for one fire time, and each was answered."""
    runs = [
        [
            Message(run, 1, "ann", "user", "~ann~ on time", "scheduled", run, "schedule:1:2026-01-01T00:00:00+00:00"),
            Message(run, 2, "ann", "assistant", "re: ~ann~ on time", "scheduled", run),
        ]
        for run in ("r1", "r2")
    ]
    turns = [Turn(run, run, 1, "ann", "completed", 1, 1, 1.0) for run in ("r1", "r2")]
    assert told(check_replies, Evidence(Rows(messages=runs[0], turns=turns[:1]))) == []
    assert told(check_replies, Evidence(Rows(messages=[*runs[0], *runs[1]], turns=turns))) == ["I1"]


def test_swapped_messages_are_found() -> None:
    """I2: the second comes before the first."""
    good = conversation()
    rows = good.rows.messages
    swapped = [replace(rows[2], seq=1), replace(rows[3], seq=2), replace(rows[0], seq=3), replace(rows[1], seq=4)]
    assert told(check_order, with_rows(good, swapped)) == ["I2"]


def test_swapped_replies_are_found() -> None:
    """I2: the second turn was answered first."""
    good = conversation()
    one, answer_one, two, answer_two = good.rows.messages
    swapped = [one, replace(two, seq=2), replace(answer_two, seq=3), replace(answer_one, seq=4)]
    assert told(check_order, with_rows(good, swapped)) == ["I2"]


def test_swapped_chunks_are_found() -> None:
    """I2: the second chunk arrived first."""
    good = chat()
    assert told(check_deliveries, replace(good, delivered=[good.delivered[1], good.delivered[0]])) == ["I2"]


def test_a_late_repetition_is_found() -> None:
    """I2: only the last chunk that arrived may be repeated, whatever the cause."""
    good = chat()
    again = Delivered(11.5, 1001, "first", True, 1)
    story = replace(good, delivered=[*good.delivered, again], lost=[Lost(11.2, 1001, 1)])
    assert "I2" in told(check_deliveries, story)


def repeated(*causes: Incident | Lost, marked_at: float = 12.1) -> list[str]:
    """The result for a first chunk that arrived at 10 from replica 1 and at 12 from replica 2, and a second at 13."""
    good = chat()
    items = [replace(good.rows.items[0], settled_at=marked_at), replace(good.rows.items[1], settled_at=13.1)]
    delivered = [
        Delivered(10.0, 1001, "first", True, 1),
        Delivered(12.0, 1001, "first", True, 2),
        Delivered(13.0, 1001, "second", True, 2),
    ]
    incidents = [cause for cause in causes if isinstance(cause, Incident)]
    lost = [cause for cause in causes if isinstance(cause, Lost)]
    return told(check_deliveries, Evidence(Rows(items=items), delivered=delivered, incidents=incidents, lost=lost))


EXPLAINING: dict[str, Incident | Lost] = {
    "a kill": Incident(10.2, 10.2, "kill", 1, 11),
    "a kill while it was on its way": Incident(9.8, 9.8, "kill", 1, 11),
    "a freeze": Incident(10.1, 17.0, "freeze", 1, 11),
    "an answer cut off": Lost(10.1, 1001, 1),
    "a restart of the database": Incident(10.1, 11.5, "database_restart"),
    "a database that hung for the sender": Incident(10.1, 11.5, "database_hang", 1, 11),
}
ELSEWHERE: dict[str, Incident | Lost] = {
    "a kill of another gateway": Incident(10.2, 10.2, "kill", 2, 22),
    "a kill long before": Incident(7.0, 7.0, "kill", 1, 11),
    "a kill afterwards": Incident(50.0, 50.0, "kill", 1, 11),
    "a kill after it came again": Incident(12.05, 12.05, "kill", 1, 11),
    "a lost answer in another chat": Lost(10.1, 1002, 1),
    "a lost answer of another gateway": Lost(10.1, 1001, 2),
    "a cut of a connection to the database": Incident(10.1, 10.1, "database_cut_all"),
    "a delay of the database": Incident(10.1, 11.5, "database_delay"),
    "a database that hung for another gateway": Incident(10.1, 11.5, "database_hang", 2, 22),
    "a restart of the database before": Incident(5.0, 7.0, "database_restart"),
}


def test_a_repetition_without_a_cause_is_found() -> None:
    """I3: no gateway died and no response was lost."""
    assert repeated() == ["I3", "I3"]


@pytest.mark.parametrize("cause", EXPLAINING.values(), ids=EXPLAINING)
def test_a_repetition_with_a_cause_is_allowed(cause: Incident | Lost) -> None:
    """I3: something happened to its sender between send and mark."""
    assert repeated(cause) == []


@pytest.mark.parametrize("cause", ELSEWHERE.values(), ids=ELSEWHERE)
def test_an_unrelated_incident_explains_no_repetition(cause: Incident | Lost) -> None:
    """I3: an incident at another gateway, chat or time, or one that does not prevent a mark, is no cause."""
    assert "I3" in repeated(cause)


def test_a_repetition_after_its_mark_is_found() -> None:
    """I3: the sender died after the mark."""
    assert repeated(EXPLAINING["a kill"]) == []
    assert "I3" in repeated(EXPLAINING["a kill"], marked_at=10.1)


def test_a_request_delayed_by_the_network_may_arrive_late() -> None:
    """I3: its sender died while the connection to the Bot API hung."""
    held, kill = Incident(7.0, 10.0, "bot_hang", 1, 11), Incident(7.5, 7.5, "kill", 1, 11)
    assert repeated(held, kill) == []
    assert "I3" in repeated(replace(held, replica=2, pid=22), kill)


def test_one_cause_too_few_is_found() -> None:
    """I3: there are two repetitions and one lost response."""
    good = chat()
    again = [Delivered(10.0 + part, 1001, "first", True, 1) for part in (0.0, 0.03, 0.06)]
    story = replace(good, delivered=[*again, good.delivered[1]], lost=[Lost(10.01, 1001, 1)])
    assert told(check_deliveries, story) == ["I3", "I3"]


def test_causes_are_assigned_so_that_each_repetition_has_one() -> None:
    """I3: one repetition has two possible causes, and the other only one of them."""
    good = chat()
    items = [replace(good.rows.items[0], settled_at=10.5), replace(good.rows.items[1], settled_at=12.5)]
    times = [(10.0, "first"), (10.4, "first"), (10.6, "second"), (12.4, "second")]
    story = Evidence(
        Rows(items=items),
        delivered=[Delivered(at, 1001, text, True, 1) for at, text in times],
        lost=[Lost(10.1, 1001, 1), Lost(12.0, 1001, 1)],
    )
    assert told(check_deliveries, story) == []


def test_a_missing_chunk_is_found() -> None:
    """I3: it counts as sent but never arrived."""
    good = chat()
    assert told(check_deliveries, replace(good, delivered=good.delivered[:1])) == ["I3"]


def test_a_chunk_that_was_given_up_is_found() -> None:
    """I3: no user has blocked the bot."""
    good = chat()
    dead = [good.rows.items[0], replace(good.rows.items[1], state="dead", error="blocked")]
    story = replace(good, rows=Rows(items=dead), delivered=good.delivered[:1])
    assert told(check_deliveries, story) == ["I3"]


def test_an_incomplete_reply_is_found() -> None:
    """I3: one of its chunks was never put into the outbox."""
    good = chat()
    reply = Message("s1", 2, CHAT, "assistant", "first\nsecond", "telegram", "t1")
    assert told(check_deliveries, replace(good, rows=replace(good.rows, messages=[reply]))) == []
    reply = replace(reply, content="first\nsecond\nthird")
    assert told(check_deliveries, replace(good, rows=replace(good.rows, messages=[reply]))) == ["I3"]


def test_a_foreign_canary_is_found() -> None:
    """I4: in a row, on a socket, in a chat."""
    good = conversation()
    rows = [replace(good.rows.messages[0], content="~bob~ bob-1"), *good.rows.messages[1:]]
    assert told(check_owners, with_rows(good, rows)) == ["I4"]
    heard = [*good.heard, replace(good.heard[0], user="bob")]
    assert "I4" in told(check_owners, replace(good, heard=heard))
    assert told(check_owners, replace(chat(), delivered=[Delivered(1.0, 1001, "re: ~telegram:1002~", True, 1)])) == [
        "I4"
    ]


def test_a_foreign_row_is_found() -> None:
    """I4: a row of another user in the session."""
    good = conversation()
    rows = [replace(good.rows.messages[0], user_id="bob", content="hello"), *good.rows.messages[1:]]
    assert told(check_owners, with_rows(good, rows)) == ["I4"]


def test_a_message_that_nobody_sent_is_found() -> None:
    """I4: a chat received a message that the outbox does not contain."""
    good = chat()
    assert told(
        check_deliveries, replace(good, delivered=[*good.delivered, Delivered(12.0, 1001, "boo", True, 1)])
    ) == ["I4"]


def stolen(at: float, *incidents: Incident) -> Evidence:
    """The first turn's owner, process 11, does not answer; process 22 takes over."""
    good = conversation()
    turns = [replace(good.rows.turns[0], attempt=2, epoch=2), good.rows.turns[1]]
    calls = [good.calls[0], Called(at, "t1", 2, 2, 22)]
    return replace(good, rows=replace(good.rows, turns=turns), calls=calls, incidents=incidents)


KILL = Incident(10.5, 10.5, "kill", 1, 11)


def test_a_late_recovery_is_found() -> None:
    """I5: the bound counts from the kill."""
    assert list(check_recovery(stolen(15.0, KILL), BOUNDS)) == []
    assert [violation.invariant for violation in check_recovery(stolen(16.0, KILL), BOUNDS)] == ["I5"]


def test_recovery_counts_from_the_return_of_the_database() -> None:
    """I5: no gateway can continue while it is unavailable."""
    away = Incident(11.0, 14.0, "database_restart")
    assert [round(one.seconds, 3) for one in recoveries(stolen(16.0, KILL, away))] == [2.0]


def test_recovery_counts_from_the_thaw_of_the_claimer() -> None:
    """I5: the gateway that continues may have claimed the turn right before it froze."""
    frozen = Incident(14.0, 15.9, "freeze", 2, 22)
    assert [round(one.seconds, 3) for one in recoveries(stolen(16.0, KILL, frozen))] == [0.1]
    another = Incident(14.0, 15.9, "freeze", 3, 33)
    assert [one.invariant for one in check_recovery(stolen(16.0, KILL, another), BOUNDS)] == ["I5"]


@pytest.mark.parametrize("kind", ["database_cut_one", "database_swallow", "database_half_close", "database_cut_all"])
def test_broken_connections_do_not_extend_the_bound(kind: Kind) -> None:
    """I5: the other gateways can continue the turn all the same."""
    blip = Incident(14.0, 14.0, kind, 2, 22)
    assert [one.invariant for one in check_recovery(stolen(16.0, KILL, blip), BOUNDS)] == ["I5"]


def test_a_turn_that_its_owner_did_not_know_of_has_ten_seconds() -> None:
    """I5: the result of its claim was lost; the owner lives, and takes the turn over from itself."""
    lost = Incident(10.1, 10.1, "database_swallow", 2, 22)
    good = conversation()

    def story(at: float, *incidents: Incident) -> Evidence:
        turns = [replace(good.rows.turns[0], attempt=2, epoch=2), good.rows.turns[1]]
        calls = [Called(at, "t1", 2, 2, 22), good.calls[1]]
        return replace(good, rows=replace(good.rows, turns=turns), calls=calls, incidents=incidents)

    assert list(check_recovery(story(20.0, lost), BOUNDS)) == []
    assert len(list(check_recovery(story(20.5, lost), BOUNDS))) == 1
    # Another gateway's lost response is no cause.
    assert len(list(check_recovery(story(20.0, replace(lost, replica=1, pid=11)), BOUNDS))) == 1


def test_recovery_counts_from_when_a_gateway_is_ready() -> None:
    """I5: no turn can continue while no gateway is ready."""
    story = replace(stolen(16.0, KILL), lives=[Life(0.0, 10.5, 1, 11), Life(13.0, 100.0, 2, 22)])
    assert [round(one.seconds, 3) for one in recoveries(story)] == [3.0]


def test_a_frozen_gateway_does_not_count_as_up() -> None:
    """Uptime excludes the seconds in which every running gateway was frozen."""
    frozen = Incident(20.0, 30.0, "freeze", 1, 11)
    assert uptime([Life(0.0, 50.0, 1, 11)], [frozen]) == [(0.0, 20.0), (30.0, 50.0)]
    assert uptime([Life(0.0, 50.0, 1, 11), Life(10.0, 40.0, 2, 22)], [frozen]) == [(0.0, 50.0)]


def test_a_call_without_an_incident_is_found() -> None:
    """I6: the turn was taken from a healthy gateway."""
    assert told(check_calls, stolen(12.0)) == ["I6"]
    assert told(check_calls, stolen(12.0, replace(KILL, pid=99))) == ["I6"]
    assert told(check_calls, stolen(12.0, KILL)) == []


def test_an_incident_counts_for_the_gateways_it_affects() -> None:
    """I6: an outage affects all gateways, a broken connection one of them, and a broken Bot API none."""
    assert told(check_calls, stolen(12.0, Incident(11.0, 11.5, "database_restart"))) == []
    assert told(check_calls, stolen(12.0, Incident(11.0, 11.0, "database_cut_one", 1, 11))) == []
    assert told(check_calls, stolen(12.0, Incident(11.0, 11.0, "database_cut_one", 3, 33))) == ["I6"]
    assert told(check_calls, stolen(12.0, Incident(11.0, 11.0, "database_delay"))) == ["I6"]
    assert told(check_calls, stolen(12.0, Incident(11.0, 11.0, "bot_cut_one", 1, 11))) == ["I6"]


def test_one_incident_too_few_is_found() -> None:
    """I6: two replicas took the turn over one after the other, but only one owner had died."""
    good = stolen(12.0, KILL)
    turns = [replace(good.rows.turns[0], attempt=3, epoch=3), good.rows.turns[1]]
    story = replace(good, rows=replace(good.rows, turns=turns), calls=[*good.calls, Called(12.1, "t1", 3, 3, 33)])
    assert told(check_calls, story) == ["I6"]
    assert told(check_calls, replace(story, incidents=[KILL, Incident(12.0, 12.0, "kill", 2, 22)])) == []


def test_two_runs_in_one_epoch_are_found() -> None:
    """I6: fencing cannot tell their results apart."""
    good = stolen(12.0, KILL)
    assert told(check_calls, replace(good, calls=[good.calls[0], replace(good.calls[1], epoch=1)])) == ["I6"]


def test_an_attempt_missing_from_the_row_is_found() -> None:
    """I6: a claim was lost, and its agent ran."""
    good = stolen(12.0, KILL)
    assert told(check_calls, replace(good, rows=conversation().rows)) == ["I6"]


def test_a_gap_is_found() -> None:
    """I7: a row is missing from the middle."""
    good = conversation()
    gap = with_rows(good, [row for row in good.rows.messages if row.seq != 2])
    assert told(check_sequences, gap)[0] == "I7"


def test_a_wrong_count_is_found() -> None:
    """I7: `last_seq` and `message_count` must match the rows."""
    good = conversation()
    wrong = replace(good.rows, sessions=[Session("s1", "ann", "web", 4, 5)])
    assert told(check_sequences, replace(good, rows=wrong)) == ["I7"]


def test_a_session_that_lists_miss_is_found() -> None:
    """I7: its index entries are of an earlier time, and nothing says so."""
    good = conversation()
    wrong = replace(good.rows, sessions=[Session("s1", "ann", "web", 4, 4, is_in_lists=False)])
    assert told(check_sequences, replace(good, rows=wrong)) == ["I7"]


@pytest.mark.parametrize("order", [(0, 1, 1, 2, 3), (0, 2, 1, 3), (0, 1, 3), (1, 2, 3)])
def test_a_client_that_received_wrong_rows_is_found(order: tuple[int, ...]) -> None:
    """I7: it received a row twice or out of order, or missed one."""
    good = conversation()
    assert told(check_sequences, replace(good, heard=[good.heard[place] for place in order])) == ["I7"]


def superseded(how: str, *, deleted: bool, status: str = "cancelled") -> Evidence:
    """A user's first turn was cut short by the second message."""
    user = {"interrupt": "eager1", "rollback": "fickle1"}[how]
    good = conversation()
    first, half, *rest = [replace(row, user_id=user) for row in good.rows.messages]
    rows = [replace(first, deleted=deleted), replace(half, content="re: ~an", deleted=deleted), *rest]
    turns = [replace(turn, user_id=user) for turn in good.rows.turns]
    turns[0] = replace(turns[0], status=status, superseded=how)
    sessions = [Session("s1", user, "web", 4, 2 if deleted else 4)]
    return Evidence(rows=Rows(sessions=sessions, messages=rows, turns=turns))


@pytest.mark.parametrize(("how", "deleted"), [("interrupt", False), ("rollback", True)])
def test_a_turn_cut_short_by_its_agents_strategy_is_allowed(how: str, deleted: bool) -> None:
    """The partial answer stays, or question and answer are taken back."""
    assert told(check_replies, superseded(how, deleted=deleted)) == []


@pytest.mark.parametrize(("how", "deleted"), [("interrupt", True), ("rollback", False)])
def test_a_turn_cut_short_by_another_strategy_is_found(how: str, deleted: bool) -> None:
    """I1: two rows are missing, or should not exist."""
    assert told(check_replies, superseded(how, deleted=deleted)) == ["I1", "I1"]


def test_a_partial_reply_of_a_completed_turn_is_found() -> None:
    """I1: only a cancelled turn may have a partial reply."""
    assert told(check_replies, superseded("interrupt", deleted=False, status="completed")) == ["I1"]


def test_a_cancelled_turn_without_a_request_is_found() -> None:
    """I1: a turn is cancelled only on request."""
    good = conversation()
    turns = [replace(good.rows.turns[0], status="cancelled"), good.rows.turns[1]]
    cancelled = replace(good, rows=replace(good.rows, turns=turns))
    assert told(check_replies, cancelled) == ["I1"]
    assert told(check_replies, replace(cancelled, stopped=[Stopped(11.0, "ann", "t1")])) == []


def test_a_long_storm_must_include_enough_incidents() -> None:
    """Ten minutes must include a hundred kills, fifteen restarts and twenty thousand messages; a shorter storm, nothing."""
    assert list(shortfalls(conversation(), 600.0)) == [
        "only 0 kills, and 100 are due",
        "only 0 database restarts, and 15 are due",
        "only 2 messages, and 20000 are due",
    ]
    assert list(shortfalls(conversation(), 599.0)) == []
    kills = [Incident(float(at), float(at), "kill", 1, 11) for at in range(100)]
    assert len(list(shortfalls(replace(conversation(), incidents=kills), 600.0))) == 2


def test_a_call_under_an_old_claim_is_no_recovery() -> None:
    """I5: a frozen gateway thaws after its turn was taken over, and calls its agent anyway."""
    good = conversation()
    turn = replace(good.rows.turns[0], attempt=2, epoch=2)
    woken = replace(
        good,
        rows=replace(good.rows, turns=[turn, good.rows.turns[1]]),
        incidents=[Incident(10.1, 19.0, "freeze", 1, 11)],
        calls=[Called(14.0, "t1", 2, 2, 22), Called(19.1, "t1", 1, 1, 11)],
    )
    assert [one.at for one in recoveries(woken)] == [14.0]


def test_an_unknown_delivery_needs_two_lost_responses() -> None:
    """I3: a lost response leads to a second send, whose response must be lost as well."""
    good = chat()
    items = [good.rows.items[0], replace(good.rows.items[1], state="unknown", error="no clear answer")]
    lost = [Lost(10.5, 1001, 1), Lost(11.0, 1001, 1)]
    story = replace(good, rows=Rows(items=items), delivered=good.delivered[:1])
    assert told(check_deliveries, replace(story, lost=lost[:1])) == ["I3"]
    assert told(check_deliveries, replace(story, lost=lost)) == []
