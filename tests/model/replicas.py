"""What a replica does: it accepts messages, sends batches, receives answers, runs turns and sweeps."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model import leases
from tests.model.cluster import (
    KEYS_EACH,
    KINDS,
    Answer,
    Bounds,
    Call,
    Chunk,
    Replica,
    State,
    Step,
    Task,
    is_held,
    put,
    with_replica,
)
from tests.model.deliveries import sends
from tests.model.leases import Rules


def own_steps(state: State, bounds: Bounds, rules: Rules, number: int, replica: Replica) -> Iterator[Step]:
    if replica.expired:
        yield (
            (
                number,
                "beats",
            ),
            with_replica(state, number, replica._replace(expired=False)),
        )
    yield from messages(state, bounds, rules, number, replica)
    yield from flushes(state, rules, number, replica)
    for place, answers in enumerate(replica.answers):
        rest = replica._replace(answers=(*replica.answers[:place], *replica.answers[place + 1 :]))
        yield (
            (
                number,
                "hears",
                answers,
            ),
            _heard(with_replica(state, number, rest), rules, number, answers),
        )
    for task in replica.tasks:
        if task.stale and not task.called:
            yield (number, "looks again at", task), _renewed(state, number, replica, task)
    if rules.steals and not replica.expired:
        yield from _sweeps(state, number, replica)
    yield from sends(state, rules, number, replica)


def messages(state: State, bounds: Bounds, rules: Rules, number: int, replica: Replica) -> Iterator[Step]:
    """A client's next message, or the same one again if its replica did not answer."""
    for place, said in enumerate(state.acked):
        # Until a message was sent, all replicas are alike.
        if said == bounds.messages or (number and not any(replica != Replica() for replica in state.replicas)):
            continue
        call = Call("accept", place, place * KEYS_EACH + said)
        if not any(_holds(one, call) for one in state.replicas if one.life == "up"):
            after = with_replica(state, number, replica._replace(waiting=(*replica.waiting, call)))
            yield (
                (
                    "message",
                    call.subject,
                    "to",
                    number,
                ),
                after if rules.commits_first else _acked(after, call),
            )


def _holds(replica: Replica, call: Call) -> bool:
    answered = (answer.call for answers in replica.answers for answer in answers)
    return any(
        (one.kind, one.subject) == ("accept", call.subject)
        for one in (*replica.waiting, *(item for batch in replica.flying for item in batch), *answered)
    )


def flushes(state: State, rules: Rules, number: int, replica: Replica) -> Iterator[Step]:
    """Sends waiting items as one batch per kind, while no batch of that kind is in transit."""
    busy = {batch[0].kind for batch in replica.flying}
    for kind in KINDS:
        batch = tuple(call for call in replica.waiting if call.kind == kind)
        if batch and kind not in busy:
            rest = tuple(call for call in replica.waiting if call.kind != kind)
            if not rules.numbers_under_lock and kind != "begin":
                batch = tuple(call._replace(seq=state.sessions[call.session].last_seq + 1) for call in batch)
            yield (
                (
                    number,
                    "sends",
                    batch,
                ),
                with_replica(state, number, replica._replace(waiting=rest, flying=(*replica.flying, batch))),
            )


def _heard(state: State, rules: Rules, number: int, answers: tuple[Answer, ...]) -> State:
    for answer in answers:
        call = answer.call
        state = _acked(state, call) if call.kind == "accept" else _let_go(state, number, answer)
        if call.kind == "finish":
            state = _take_chunk(state, number, call)
        if answer.turn is not None:
            late = not answer.repeated and not is_held(state, number, call.session, answer.turn, answer.epoch)
            stale = answer.repeated and rules.renews
            state = _take_turn(state, number, Task(call.session, answer.turn, answer.epoch, stale))
            state = state._replace(overtaken=state.overtaken + late)
    return state


def _acked(state: State, call: Call) -> State:
    said = max(state.acked[call.session], call.subject % KEYS_EACH + 1)
    return state._replace(acked=put(state.acked, call.session, said))


def _let_go(state: State, number: int, answer: Answer) -> State:
    """The task that asked ends here; when its lease was lost, the later claim behind it is next."""
    call, replica = answer.call, state.replicas[number]
    ended = next((task for task in replica.tasks if task[:3] == (call.session, call.subject, call.epoch)), None)
    if ended is None:
        return state
    rest = replica.tasks - {ended}
    if not answer.kept and ended.newer:
        rest |= {Task(call.session, call.subject, ended.newer)}
    return with_replica(state, number, replica._replace(tasks=rest))


def _take_turn(state: State, number: int, task: Task) -> State:
    replica = state.replicas[number]
    here = next((one for one in replica.tasks if one[:2] == task[:2]), None)
    if here is None:
        return with_replica(state, number, replica._replace(tasks=replica.tasks | {task}))
    if task.epoch <= max(here.epoch, here.newer):
        return state
    waiting = here._replace(newer=task.epoch)
    return with_replica(state, number, replica._replace(tasks=replica.tasks - {here} | {waiting}))


def _take_chunk(state: State, number: int, call: Call) -> State:
    mine = Chunk(call.subject, number)
    replica, held = state.replicas[number], (call.session, call.subject)
    if mine not in state.chunks[call.session] or any(one[:2] == held for one in replica.sending):
        return state
    return with_replica(state, number, replica._replace(sending=(*replica.sending, (*held, False))))


def run(state: State, number: int, replica: Replica, task: Task) -> State:
    """Calls the agent, which answers: one step, as no other replica can tell the two apart."""
    counts = state.calls[task.session]
    counts = (*counts, *(0,) * (task.turn + 1 - len(counts)))
    result = Call("finish", task.session, task.turn, task.epoch)
    after = replica._replace(
        tasks=replica.tasks - {task} | {task._replace(called=True)}, waiting=(*replica.waiting, result)
    )
    counts = put(counts, task.turn, counts[task.turn] + 1)
    return with_replica(state, number, after)._replace(calls=put(state.calls, task.session, counts))


def _renewed(state: State, number: int, replica: Replica, task: Task) -> State:
    """Renews an old claim in the database, and drops it if it no longer exists."""
    holds = is_held(state, number, task.session, task.turn, task.epoch)
    rest = replica.tasks - {task}
    return with_replica(state, number, replica._replace(tasks=rest | {task._replace(stale=False)} if holds else rest))


def _sweeps(state: State, number: int, replica: Replica) -> Iterator[Step]:
    """Turns of the gone, and this replica's own that it has lost on the way."""
    gone = {place for place, other in enumerate(state.replicas) if other.expired}
    for place, session in enumerate(state.sessions):
        here = {task.turn for task in replica.tasks if task.session == place}
        on_its_way = any(call.session == place for batch in (*replica.flying, replica.waiting) for call in batch)
        heard = any(answer.call.session == place for answers in replica.answers for answer in answers)
        lost = set() if on_its_way or heard else {number}
        changed, turn = leases.steal(session, number, gone | lost, here)
        if turn is not None:
            after = state._replace(sessions=put(state.sessions, place, changed))
            yield (
                (
                    number,
                    "steals",
                    turn,
                    "of",
                    place,
                ),
                _take_turn(after, number, Task(place, turn, changed.turns[turn].epoch)),
            )
