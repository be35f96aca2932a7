"""The invariants that depend on rows alone (I1, I2, I4, I7): pure functions from evidence to violations."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from gateway.core.turns.replies import APOLOGIES, STOPPED
from tests.faults.agents import reply_to
from tests.faults.final_rows import Message, Rows, Turn
from tests.faults.ledger import Acked, Called, Delivered, Heard, Incident, Life, Lost, Sent, Stopped

Invariant = Literal["I1", "I2", "I3", "I4", "I5", "I6", "I7"]
STRATEGIES = {"eager": "interrupt", "fickle": "rollback"}
"""What happens to an open turn at its user's next message, by the user's name without its number."""
MEANING: Mapping[Invariant, str] = {
    "I1": "an acknowledged message has exactly one reply or apology",
    "I2": "order of messages, replies and chunks",
    "I3": "sends repeated ≤ kills between send and mark + lost answers; none missing",
    "I4": "nothing of anybody else",
    "I5": "a turn of the dead goes on within TTL + one sweep",
    "I6": "agent calls per turn ≤ 1 + incidents",
    "I7": "seq without gaps, counts and places in lists right",
}
CANARY = re.compile(r"~([\w:-]+)~")

Key = TypeVar("Key", bound=Hashable)
Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Violation:
    """A violation of an invariant."""

    invariant: Invariant
    text: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that is known after a storm."""

    rows: Rows
    sent: Sequence[Sent] = ()
    acked: Sequence[Acked] = ()
    stopped: Sequence[Stopped] = ()
    heard: Sequence[Heard] = ()
    delivered: Sequence[Delivered] = ()
    lost: Sequence[Lost] = ()
    incidents: Sequence[Incident] = ()
    lives: Sequence[Life] = ()
    calls: Sequence[Called] = ()


def grouped(things: Iterable[Thing], key: Callable[[Thing], Key]) -> Mapping[Key, list[Thing]]:
    """Groups items by key; each group keeps their order."""
    groups: defaultdict[Key, list[Thing]] = defaultdict(list)
    for thing in things:
        groups[key(thing)].append(thing)
    return groups


# I1 -------------------------------------------------------------------------------------------------------------------


def check_replies(evidence: Evidence) -> Iterator[Violation]:
    """I1: every acknowledged message has one row and one turn with one reply; nothing is left undone."""
    yield from _kept_once(evidence)
    yield from _acks_are_true(evidence)
    yield from _answered_once(evidence.rows)
    yield from _fired_once(evidence.rows)
    yield from _cancelled_with_cause(evidence)
    for turn in evidence.rows.turns:
        if turn.status in {"queued", "running"}:
            yield Violation("I1", f"turn {turn.turn_id} of {turn.user_id} is {turn.status} in the end")
    for item in evidence.rows.items:
        if item.state == "unsent":
            yield Violation("I1", f"chunk {item.item_id} to {item.address} is unsent in the end")


def _kept_once(evidence: Evidence) -> Iterator[Violation]:
    kept = Counter((row.user_id, row.content) for row in evidence.rows.messages if row.role == "user")
    acked = {(ack.user, ack.key) for ack in evidence.acked}
    for sent in evidence.sent:
        count = kept[sent.user, sent.text]
        # Telegram's updates have all been confirmed when this is asked.
        due = sent.channel == "telegram" or (sent.user, sent.key) in acked
        if count > 1 or (due and count == 0):
            yield Violation("I1", f"{sent.channel} message {sent.key} of {sent.user} was kept {count} times")


def _acks_are_true(evidence: Evidence) -> Iterator[Violation]:
    rows = {(row.user_id, row.client_id): row for row in evidence.rows.messages if row.role == "user"}
    for ack in evidence.acked:
        row = rows.get((ack.user, ack.key))
        if row is None:
            yield Violation("I1", f"{ack.key} was acknowledged and is not there")
        elif (row.session_id, row.seq, row.turn_id) != (ack.session_id, ack.seq, ack.turn_id):
            yield Violation("I1", f"{ack.key} was acknowledged as {ack} and is {row}")


