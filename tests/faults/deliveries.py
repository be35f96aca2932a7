"""I3, and I2 for chunks: compares what Telegram chats received with what the outbox should have sent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.faults.final_rows import Item
from tests.faults.invariants import Evidence, Violation, grouped
from tests.faults.ledger import DATABASE_AWAY, Delivered, Incident, Kind, Lost

FLIGHT_S = 1.0
"""Seconds after its sender's death within which a request may still reach the chat; after a hang of its network, counted from its start."""
SENDS_OF_UNKNOWN = 2
UNKNOWN_WITHIN_S = 60.0
"""Two sends, each given up after at most 40 seconds, would take longer; no hang of a storm lasts that long."""
SPOILS_ANSWERS: frozenset[Kind] = frozenset(
    {"bot_5xx", "bot_5xx_delivered", "bot_lost", "bot_cut_all", "bot_cut_one", "bot_swallow", "bot_hang"}
)
DEADLY: frozenset[Kind] = frozenset({"kill", "freeze", "ended_by_itself"})


@dataclass(frozen=True, slots=True)
class Exposure:
    """A chunk that arrived and was not yet marked as sent; an incident in between may cause it to be sent `again`."""

    item: Item
    sent: Delivered
    again: Delivered | None = None

    @property
    def end(self) -> float:
        """When it was marked, or arrived again."""
        marked = math.inf if self.item.settled_at is None else self.item.settled_at
        return marked if self.again is None else min(marked, self.again.at)


@dataclass(frozen=True, slots=True)
class Matched:
    """A chat's messages, matched with its outbox items."""

    exposures: Sequence[Exposure]
    violations: Sequence[Violation]

    @property
    def repetitions(self) -> Sequence[Exposure]:
        """The chunks that arrived again."""
        return [one for one in self.exposures if one.again is not None]


@dataclass(frozen=True, slots=True)
class Cause:
    """A reason why a chunk may have been sent again; an incident is one reason per chat."""

    words: str
    what: Delivered | Lost | Incident
    chat_id: int


@dataclass(frozen=True, slots=True)
class Explained:
    """The number of repetitions by cause, and those without a cause."""

    by_cause: Mapping[str, int]
    unexplained: Sequence[Exposure]


def check_deliveries(evidence: Evidence) -> Iterator[Violation]:
    """I3: each chunk arrives, in order, and arrives again only for a reason of its own."""
    yield from _whole(evidence)
    matched = match_chats(evidence)
    yield from matched.violations
    yield from _unknown_without_cause(evidence)
    for one in explain(evidence, matched.repetitions).unexplained:
        assert one.again is not None
        where = (
            f"{one.item.address} by {one.sent.replica} at {one.sent.at:.2f}, marked at {one.item.settled_at or 0:.2f}"
        )
        again = f"again by {one.again.replica} after {one.again.at - one.sent.at:.2f} s without a cause"
        yield Violation("I3", f"chunk {one.item.item_id} was sent to {where}, and {again}")
    count, room = len(matched.repetitions), sum(room_for_repetitions(evidence).values())
    if count > room:
        yield Violation("I3", f"{count} chunks were sent again, and there was room for {room}")


def _unknown_without_cause(evidence: Evidence) -> Iterator[Violation]:
    """A chunk's outcome is given up as unknown only after two sends whose responses were lost or spoiled."""
    spoiled = [(one.at, one.until) for one in evidence.incidents if one.kind in SPOILS_ANSWERS]
    spoiled += [(one.at, one.at) for one in evidence.lost]
    for item in evidence.rows.items:
        if item.state == "unknown" and item.settled_at is not None:
            begin = item.settled_at - UNKNOWN_WITHIN_S
            near = sum(until >= begin and at <= item.settled_at for at, until in spoiled)
            if near < SENDS_OF_UNKNOWN:
                yield Violation("I3", f"chunk {item.item_id} was given up as unknown: {item.error}")


def _whole(evidence: Evidence) -> Iterator[Violation]:
    """The chunks of a reply add up to the reply, apart from whitespace."""
    items = grouped(evidence.rows.items, lambda item: item.turn_id)
    for row in evidence.rows.messages:
        if row.role == "assistant" and row.channel == "telegram":
            chunks = "".join(item.content for item in items.get(row.turn_id or "", ()))
            if "".join(chunks.split()) != "".join(row.content.split()):
                yield Violation(
                    "I3", f"turn {row.turn_id} of {row.user_id} is not whole in the outbox: {chunks[:60]!r}"
                )


