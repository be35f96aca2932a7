"""The invariants I1 to I7 of `tests/faults/invariants.py`, as far as a state of the model can violate them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.model.cluster import KEYS_EACH, State
from tests.model.leases import Session


def violations(state: State) -> Iterator[str]:
    """The violated invariants. The explorer checks I5: a dead replica's turn continues if every state leads to an end."""
    for number, session in enumerate(state.sessions):
        yield from _rows(number, session, state.acked[number])
        yield from _replies(session)
        yield from _calls(state, number)
        yield from _deliveries(state, number)


def _rows(number: int, session: Session, acked: int) -> Iterator[str]:
    keys = [row.key for row in session.rows if row.key >= 0]
    if len(set(keys)) < len(keys):
        yield f"I1: a message was kept twice: {keys}"
    if missing := {number * KEYS_EACH + said for said in range(acked)} - set(keys):
        yield f"I1: acknowledged and not there: {missing}"
    if keys != sorted(keys):
        yield f"I2: messages stand in the order {keys}"
    if any(key // KEYS_EACH != number for key in keys):
        yield f"I4: session {number} holds {keys}"
    seqs = [row.seq for row in session.rows]
    if seqs != list(range(1, len(seqs) + 1)) or session.last_seq != len(seqs):
        yield f"I7: rows {seqs}, last_seq {session.last_seq}"


def _replies(session: Session) -> Iterator[str]:
    answered = [row.turn for row in session.rows if row.key < 0]
    if len(set(answered)) < len(answered):
        yield f"I1: a turn was answered twice: {answered}"
    if answered != sorted(answered):
        yield f"I2: turns were answered in the order {answered}"
    if sum(turn.status == "running" for turn in session.turns) > 1:
        yield f"I2: two turns run at once: {session.turns}"
    for place, turn in enumerate(session.turns):
        gone = {row.deleted for row in session.rows if row.turn == place and turn.reply is not None}
        if gone - {turn.superseded == "rollback"}:
            yield f"I1: turn {place} ({turn.superseded}) was not taken back as a whole"


def _calls(state: State, number: int) -> Iterator[str]:
    if max(state.calls[number], default=0) > 1 + state.incidents + state.overtaken:
        yield f"I6: agents were called {state.calls[number]} times, after {state.incidents} incidents"


def _deliveries(state: State, number: int) -> Iterator[str]:
    delivered = Counter(state.delivered[number])
    if list(delivered) != sorted(delivered):
        yield f"I2: chunks were first delivered in the order {list(delivered)}"
    if max(delivered.values(), default=0) > 1 + state.incidents:
        yield f"I3: chunks came {dict(delivered)}, after {state.incidents} incidents"
    hands = {(session, turn) for replica in state.replicas for session, turn, _ in replica.sending}
    for chunk in state.chunks[number]:
        if chunk.sent and chunk.turn not in delivered and (number, chunk.turn) not in hands:
            yield f"I3: the chunk of turn {chunk.turn} never came"
