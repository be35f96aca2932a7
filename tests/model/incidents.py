"""Incidents: kills, drains, freezes, lost answers, agents that fail or hang; and cancels by users."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model import leases
from tests.model.cluster import Call, Replica, State, Step, Task, put, with_replica
from tests.model.leases import Session
from tests.model.replicas import run


def incidents(state: State, number: int, replica: Replica) -> Iterator[Step]:
    if replica.life == "dead":
        return
    state = state._replace(incidents=state.incidents + 1)
    if any(other.life != "dead" for place, other in enumerate(state.replicas) if place != number):
        gone = Replica("dead", flying=replica.flying, expired=replica.expired)
        yield (
            (
                number,
                "is killed",
            ),
            with_replica(state, number, gone),
        )
        if replica.life == "up":
            released = tuple(_released(session, number, replica) for session in state.sessions)
            yield (
                (
                    number,
                    "is drained",
                ),
                with_replica(state._replace(sessions=released), number, gone._replace(expired=True)),
            )
    if replica.life == "up":
        yield (
            (
                number,
                "freezes",
            ),
            with_replica(state, number, replica._replace(life="frozen")),
        )
    for place, answers in enumerate(replica.answers):
        again = tuple(answer.call for answer in answers if answer.call.kind != "accept")
        rest = replica._replace(
            answers=(*replica.answers[:place], *replica.answers[place + 1 :]), waiting=(*replica.waiting, *again)
        )
        yield (
            (
                "an answer to",
                number,
                "is lost",
                answers,
            ),
            with_replica(state, number, rest),
        )


def _released(session: Session, number: int, replica: Replica) -> Session:
    current = leases.running(session)
    runs_it = current is not None and any(task.turn == current for task in replica.tasks)
    return leases.release(session, number) if runs_it else session


def fails(state: State, number: int, replica: Replica, task: Task) -> Iterator[Step]:
    """The agent raises: the turn is claimed again for its next attempt."""
    ran = run(state, number, replica, task)._replace(incidents=state.incidents + 1)
    again = Call("begin", task.session, task.turn, task.epoch)
    failed = ran.replicas[number]._replace(waiting=(*replica.waiting, again))
    yield ("in", number, "fails", task), with_replica(ran, number, failed)


def hangs(state: State) -> Iterator[Step]:
    for place, session in enumerate(state.sessions):
        turn = leases.running(session)
        if turn is not None and not session.turns[turn].due:
            late = put(state.sessions, place, leases.overdue(session, turn))
            yield (
                ("turn", turn, "of", place, "is overdue"),
                state._replace(sessions=late, incidents=state.incidents + 1),
            )


def cancels(state: State) -> Iterator[Step]:
    for place, session in enumerate(state.sessions):
        for turn, one in enumerate(session.turns):
            if one.status in leases.OPEN and not one.cancel:
                flagged = put(state.sessions, place, leases.cancel(session, turn))
                yield (
                    ("turn", turn, "of", place, "is cancelled"),
                    state._replace(sessions=flagged, cancels=state.cancels + 1),
                )
