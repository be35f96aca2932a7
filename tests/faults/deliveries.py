"""I3, and I2 for chunks: what Telegram chats got, against what the outbox says they should have."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from tests.faults.invariants import Evidence, Violation, grouped
from tests.faults.ledger import DATABASE_KINDS, Delivered, Incident, Kind, Lost
from tests.faults.rows import Item

FLIGHT_S = 1.0
"""A request may reach the chat this much after its sender died …"""
HANG_S = 10.0
"""… or this much when the network to the Bot API hung meanwhile."""
DEADLY: frozenset[Kind] = frozenset({"kill", "freeze", "ended_by_itself"})


@dataclass(frozen=True, slots=True)
class Repetition:
    """A chunk that a chat got again."""

    item: Item
    before: Delivered
    again: Delivered


@dataclass(frozen=True, slots=True)
class Matched:
    """A chat's messages put beside its outbox items."""

    repetitions: Sequence[Repetition]
    violations: Sequence[Violation]


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a chunk may have been sent again; in one chat only, if it names one."""

    words: str
    what: Delivered | Lost | Incident
    chat_id: int | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """How many repetitions have which cause, and what has none."""

    by_cause: dict[str, int]
    unexplained: Sequence[Repetition]


def check_deliveries(evidence: Evidence) -> Iterator[Violation]:
    """I3: each chunk arrives, in order, and again only for a cause of its own."""
    yield from _whole(evidence)
    matched = match_chats(evidence)
    yield from matched.violations
    for one in explain(evidence, matched.repetitions).unexplained:
        gap = one.again.at - one.before.at
        yield Violation(
            "I3", f"chunk {one.item.item_id} to {one.item.address} was sent again after {gap:.2f} s without a cause"
        )


def _whole(evidence: Evidence) -> Iterator[Violation]:
    """The chunks of a reply are the reply, but for spaces and ends of lines."""
    items = grouped(evidence.rows.items, lambda item: item.turn_id)
    for row in evidence.rows.messages:
        if row.role == "assistant" and row.channel == "telegram":
            chunks = "".join(item.content for item in items.get(row.turn_id or "", ()))
            if "".join(chunks.split()) != "".join(row.content.split()):
                yield Violation(
                    "I3", f"turn {row.turn_id} of {row.user_id} is not whole in the outbox: {chunks[:60]!r}"
                )


def match_chats(evidence: Evidence) -> Matched:
    """Every chat's deliveries beside its items."""
    items = grouped(evidence.rows.items, lambda item: int(item.address.split(":")[2]))
    delivered = grouped(evidence.delivered, lambda one: one.chat_id)
    chats = [_match(chat, items.get(chat, []), delivered.get(chat, [])) for chat in sorted({*items, *delivered})]
    return Matched(
        [one for chat in chats for one in chat.repetitions], [one for chat in chats for one in chat.violations]
    )


def _match(chat: int, items: Sequence[Item], delivered: Sequence[Delivered]) -> Matched:
    places = grouped(range(len(items)), lambda place: items[place].content)
    last: dict[int, Delivered] = {}
    repetitions: list[Repetition] = []
    violations: list[Violation] = []
    latest = -1
    for one in delivered:
        known = places.get(one.text, [])
        place = next((place for place in known if place not in last), None)
        if not known:
            violations.append(Violation("I4", f"chat {chat} got what nobody sent: {one.text[:60]!r}"))
        elif place is None:
            place = max((at for at in known if at <= latest), default=known[-1])
            repetitions.append(Repetition(items[place], last[place], one))
            last[place] = one
            if place < latest:
                words = f"chunk {items[place].item_id} came to chat {chat} again after chunk {items[latest].item_id}"
                violations.append(Violation("I2", words))
        else:
            last[place] = one
            if place < latest:
                words = f"chunk {items[place].item_id} came to chat {chat} after chunk {items[latest].item_id}"
                violations.append(Violation("I2", words))
            latest = max(latest, place)
    return Matched(repetitions, [*violations, *_missing(chat, items, last)])


def _missing(chat: int, items: Sequence[Item], came: Container[int]) -> Iterator[Violation]:
    for place, item in enumerate(items):
        if place not in came and item.state == "sent":
            yield Violation("I3", f"chunk {item.item_id} counts as sent, and chat {chat} never got it")


def explain(evidence: Evidence, repetitions: Sequence[Repetition]) -> Explained:
    """A cause for each repetition. A lost answer explains one, an incident one in each chat."""
    used: set[Cause] = set()
    by_cause: dict[str, int] = {}
    unexplained = []
    for one in sorted(repetitions, key=lambda one: one.again.at):
        cause = next((cause for cause in _causes(evidence, one) if cause not in used), None)
        if cause is None:
            unexplained.append(one)
        else:
            used.add(cause)
            by_cause[cause.words] = by_cause.get(cause.words, 0) + 1
    return Explained(by_cause, unexplained)


def _causes(evidence: Evidence, one: Repetition) -> Iterator[Cause]:
    """What may have made somebody send it again, the surest first."""
    if not one.before.answered:
        yield Cause("lost answer", one.before)
    begin = one.before.at - _flight(evidence, one.before.at)
    for lost in evidence.lost:
        if begin <= lost.at <= one.again.at:
            yield Cause("lost answer", lost)
    for incident in evidence.incidents:
        if incident.until >= begin and incident.at <= one.again.at:
            if incident.kind in DEADLY:
                yield Cause(f"{incident.kind} between send and mark", incident, one.before.chat_id)
            elif incident.kind in DATABASE_KINDS:
                yield Cause("database away between send and mark", incident, one.before.chat_id)


def _flight(evidence: Evidence, at: float) -> float:
    hung = any(one.kind == "bot_hang" and one.at <= at and one.until >= at - HANG_S for one in evidence.incidents)
    return HANG_S if hung else FLIGHT_S


def between_send_and_mark(evidence: Evidence, kinds: Container[Kind]) -> int:
    """How many (incident, chunk) there are where a chunk had been delivered and was not yet marked."""
    items = {(int(item.address.split(":")[2]), item.content): item for item in evidence.rows.items}
    incidents = [one for one in evidence.incidents if one.kind in kinds]
    count = 0
    for one in evidence.delivered:
        item = items.get((one.chat_id, one.text))
        if item is not None and item.settled_at is not None:
            count += sum(one.at <= _latest(incident) and incident.at <= item.settled_at for incident in incidents)
    return count


def _latest(incident: Incident) -> float:
    """Until when a chunk may still be hit: a gateway that is dead or frozen has sent all it could."""
    return incident.at if incident.kind in DEADLY else incident.until


def lost_answers(evidence: Evidence) -> int:
    """Messages that arrived and whose sender was not told."""
    return sum(not one.answered for one in evidence.delivered) + len(evidence.lost)