def _answered_once(rows: Rows) -> Iterator[Violation]:
    turns = {turn.turn_id: turn for turn in rows.turns}
    asked = grouped((row for row in rows.messages if is_asked(row)), lambda row: row.turn_id)
    replies = grouped((row for row in rows.messages if row.role == "assistant"), lambda row: row.turn_id)
    for turn_id, questions in asked.items():
        turn = None if turn_id is None else turns.get(turn_id)
        if turn is None or len(questions) != 1:
            yield Violation("I1", f"turn {turn_id} has {len(questions)} messages: {questions[0].content}")
            continue
        answers = [reply.content for reply in replies.get(turn_id, ())][turn.questions :]
        if turn.status == "waiting":
            yield from _waits(turn, len(replies.get(turn_id, ())))
        elif len(answers) != 1 or not _fits(turn, questions[0].content, answers[0]):
            short = [answer[:60] for answer in answers]
            yield Violation("I1", f"turn {turn_id} ({turn.status}) of {questions[0].content!r} has replies {short}")
        for row in (*questions, *replies.get(turn_id, ())):
            if row.deleted != (turn.superseded == "rollback"):
                yield Violation("I1", f"row {row.seq} of turn {turn_id} ({turn.superseded}) is deleted: {row.deleted}")
    for turn_id in set(replies) - set(asked):
        yield Violation("I1", f"a reply belongs to turn {turn_id}, which nobody asked for")


def _waits(turn: Turn, rows: int) -> Iterator[Violation]:
    if rows != turn.questions:
        yield Violation(
            "I1", f"turn {turn.turn_id} waits for an answer with {rows} rows for {turn.questions} questions"
        )


def is_asked(row: Message) -> bool:
    """Whether it is a message to the agent, and not an answer to its question."""
    return row.role == "user" and row.kind != "answer"


def _fits(turn: Turn, question: str, answer: str) -> bool:
    """Whether a turn with this outcome may have that reply."""
    whole = reply_to(question)
    match turn.status:
        case "failed":
            return answer in APOLOGIES.values()
        case "cancelled":
            apologised = turn.superseded == "rollback" and answer in APOLOGIES.values()
            return apologised or answer == STOPPED or whole.startswith(answer)
        case _:
            return answer == whole


def _cancelled_with_cause(evidence: Evidence) -> Iterator[Violation]:
    stopped = {one.turn_id for one in evidence.stopped}
    for turn in evidence.rows.turns:
        if turn.status == "cancelled" and turn.superseded is None and turn.turn_id not in stopped:
            yield Violation("I1", f"turn {turn.turn_id} of {turn.user_id} was cancelled, and nobody asked for it")
        if turn.superseded != STRATEGIES.get(turn.user_id.rstrip("0123456789")) and turn.superseded is not None:
            yield Violation("I1", f"turn {turn.turn_id} of {turn.user_id} was superseded as {turn.superseded}")


def _fired_once(rows: Rows) -> Iterator[Violation]:
    fires = Counter(row.client_id for row in rows.messages if row.role == "user" and row.channel == "scheduled")
    for fire, count in fires.items():
        if count > 1:
            yield Violation("I1", f"{fire} fired {count} times")


# I2 -------------------------------------------------------------------------------------------------------------------


def check_order(evidence: Evidence) -> Iterator[Violation]:
    """I2: messages are in the order in which they were sent, replies in the order of their turns."""
    yield from _sent_in_order(evidence)
    for session_id, rows in grouped(evidence.rows.messages, lambda row: row.session_id).items():
        yield from _answered_in_order(session_id, rows)


def _sent_in_order(evidence: Evidence) -> Iterator[Violation]:
    said = grouped((sent for sent in evidence.sent), lambda sent: sent.user)
    rows = grouped(
        (row for row in evidence.rows.messages if row.role == "user" and row.channel != "scheduled"),
        lambda row: row.user_id,
    )
    for user, kept in rows.items():
        sessions = {row.session_id for row in kept}
        if len(sessions) > 1:
            yield Violation("I2", f"{user} has {len(sessions)} sessions")
        present = {row.content for row in kept}
        expected = [sent.text for sent in said.get(user, ()) if sent.text in present]
        got = list(dict.fromkeys(row.content for row in sorted(kept, key=lambda row: row.seq)))
        if got != expected:
            first = next((pair for pair in zip(got, expected, strict=False) if pair[0] != pair[1]), ("", ""))
            yield Violation("I2", f"{user}: {first[0]!r} stands where {first[1]!r} was sent")


