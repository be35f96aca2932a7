"""Three replicas on a real Postgres behave like the model, with one operation after another and several at once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from pydantic import SecretStr

from gateway.app.building.seams import with_calls
from gateway.app.building.stores import Stores, connect_stores
from gateway.config import Settings
from gateway.core.model import WEB, AgentName, Route, Turn, UserId
from gateway.core.outbound import Reply
from gateway.core.ports.sessions.sessions import NewSession
from gateway.core.ports.turns import Finished, TurnStore
from gateway.core.settings import Replica
from gateway.errors import LeaseLost
from tests.model import leases
from tests.model.leases import Session
from tests.model.operations import (
    BeginAttempt,
    Cancel,
    Finish,
    Hands,
    Operation,
    Outcome,
    Reality,
    Release,
    Say,
    Steal,
    World,
    key_of,
    name_of,
)

REPLICAS, SESSIONS = 3, 3
replicas = st.integers(0, REPLICAS - 1)
places = st.integers(0, SESSIONS - 1)
STRATEGIES: tuple[leases.Strategy, ...] = ("enqueue", "enqueue", "interrupt", "rollback", "reject")
strategies = st.sampled_from(STRATEGIES)
choices = st.integers(0, 999)
"""One of what there is at the moment. Races decide what that is, so nothing is drawn from it."""
NAMES = itertools.count()


class Machine(RuleBasedStateMachine):
    """The rules choose an operation, Postgres and the model carry it out, and both must return the same."""

    def __init__(self, runner: asyncio.Runner, stores: Sequence[Stores]) -> None:
        super().__init__()
        self.runner, self.stores = runner, stores
        self.world = World((Session(),) * SESSIONS)
        self.said = [0] * SESSIONS

    @initialize()
    def begins(self) -> None:
        """New sessions of new users, and every replica alive."""
        self.reality = self.runner.run(self._begin())

    async def _begin(self) -> Reality:
        for stores in self.stores:
            await stores.replicas.beat()
        users = [UserId(f"user-{next(NAMES)}") for _ in range(SESSIONS)]
        route, agent = Route("web:assistant"), AgentName("assistant")
        made = [await self.stores[0].sessions.create(NewSession(user, WEB, agent, route)) for user in users]
        hands = {number: Hands() for number in range(REPLICAS)}
        return Reality(self.stores, [session.session_id for session in made], users, hands=hands)

    def teardown(self) -> None:
        """Leaves nothing that the next machine could steal."""
        if hasattr(self, "reality"):
            self.runner.run(self._end())

    async def _end(self) -> None:
        for session, user in zip(self.reality.sessions, self.reality.users, strict=True):
            await self.stores[0].sessions.delete(session, user)

    @rule(replica=replicas, place=places, strategy=strategies, hangs=st.sampled_from([False, False, True]))
    def says(self, replica: int, place: int, strategy: leases.Strategy, hangs: bool) -> None:
        """A new message."""
        self._one(self._say(replica, place, strategy, hangs=hangs))

    @rule(replica=replicas, place=places, which=choices)
    def says_again(self, replica: int, place: int, which: int) -> None:
        """A message whose answer was lost is resent to any replica."""
        if self.said[place]:
            self._one(Say(replica, place, which % self.said[place]))

    @rule(which=choices)
    def answers(self, which: int) -> None:
        """A reply, under any claim that its replica ever received."""
        if claims := self._claims():
            replica, place, key, turn = claims[which % len(claims)]
            self._one(Finish(replica, place, turn, key))

    @rule(which=choices)
    def fails(self, which: int) -> None:
        """Another attempt, as long as the claim holds."""
        if claims := self._claims():
            replica, place, key, turn = claims[which % len(claims)]
            self._one(BeginAttempt(replica, place, turn, key))

    @rule(which=choices, releases=st.booleans())
    def cancels_or_releases(self, which: int, releases: bool) -> None:
        """A user stops a turn, or a replica that drains hands it over."""
        if claims := self._claims():
            replica, place, key, turn = claims[which % len(claims)]
            kind = Release if releases else Cancel
            self._one(kind(replica, place, turn.turn_id, key))

    @rule(replica=replicas)
    def sweeps(self, replica: int) -> None:
        """Turns of the gone, released and overdue ones are taken over."""
        self._one(self._sweep(replica))

    @rule(replica=replicas)
    def leaves(self, replica: int) -> None:
        """A replica and its leases end; what it has sent may still arrive."""
        self.runner.run(self.stores[replica].replicas.leave())
        self._live(self.world.gone | {replica})

    @rule(replica=replicas)
    def beats(self, replica: int) -> None:
        """The replica comes back."""
        self.runner.run(self.stores[replica].replicas.beat())
        self._live(self.world.gone - {replica})

    @rule(data=st.data(), size=st.integers(2, 4), of=st.sampled_from([None, *range(REPLICAS)]))
    def at_once(self, data: st.DataObject, size: int, of: int | None) -> None:
        """Simultaneous operations have the effect of some order of them; those of one replica may share a batch."""
        makers = [self._some_say, self._some_say, self._some_answer, self._some_answer, self._some_sweep]
        drawn = [data.draw(st.sampled_from(makers))(data, of) for _ in range(size)]
        self._together([operation for operation in drawn if operation is not None])

    def _say(self, replica: int, place: int, strategy: leases.Strategy, *, hangs: bool = False) -> Say:
        self.said[place] += 1
        return Say(replica, place, self.said[place] - 1, strategy, hangs)

    def _some_say(self, data: st.DataObject, of: int | None) -> Operation:
        return self._say(data.draw(replicas) if of is None else of, data.draw(places), data.draw(strategies))

    def _some_answer(self, data: st.DataObject, of: int | None) -> Operation | None:
        which = data.draw(choices)
        claims = [claim for claim in self._claims() if of in {None, claim[0]}]
        if not claims:
            return None
        replica, place, key, turn = claims[which % len(claims)]
        return Finish(replica, place, turn, key)

    def _some_sweep(self, data: st.DataObject, of: int | None) -> Operation:
        return self._sweep(data.draw(replicas) if of is None else of)

    def _sweep(self, replica: int) -> Steal:
        return Steal(replica, frozenset(self.reality.hands[replica].turns))

    def _claims(self) -> list[tuple[int, int, str, Turn]]:
        return [
            (replica, int(key[1 : key.index("-")]), key, turn)
            for replica, hands in self.reality.hands.items()
            for key, turns in hands.turns.items()
            for turn in turns[-2:]
        ]

    def _live(self, gone: frozenset[int]) -> None:
        self.world = World(self.world.sessions, gone, self.world.hanging)

    def _one(self, operation: Operation) -> None:
        self._together([operation])

    def _together(self, operations: Sequence[Operation]) -> None:
        self.runner.run(self._told(operations))

    async def _told(self, operations: Sequence[Operation]) -> None:
        answers = await asyncio.gather(*(operation.perform(self.reality) for operation in operations))
        told = [self.reality.named(answer) for answer in answers]
        possible = list(_orders(self.world, operations))
        fitting = [world for world, outcomes in possible if outcomes == told]
        assert fitting, (
            f"{operations} came to {told}, and in no order to that: {[outcomes for _, outcomes in possible]}"
        )
        before, self.world = self.world, fitting[0]
        for place, session in enumerate(self.world.sessions):
            if session != before.sessions[place]:
                await self._compare(place)

    async def _compare(self, place: int) -> None:
        """Rows, counts and turns are the model's, whichever replica is asked."""
        session, stores = self.world.sessions[place], self.stores[place % REPLICAS]
        whose = (self.reality.sessions[place], self.reality.users[place])
        rows = await stores.messages.after(*whose, 0, 1000)
        expected = [(row.seq, row.deleted, "" if row.deleted else _text(place, session, row)) for row in session.rows]
        assert [(row.seq, row.deleted, row.content) for row in rows] == expected
        listed = await stores.sessions.get(*whose)
        present = sum(not row.deleted for row in session.rows)
        assert (listed.last_seq, listed.message_count) == (session.last_seq, present)
        log = await stores.turn_log.page(*whose, 100, None)
        turns = [(turn.status, turn.attempts) for turn in reversed(log.turns)]
        assert turns == [(turn.status, turn.attempt) for turn in session.turns]


