"""The measurements, one after another, on one server."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.ceiling import Ceiling
from bench.commands import Answer, Load, Walk
from bench.conversation import user_name
from bench.cpu import Spent, spent
from bench.databases import Databases, seed
from bench.plan import Plan
from bench.processes import Client, Server
from bench.results import Length, Level, Pace, lengths, level, middle_work, pace

Say = Callable[[str], None]
IDLERS, WARMERS = "idler", "warmer"
WARM_SOCKETS = 16


@dataclass(frozen=True, slots=True)
class Bench:
    """The parts that measurements use. `say`: reports progress."""

    plan: Plan
    folder: Path
    databases: Databases
    client: Client
    say: Say

    async def levels(self, ceiling: Ceiling, bare: Server, gateway: Server) -> tuple[Level, ...]:
        """Turns/s and latencies with all sessions active at once."""
        return tuple([await self._level(sessions, ceiling, bare, gateway) for sessions in self.plan.levels])

    async def _level(self, sessions: int, ceiling: Ceiling, bare: Server, gateway: Server) -> Level:
        group = f"talker-{sessions}"
        await seed(self.databases.gateway, group, sessions, 0)
        ceilings: list[Pace] = []
        paces: dict[str, list[Pace]] = defaultdict(list)
        used: dict[str, list[Spent]] = defaultdict(list)
        for number in range(self.plan.rounds):
            self.say(f"{sessions} sessions, round {number + 1} of {self.plan.rounds}")
            if number < self.plan.ceiling_rounds:
                ceilings.append(pace(await ceiling.measure(sessions, self.plan.ceiling_s)))
            for server in (bare, gateway):
                before = self._spent(server)
                answer = await self._load(server, group, sessions)
                used[server.url].append((self._spent(server) - before).per(answer.turns))
                paces[server.url].append(pace(answer))
        bare_work, work = (middle_work(used[server.url]) for server in (bare, gateway))
        return level(sessions, ceilings, paces[bare.url], paces[gateway.url], bare_work=bare_work, work=work)

    def _spent(self, server: Server) -> Spent:
        return spent(server.process.pid, self.databases.postmaster, self.client.process.pid)

    async def _load(self, server: Server, group: str, sessions: int) -> Answer:
        return await self.client.obey(Load(server.url, group, sessions, self.plan.warm_s, self.plan.load_s))

    async def lengths(self, gateway: Server) -> tuple[Length, ...]:
        """One turn at a time, alternating between sessions of different lengths."""
        # Long sessions are rare among short ones: a plan that suits the average session must not be used for the long ones.
        await seed(self.databases.gateway, IDLERS, max(self.plan.idle), 2)
        visits: list[tuple[int, str]] = []
        for seeded in self.plan.lengths:
            self.say(f"sessions of {seeded.messages:,} messages")
            group = f"long-{seeded.messages}"
            await seed(self.databases.gateway, group, seeded.sessions, seeded.messages)
            names = [user_name(group, number) for number in range(1, seeded.sessions + 1)]
            visits += [(seeded.messages, name) for name in names for _ in range(seeded.visits)]
        random.Random(1).shuffle(visits)
        answer = await self.client.obey(Walk(gateway.url, tuple(name for _, name in visits)))
        sorted_out: dict[int, list[int]] = {seeded.messages: [] for seeded in self.plan.lengths}
        for (messages, _), latency in zip(visits, answer.latencies_us, strict=True):
            sorted_out[messages].append(latency)
        return lengths([(messages, pace(Answer(tuple(us), answer.seconds))) for messages, us in sorted_out.items()])