def _answered_in_order(session_id: str, rows: Sequence[Message]) -> Iterator[Violation]:
    asked = {row.turn_id: row.seq for row in reversed(rows) if is_asked(row)}
    latest = 0
    for row in rows:
        if row.role != "assistant":
            continue
        of_turn = asked.get(row.turn_id, 0)
        if not latest <= of_turn < row.seq:
            yield Violation("I2", f"session {session_id}: row {row.seq} answers row {of_turn}, after row {latest}")
        latest = max(latest, of_turn)


# I4 -------------------------------------------------------------------------------------------------------------------


def check_owners(evidence: Evidence) -> Iterator[Violation]:
    """I4: a user's rows, sockets and chats hold only that user's texts."""
    owners = {session.session_id: session.user_id for session in evidence.rows.sessions}
    seen: list[tuple[str, str, str]] = [
        *(("row", row.user_id, row.content) for row in evidence.rows.messages),
        *(("chunk", item.user_id, item.content) for item in evidence.rows.items),
        *(("socket", heard.user, heard.text) for heard in evidence.heard),
        *(("chat", f"telegram:{one.chat_id}", one.text) for one in evidence.delivered),
    ]
    for where, user, text in seen:
        if foreign := set(CANARY.findall(text)) - {user}:
            yield Violation("I4", f"a {where} of {user} holds something of {foreign}")
    belongs: list[tuple[str, str, str]] = [
        *(("row", row.user_id, row.session_id) for row in evidence.rows.messages),
        *(("turn", turn.user_id, turn.session_id) for turn in evidence.rows.turns),
        *(("socket", heard.user, heard.session_id) for heard in evidence.heard),
    ]
    for where, user, session_id in belongs:
        if owners.get(session_id) != user:
            yield Violation("I4", f"a {where} of {user} is in session {session_id} of {owners.get(session_id)}")
    for item in evidence.rows.items:
        if f"telegram:{item.address.split(':')[2]}" != item.user_id:
            yield Violation("I4", f"chunk {item.item_id} of {item.user_id} is addressed to {item.address}")


# I7 -------------------------------------------------------------------------------------------------------------------


def check_sequences(evidence: Evidence) -> Iterator[Violation]:
    """I7: rows count from 1 without gaps, in the database and for each client, which receives each row once."""
    rows = grouped(evidence.rows.messages, lambda row: row.session_id)
    for session in evidence.rows.sessions:
        seqs = [row.seq for row in rows.get(session.session_id, ())]
        whole = list(range(1, len(seqs) + 1))
        present = sum(not row.deleted for row in rows.get(session.session_id, ()))
        if seqs != whole or (session.last_seq, session.message_count) != (len(seqs), present):
            counts = f"last_seq {session.last_seq}, message_count {session.message_count}"
            yield Violation("I7", f"session {session.session_id} has rows {_brief(seqs)}, {counts}")
        if not session.is_in_lists:
            yield Violation("I7", f"session {session.session_id} is missing in lists, or in the wrong place")
    heard = grouped(evidence.heard, lambda one: one.user)
    for session in evidence.rows.sessions:
        if session.channel == "web":
            yield from _told(session.user_id, rows.get(session.session_id, ()), heard.get(session.user_id, ()))


def _told(user: str, rows: Sequence[Message], heard: Sequence[Heard]) -> Iterator[Violation]:
    seqs = [one.seq for one in heard]
    if seqs != [row.seq for row in rows]:
        yield Violation("I7", f"{user} heard rows {_brief(seqs)}; there are {len(rows)}")
    texts = {(row.seq, row.role, row.content) for row in rows}
    # Who hears of a row after it was taken back hears its place only.
    texts |= {(row.seq, row.role, "") for row in rows if row.deleted}
    for one in heard:
        if (one.seq, one.role, one.text) not in texts:
            yield Violation("I7", f"{user} heard another row {one.seq} than there is: {one.text[:60]!r}")


def _brief(seqs: Sequence[int]) -> str:
    """The items that are out of order."""
    odd = [seq for place, seq in enumerate(seqs) if place and seq != seqs[place - 1] + 1]
    return (
        f"1–{len(seqs)}" if not odd and seqs[:1] == [1] else f"{seqs[:1]}… with breaks at {odd[:5]}, {len(seqs)} in all"
    )
