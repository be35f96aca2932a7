"""How far back queries for changes read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.core.lookback import LONGEST, FeedPosition, Lookback

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def looked(*glances: tuple[float, int, int]) -> list[float]:
    """After each query (seconds, oldest open transaction, next one): the second from which the next query reads."""
    lookback = Lookback()
    return [
        (lookback.after(FeedPosition(NOON + timedelta(seconds=at), oldest, following)) - NOON).total_seconds()
        for at, oldest, following in glances
    ]


def test_without_open_transactions_a_query_continues_from_the_last_one() -> None:
    """Everything written before it has been committed by then."""
    assert looked((0, 5, 5), (2, 5, 5), (4, 9, 9)) == [0, 2, 4]


def test_an_open_transaction_is_covered_from_before_its_start() -> None:
    """Transaction 7 is open from before the second query until after the third."""
    assert looked((0, 5, 5), (2, 7, 9), (4, 7, 12), (6, 13, 13)) == [0, 0, 0, 6]


def test_the_latest_query_before_the_oldest_transaction_counts() -> None:
    """Transaction 10 began after the second query, and those open then have ended."""
    assert looked((0, 5, 5), (2, 8, 10), (4, 10, 11)) == [0, 0, 2]


def test_a_transaction_of_hours_is_not_waited_for() -> None:
    """Otherwise queries would read more and more."""
    first, *_, last = looked(*((float(at), 7, 9 + at) for at in range(0, 7_200, 10)))
    assert (first, last) == (-LONGEST.total_seconds(), 7_190 - LONGEST.total_seconds())


def test_what_is_open_at_the_first_look_is_read_from_a_minute_ago() -> None:
    """Transaction 7 began before anybody looked, and ends after the second look."""
    assert looked((100, 7, 9), (102, 7, 12), (104, 13, 13)) == [40, 42, 104]
