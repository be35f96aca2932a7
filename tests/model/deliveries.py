"""Chunks in transit to a network: sent and then marked, one after another, and taken over by address."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.cluster import Chunk, Replica, State, Step, put, with_replica
from tests.model.leases import Rules


def sends(state: State, rules: Rules, number: int, replica: Replica) -> Iterator[Step]:
    """The oldest chunk in hand of each session is sent, then marked; a sweep takes over whole addresses."""
    if replica.sending:
        session, turn, was_first = replica.sending[0]
        sends, marks = _delivered(state, session, turn), _marked(state, session, turn)
        first, then = (sends, marks) if rules.marks_last else (marks, sends)
        if was_first:
            yield (
                (
                    number,
                    "ends with chunk",
                    turn,
                    "of",
                    session,
                ),
                with_replica(then, number, replica._replace(sending=replica.sending[1:])),
            )
        else:
            yield (
                (
                    number,
                    "begins with chunk",
                    turn,
                    "of",
                    session,
                ),
                with_replica(first, number, replica._replace(sending=((session, turn, True), *replica.sending[1:]))),
            )
    if replica.expired:
        return
    for place, chunks in enumerate(state.chunks):
        if (taken := _taken_over(state, number, replica, place, chunks)) is not None:
            yield (
                (
                    number,
                    "takes over the chunks of",
                    place,
                ),
                taken,
            )


def _taken_over(state: State, number: int, replica: Replica, place: int, chunks: tuple[Chunk, ...]) -> State | None:
    unsent = [chunk for chunk in chunks if not chunk.sent]
    held = {turn for session, turn, _ in replica.sending if session == place}
    if not unsent or unsent[0].turn in held or replica.answers or replica.flying:
        return None
    owner = unsent[0].owner
    if not (owner is None or owner == number or state.replicas[owner].expired):
        return None
    mine = tuple(chunk if chunk.sent else chunk._replace(owner=number) for chunk in chunks)
    more = tuple((place, chunk.turn, False) for chunk in unsent if chunk.turn not in held)
    after = state._replace(chunks=put(state.chunks, place, mine))
    return with_replica(after, number, replica._replace(sending=(*replica.sending, *more)))


def _delivered(state: State, session: int, turn: int) -> State:
    return state._replace(delivered=put(state.delivered, session, (*state.delivered[session], turn)))


def _marked(state: State, session: int, turn: int) -> State:
    chunks = tuple(chunk._replace(sent=True) if chunk.turn == turn else chunk for chunk in state.chunks[session])
    return state._replace(chunks=put(state.chunks, session, chunks))
