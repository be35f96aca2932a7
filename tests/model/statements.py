"""What the database makes of a batch: one commit for all of its items, whatever has become of the sender."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model import leases
from tests.model.cluster import Answer, Batch, Bounds, Call, Chunk, Replica, State, Step, put, with_replica
from tests.model.leases import Rules


def commits(state: State, bounds: Bounds, rules: Rules, number: int, replica: Replica) -> Iterator[Step]:
    """A batch in transit commits, whatever happened to its sender, or is lost with it."""
    for place, batch in enumerate(replica.flying):
        rest = replica._replace(flying=(*replica.flying[:place], *replica.flying[place + 1 :]))
        after, answers = _commit(state, bounds, rules, number, batch)
        if replica.life == "dead":
            yield (
                (
                    number,
                    "loses",
                    batch,
                ),
                with_replica(state, number, rest),
            )
            yield (
                (
                    number,
                    "commits",
                    batch,
                ),
                with_replica(after, number, rest),
            )
        else:
            heard = rest._replace(answers=(*rest.answers, answers))
            yield (
                (
                    number,
                    "commits",
                    batch,
                ),
                with_replica(after, number, heard),
            )


def _commit(state: State, bounds: Bounds, rules: Rules, number: int, batch: Batch) -> tuple[State, tuple[Answer, ...]]:
    answers = []
    for call in batch:
        state, answer = _carry_out(state, bounds, rules, number, call)
        answers.append(answer)
    return state, tuple(answers)


def _carry_out(state: State, bounds: Bounds, rules: Rules, number: int, call: Call) -> tuple[State, Answer]:
    session = state.sessions[call.session]
    match call.kind:
        case "accept":
            session, accepted = leases.accept(session, call.subject, number, bounds.strategy, rules, call.seq)
            epoch = session.turns[accepted.turn].epoch
            known = accepted.status == "duplicate"
            answer = Answer(call, True, accepted.turn if accepted.claimed else None, epoch, known)
        case "finish":
            before = session
            session, ended = leases.finish(session, call.subject, number, call.epoch, rules, call.seq)
            if bounds.pushes and ended.status == "finished" and session.turns[call.subject].status == "completed":
                state = _fill_outbox(state, number, call)
            epoch = 0 if ended.following is None else session.turns[ended.following].epoch
            answer = Answer(call, kept=before is not session, turn=ended.following, epoch=epoch)
        case _:
            session, turn = leases.begin_attempt(session, call.subject, number, call.epoch)
            epoch = 0 if turn is None else turn.epoch
            answer = Answer(call, kept=turn is not None, turn=None if turn is None else call.subject, epoch=epoch)
    return state._replace(sessions=put(state.sessions, call.session, session)), answer


def _fill_outbox(state: State, number: int, call: Call) -> State:
    """A chunk that has older ones before it in other hands waits for a sweep."""
    chunks, held = state.chunks[call.session], {turn for _, turn, _ in state.replicas[number].sending}
    behind = any(not chunk.sent and (chunk.owner != number or chunk.turn not in held) for chunk in chunks)
    added = Chunk(call.subject, None if behind else number)
    return state._replace(chunks=put(state.chunks, call.session, (*chunks, added)))
