"""Random sequences of edits, regenerations, deletions, snapshots and rewinds agree with a plain model."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from tests.integration.sessions.saved_state import NEVER, new_session, restores, saved, says, writes
from tests.world import Person, World

SEEDS = range(6)
STEPS = 25
DEEDS = ("send", "send", "edit", "again", "delete", "write", "snapshot", "snapshot", "restore", "rewind", "rewind")


@dataclass
class Model:
    """The expected state of a session, computed by the simplest possible program."""

    last_seq: int = 0
    hidden: set[int] = field(default_factory=set)
    deleted: set[int] = field(default_factory=set)
    asked: dict[int, str] = field(default_factory=dict)
    turn_of: dict[int, int] = field(default_factory=dict)
    state: int = 0
    version: int = 0
    kept: list[tuple[int, set[int], dict[int, str], int, bool]] = field(default_factory=list)

    def visible(self) -> list[int]:
        return [seq for seq in range(1, self.last_seq + 1) if seq not in self.hidden | self.deleted]

    def questions(self) -> dict[int, str]:
        return {seq: self.asked[seq] for seq in self.visible() if seq in self.asked}

    def send(self, text: str) -> None:
        seq = self.last_seq + 1
        self.asked[seq] = text
        self.turn_of[seq] = self.turn_of[seq + 1] = seq
        self.last_seq += 2

    def ask_again(self, seq: int, text: str) -> None:
        later = {n for n in self.visible() if self.turn_of[n] > seq or (self.turn_of[n] == seq and n != seq)}
        self.hidden |= later
        self.asked[seq] = text
        self.last_seq += 1
        self.turn_of[self.last_seq] = seq

    def snapshot(self, *, rewound: bool = False) -> None:
        self.kept.append((self.last_seq, set(self.hidden), dict(self.asked), self.state, rewound))

    def restore(self, number: int, *, rewind: bool) -> None:
        last_seq, hidden, asked, state, rewound = self.kept[number - 1]
        rewind = rewind or rewound
        self.snapshot(rewound=rewind)
        self.version += state != self.state
        self.state = state
        if rewind:
            later = set(range(last_seq + 1, self.last_seq + 1))
            self.hidden = (hidden | later) - self.deleted
            self.asked |= {seq: text for seq, text in asked.items() if seq in self.visible()}


@dataclass
class Walk:
    """Applies the same operations to a session and to the model."""

    mia: Person
    path: str
    chance: random.Random
    model: Model = field(default_factory=Model)

    def message(self, seq: int) -> str:
        return f"{self.path}/messages/{self.path.rpartition('/')[2]}.{seq}"

    async def does(self, deed: str, step: int) -> None:
        match deed:
            case "send":
                await says(self.mia, self.path, f"said in step {step}")
                self.model.send(f"said in step {step}")
            case "edit" | "again" if questions := self.model.questions():
                await self.rewords(self.chance.choice(list(questions)), f"edited in step {step}", again=deed == "again")
            case "delete" if visible := self.model.visible():
                await self.deletes(self.chance.choice(visible))
            case "write":
                self.model.state += 1
                await writes(self.mia, self.path, f'"{self.model.version}"', blackboard={"n": self.model.state})
                self.model.version += 1
            case "snapshot":
                await saved(self.mia, self.path)
                self.model.snapshot()
            case "restore" | "rewind" if self.model.kept:
                await self.goes_back(self.chance.randint(1, len(self.model.kept)), rewind=deed == "rewind")

    async def rewords(self, seq: int, text: str, *, again: bool) -> None:
        status, body = await self.mia.calls("PATCH", self.message(seq), json={"text": text, "answer_again": again})
        assert status == 200, body
        if again:
            self.model.ask_again(seq, text)
        else:
            self.model.asked[seq] = text

    async def deletes(self, seq: int) -> None:
        status, body = await self.mia.calls("DELETE", self.message(seq))
        assert status == 204, body
        self.model.deleted.add(seq)

    async def goes_back(self, number: int, *, rewind: bool) -> None:
        answer = await restores(self.mia, self.path, number, rewind=rewind)
        self.model.restore(number, rewind=rewind)
        assert answer["undo"] == len(self.model.kept)

    async def agrees(self) -> None:
        page = (await self.mia.gets(f"{self.path}/messages?limit=200"))["messages"]
        live = [row for row in page if not row["deleted"]]
        assert [row["seq"] for row in live] == self.model.visible()
        assert {row["seq"]: row["content"] for row in live if row["role"] == "user"} == self.model.questions()
        assert (await self.mia.gets(f"{self.path}/state"))["blackboard"].get("n", 0) == self.model.state
        assert (await self.mia.gets(self.path))["message_count"] == len(live)


@pytest.mark.parametrize("seed", SEEDS)
async def test_any_sequence_agrees_with_the_model(world: World, seed: int) -> None:
    """P-2: messages, edits, regenerations, deletions, writes, snapshots, restores, rewinds and undos in any order."""
    mia = await world.person("mia", (await world.gateway(snapshots=NEVER)).url)
    walk = Walk(mia, await new_session(mia), random.Random(seed))
    for step in range(STEPS):
        await walk.does(walk.chance.choice(DEEDS), step)
        await walk.agrees()