def _text(place: int, session: Session, row: leases.Row) -> str:
    return f"answer to {key_of(place, session, row.turn)}" if row.key < 0 else name_of(place, row.key)


def _orders(world: World, operations: Sequence[Operation]) -> Iterator[tuple[World, list[Outcome]]]:
    for variant in itertools.product(*(_variants(operation, operations) for operation in operations)):
        for order in itertools.permutations(range(len(variant))):
            after, told = world, dict[int, Outcome]()
            for number in order:
                after, told[number] = variant[number].apply(after)
            yield after, [told[number] for number in range(len(variant))]


def _variants(operation: Operation, all_of_them: Sequence[Operation]) -> Iterator[Operation]:
    """A sweep may find a session locked by another operation of the same moment."""
    yield operation
    if isinstance(operation, Steal):
        locked = sorted(frozenset[int]().union(*(other.places for other in all_of_them)))
        for count in range(1, len(locked) + 1):
            yield from (replace(operation, skips=frozenset(some)) for some in itertools.combinations(locked, count))


def unfenced(turns: TurnStore) -> TurnStore:
    """Keeps the result of an attempt before the last as well."""

    async def finish(turn: Turn, reply: Reply, held: Sequence[int] = ()) -> Finished:
        try:
            return await turns.finish(turn, reply, held)
        except LeaseLost:
            return await turns.finish(replace(turn, epoch=turn.epoch + 1), reply, held)

    return with_calls(turns, finish=finish)


@pytest.fixture
def machines(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[asyncio.Runner, list[Stores]]]:
    """Replicas of one database, connected on a loop that outlives each machine."""
    long = Replica(ttl_s=600)  # so that no replica looks dead on a slow machine
    config = Settings(database_url=SecretStr(database_url), data_dir=tmp_path_factory.mktemp("data"), replica=long)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        names = [f"replica-{number}" for number in range(REPLICAS)]
        opened = [runner.run(stack.enter_async_context(connect_stores(config, name))) for name in names]
        yield runner, opened
        runner.run(stack.aclose())


def test_postgres_behaves_like_the_model(machines: tuple[asyncio.Runner, list[Stores]]) -> None:
    """T1, T2, steals, releases, cancels and rollbacks of three replicas, in any order and at once, end as in the model."""
    run_state_machine_as_test(lambda: Machine(*machines), settings=_bounded())  # type: ignore[arg-type] # it calls what it is given


def test_a_missing_fence_is_noticed(machines: tuple[asyncio.Runner, list[Stores]]) -> None:
    """A store that accepts the result of an earlier attempt differs from the model."""
    runner, stores = machines
    machine = Machine(runner, [replace(one, turns=unfenced(one.turns)) for one in stores])
    machine.begins()
    machine.says(replica=0, place=0, strategy="enqueue", hangs=False)
    machine.fails(which=0)
    with pytest.raises(AssertionError, match="in no order to that"):
        machine.answers(which=0)


def _bounded() -> settings:
    return settings(
        max_examples=10,
        stateful_step_count=20,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
