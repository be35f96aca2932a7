"""Sending stays within Telegram's limits, chat by chat."""

import pytest

from channels.telegram.sending.pace import Meter, Pace


def waits(pace: Pace, chat_id: int, count: int) -> list[float]:
    return [round(pace.reserve(chat_id, 100.0), 3) for _ in range(count)]


def test_a_chat_gets_a_small_burst_and_then_one_a_second() -> None:
    """Three at once, then one a second."""
    assert waits(Pace(), 5, 6) == [0, 0, 0, 1, 2, 3]


def test_one_chat_does_not_hold_up_another() -> None:
    """Lines are per chat."""
    pace = Pace()
    waits(pace, 5, 10)
    assert pace.reserve(6, 100.0) == 0


def test_a_group_gets_twenty_a_minute() -> None:
    """After twenty messages the pace is one in three seconds."""
    group = waits(Pace(), -5, 40)
    assert group[19] == 17
    assert group[39] == 60


def test_the_bot_as_a_whole_keeps_to_twenty_five_a_second() -> None:
    """Fifty messages at once take a second longer than the first half."""
    overall = Pace().overall
    assert [round(overall.reserve(0.0), 2) for _ in range(50)][24::25] == [0, 1]


def test_places_come_back_with_time() -> None:
    """A long queue is short again after a pause."""
    meter = Meter(1.0, 1)
    assert (meter.reserve(0.0), meter.reserve(0.0), meter.reserve(10.0)) == (0, 1, 0)


def test_a_held_chat_is_left_alone_until_its_time() -> None:
    """A 429 pauses its own chat only."""
    pace = Pace()
    pace.hold(5, until=130.0)
    assert pace.held_for(5, 100.0) == 30
    assert pace.held_for(6, 100.0) == 0
    assert pace.held_for(5, 131.0) == 0


def test_chats_that_wait_for_nothing_are_forgotten() -> None:
    """Memory does not grow with the number of chats."""
    pace = Pace()
    for chat_id in range(1, 12_000):
        pace.reserve(chat_id, float(chat_id * 10))
    assert len(pace._chats) <= 10_001


@pytest.mark.parametrize("now", [0.0, 1e9])
def test_the_first_message_never_waits(now: float) -> None:
    """Whatever the clock shows."""
    assert Pace().reserve(5, now) == 0
