"""A gateway on an ordinary morning, for the pictures in docs: a small bicycle shop and its assistant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from gateway.agents.python.settings import PythonAgentSettings
from gateway.core.model import Turn
from tests.world import World

QUESTION = "Which of our bikes can a customer take on an ICE, and how do I check it for an order?"
REPLY = """Only folding bikes travel free on an ICE. Everything else needs a reserved space, and bikes above 25 kg may not ride at all.

| Model | Weight | Folded | On an ICE |
|---|---|---|---|
| Kolibri 8 | 11.9 kg | yes | free, as luggage |
| Fernweh Gravel | 10.4 kg | no | with a reservation |
| Lastesel E | 34 kg | no | not at all |

For an order, look the frames up by its number:

```python
async def rideable(order: Order) -> list[Bike]:
    bikes = await catalogue.frames(order.lines)
    return [bike for bike in bikes if bike.folds or bike.weight_kg <= 25]
```

Reservations open **six months ahead** and sell out in July. Shall I put a note on order 4711?"""

ANSWERS = {
    QUESTION: REPLY,
    "Is my bike ready?": "It is. Your Kolibri had its 500 km service: new brake pads, chain at 0.5 %. "
    "You can pick it up until 18:30 today.",
    "Do you ship to Austria?": "Yes, to all of Austria:\n\n- fully built: **29 €**, two days\n"
    "- a folding bike in its box: **12 €**, five days",
    "And can I send it back?": "Within 30 days, if it was ridden less than 20 km. We collect it; the way back is free.",
}


async def shop(turn: Turn) -> AsyncIterator[str]:
    """Knows a few answers by heart."""
    text = turn.messages[-1].content if turn.messages else turn.text
    yield ANSWERS.get(text, "Noted. I will come back to it this afternoon.")


AGENTS = {
    name: PythonAgentSettings(kind="python", target="tests.browser.staging:shop")
    for name in ("assistant", "workshop", "reports")
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A session of the list. `ago`: minutes since its last message."""

    title: str
    channel: str
    user: str
    agent: str
    ago: int
    said: tuple[str, ...]


SCENES = (
    Scene(
        "Stock report for Monday", "scheduled", "owner", "reports", 1_490, ("List what is below the reorder level.",)
    ),
    Scene("Returns of the Fernweh series", "web", "mira", "reports", 1_390, ("How many came back?", "And why?")),
    Scene("Invoice 1187 lacks a line", "api", "bookkeeping", "reports", 1_320, ("Compare it with order 4698.",)),
    Scene("Rename the spring photos", "terminal", "owner", "assistant", 310, ("Rename them by model.",)),
    Scene("Test ride on Saturday?", "telegram", "jonas", "workshop", 205, ("Is there a slot?", "Eleven is fine.")),
    Scene("Morning report", "scheduled", "owner", "reports", 122, ("What came in over night?",)),
    Scene("Cargo bike lease, second year", "web", "mira", "assistant", 47, ("What does the second year cost?",)),
    Scene("Is my bike ready?", "telegram", "telegram:48213377", "workshop", 12, ("Is my bike ready?",)),
    Scene("Bikes on the ICE", "web", "owner", "assistant", 0, (QUESTION,)),
)


async def stage(world: World, url: str) -> None:
    """Plays the scenes, and moves them to their times and channels."""
    for scene in SCENES:
        person = await world.person(scene.user, url)
        session = await person.posts("/api/chat/sessions", 201, title=scene.title, agent_name=scene.agent)
        for text in scene.said:
            await person.posts(f"/api/chat/sessions/{session['session_id']}/messages", 200, text=text)
        await _place(world, str(session["session_id"]), scene)


async def _place(world: World, session_id: str, scene: Scene) -> None:
    await world.rows(
        "UPDATE chat_messages AS m SET channel = $2, created_at = m.created_at - make_interval(mins => $3) "
        "FROM chat_sessions AS s WHERE s.chat_id = m.chat_id AND s.session_id = $1",
        session_id,
        scene.channel,
        scene.ago,
    )
    await world.rows(
        "UPDATE chat_sessions SET channel = $2, last_message_at = last_message_at - make_interval(mins => $3), "
        "listed_at = second_of(last_message_at - make_interval(mins => $3)), "
        "created_at = created_at - make_interval(mins => $3) WHERE session_id = $1",
        session_id,
        scene.channel,
        scene.ago,
    )
