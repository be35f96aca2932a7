"""What the demo agent says; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count, islice

from gateway.agents.demo.instructions import Instruction, Topic, Unit
from gateway.core.events import StateChange
from gateway.core.model import JsonValue, Turn

MOST_PIECES = 200
PIECE_CHARACTERS = 12
ECHOED_CHARACTERS = 300

HELP = """I am Turngate's demo agent. I don't think and need no network; I show what the gateway can do. Try:

- `what was my last question?` – I quote your previous message, word for word
- `wait 3 seconds`, or `slowly`
- `fail`, `fail twice`, `fail halfway once`, `fail for good`
- `long answer`, `answer in 5000 characters`, `answer in 300 words`
- `use markdown`
- `use a tool`, or `ask me first`
- `offer choices`
- `count to 20`
- `note: buy milk`, and later `my notes`

They combine: `wait 2 seconds and fail once and use markdown`. Anything else I repeat."""

NO_STATE = "I keep notes in the session's state, which I was not given: my settings need `state = true`."

MARKDOWN = """# A heading

Some **bold**, some *italic*, some ~~struck~~, some `code`, and a [link](https://example.com/).

## A list

1. First
2. Second
   - with a point below it
- A point by itself

> A quotation.

| channel | what it is |
|---|---|
| web | the page you may be reading this on |
| telegram | the bot |

```python
def greet(name: str) -> str:
    return f"Hello, {name}!"
```

---

That was Markdown."""


def answer(turn: Turn, instruction: Instruction) -> str:
    """The whole answer."""
    texts: dict[Topic, Callable[[], str]] = {
        "help": lambda: HELP,
        "markdown": lambda: MARKDOWN,
        "long": lambda: _long(instruction.amount, instruction.unit),
        "count": lambda: ", ".join(str(number) for number in range(1, instruction.amount + 1)) + ".",
        "quote": lambda: _quote(turn),
        "note": lambda: "Noted." if turn.state is not None else NO_STATE,
        "notes": lambda: _notes(turn),
        "greeting": lambda: (
            f"Hello! I am the demo agent. {_place(turn)} Say `help` and I will tell you what I can show."
        ),
        "echo": lambda: f"You said: “{_shortened(turn.text)}”\n\n{_place(turn)} Say `help` to see what I can show.",
    }
    return texts[instruction.topic]()


def pieces(text: str) -> Iterator[str]:
    """Splits the answer into small pieces between words: at least two, about a hundred for a long one."""
    size = max(PIECE_CHARACTERS, len(text) // MOST_PIECES)
    size = min(size, max(1, len(text) // 2))
    piece = ""
    for word in re.findall(r"\s*\S+\s*?|\s+$", text):
        piece += word
        if len(piece) >= size:
            yield piece
            piece = ""
    if piece:
        yield piece


def previous_text(turn: Turn) -> str | None:
    """Returns the user's message before the one to answer; None at the start of a conversation."""
    said = [message.content for message in turn.history if message.role == "user" and not message.deleted]
    said += [message.content for message in turn.messages]
    return said[-2] if len(said) > 1 else None


def notes_of(turn: Turn) -> list[JsonValue]:
    """The notes taken so far."""
    scratchpad = {} if turn.state is None else turn.state.scratchpad
    notes = scratchpad if isinstance(scratchpad, list) else scratchpad.get("notes")
    return notes if isinstance(notes, list) else []


def noted(turn: Turn, note: str) -> StateChange:
    """Returns the change that adds a note to the scratchpad, in whichever form it is."""
    notes = [*notes_of(turn), note]
    is_list = turn.state is not None and isinstance(turn.state.scratchpad, list)
    return StateChange("scratchpad", notes if is_list else {"notes": notes})


def _notes(turn: Turn) -> str:
    if turn.state is None:
        return NO_STATE
    return "\n".join(f"- {note}" for note in notes_of(turn)) or "There are no notes yet. Say `note: buy milk`."


def _quote(turn: Turn) -> str:
    previous = previous_text(turn)
    if previous is None:
        return "You have not said anything before this in our conversation."
    return f"Before this, you said: “{previous}”"


def _place(turn: Turn) -> str:
    return f"This is message {place_of(turn)} of our conversation."


def place_of(turn: Turn) -> int:
    """Returns which of the user's messages is to be answered, counted from 1.

    Rows from before the history count two to a message: a question and its answer.
    """
    told = (*turn.history, *turn.messages)
    earlier = told[0].seq // 2 if told else 0
    return earlier + sum(message.role == "user" for message in told)


def _shortened(text: str) -> str:
    return text if len(text) <= ECHOED_CHARACTERS else text[:ECHOED_CHARACTERS].rstrip() + "…"


def _long(amount: int, unit: Unit) -> str:
    if unit == "words":
        return " ".join(islice(_words(), amount))
    return " ".join(islice(_words(), amount // 4 + 2))[:amount]


def _words() -> Iterator[str]:
    for number in count(1):
        yield from f"This is sentence {number} of a long answer.".split()
        if number % 5 == 0:
            yield "\n\nAnother"
            yield "paragraph:"