def match_chats(evidence: Evidence) -> Matched:
    """The deliveries of every chat, matched with its items."""
    items = grouped(evidence.rows.items, lambda item: int(item.address.split(":")[2]))
    delivered = grouped(evidence.delivered, lambda one: one.chat_id)
    chats = [_match(chat, items.get(chat, []), delivered.get(chat, [])) for chat in sorted({*items, *delivered})]
    return Matched(
        [one for chat in chats for one in chat.repetitions], [one for chat in chats for one in chat.violations]
    )


def _match(chat: int, items: Sequence[Item], delivered: Sequence[Delivered]) -> Matched:
    places = grouped(range(len(items)), lambda place: items[place].content)
    came: dict[int, list[Delivered]] = {}
    violations: list[Violation] = []
    latest = -1
    for one in delivered:
        known = places.get(one.text, [])
        if not known:
            violations.append(Violation("I4", f"chat {chat} got what nobody sent: {one.text[:60]!r}"))
            continue
        place = next((place for place in known if place not in came), None)
        again = " again" if place is None else ""
        if place is None:
            place = max((at for at in known if at <= latest), default=known[-1])
        came.setdefault(place, []).append(one)
        if place < latest:
            words = f"chunk {items[place].item_id} came to chat {chat}{again} after chunk {items[latest].item_id}"
            violations.append(Violation("I2", words))
        latest = max(latest, place)
    exposures = [one for place, times in came.items() for one in _exposures(items[place], times)]
    return Matched(exposures, [*violations, *_missing(chat, items, came)])


def _exposures(item: Item, times: Sequence[Delivered]) -> Iterator[Exposure]:
    for sent, again in pairwise(times):
        yield Exposure(item, sent, again)
    yield Exposure(item, times[-1])


def _missing(chat: int, items: Sequence[Item], came: Mapping[int, Sequence[Delivered]]) -> Iterator[Violation]:
    for place, item in enumerate(items):
        if item.state == "dead":
            yield Violation("I3", f"chunk {item.item_id} to chat {chat} was given up: {item.error}")
        elif place not in came and item.state == "sent":
            yield Violation("I3", f"chunk {item.item_id} counts as sent, and chat {chat} never got it")


def explain(evidence: Evidence, repetitions: Sequence[Exposure]) -> Explained:
    """Assigns causes to as many repetitions as possible, each cause once."""
    options = [list(_causes(evidence, one)) for one in repetitions]
    taken: dict[Cause, int] = {}

    def finds(number: int, tried: set[Cause]) -> bool:
        for cause in options[number]:
            if cause not in tried:
                tried.add(cause)
                if cause not in taken or finds(taken[cause], tried):
                    taken[cause] = number
                    return True
        return False

    unexplained = [one for number, one in enumerate(repetitions) if not finds(number, set())]
    return Explained(Counter(cause.words for cause in taken), unexplained)


def room_for_repetitions(evidence: Evidence) -> Mapping[str, int]:
    """The incidents between a send and its mark, or that affected its response, by cause; no more chunks than these may repeat."""
    exposures = match_chats(evidence).exposures
    return Counter(cause.words for cause in {cause for one in exposures for cause in _causes(evidence, one)})


def _causes(evidence: Evidence, one: Exposure) -> Iterator[Cause]:
    """Possible reasons for sending it again, the most certain first."""
    sent = one.sent
    if not sent.answered:
        yield Cause("lost answer", sent, sent.chat_id)
    begin = _sent_since(evidence, sent)
    for lost in evidence.lost:
        if (lost.chat_id, lost.replica) == (sent.chat_id, sent.replica) and begin <= lost.at <= one.end:
            yield Cause("lost answer", lost, sent.chat_id)
    for incident in evidence.incidents:
        if incident.at > one.end or incident.until < begin:
            continue
        if incident.kind in DEADLY and incident.replica == sent.replica and incident.at >= begin:
            yield Cause(f"{incident.kind} between send and mark", incident, sent.chat_id)
        elif incident.kind in DATABASE_AWAY and incident.befell(sent.replica):
            yield Cause("database away between send and mark", incident, sent.chat_id)


def _sent_since(evidence: Evidence, sent: Delivered) -> float:
    """When it may have left the sender: a network that hung held it back."""
    hangs = [
        one.at
        for one in evidence.incidents
        if one.kind == "bot_hang" and one.befell(sent.replica) and one.at <= sent.at <= one.until + FLIGHT_S
    ]
    return min([sent.at, *hangs]) - FLIGHT_S
