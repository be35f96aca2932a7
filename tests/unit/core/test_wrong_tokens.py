"""Wrong tokens by address."""

from __future__ import annotations

import pytest

from gateway.core.limits.wrong_tokens import WrongTokenLimiter
from gateway.errors import TooManyRequests, Unauthenticated


def tries(counter: WrongTokenLimiter, token: str, *, right: bool = False, address: str = "192.0.2.1") -> str:
    """Returns what happens to a token at an address."""
    try:
        with counter.counted(address, token):
            _look(right=right)
    except TooManyRequests:
        return "too often"
    except Unauthenticated:
        return "wrong"
    return "in"


def _look(*, right: bool) -> None:
    if not right:
        raise Unauthenticated("wrong")


@pytest.fixture
def counter() -> WrongTokenLimiter:
    """Two wrong tokens a minute, with a stopped clock."""
    return WrongTokenLimiter(2, clock=lambda: 1000.0)


def test_different_wrong_tokens_count(counter: WrongTokenLimiter) -> None:
    """They are counted by address."""
    assert [tries(counter, token) for token in "abc"] == ["wrong", "wrong", "too often"]
    assert tries(counter, "c", address="192.0.2.2") == "wrong"


def test_the_same_wrong_token_counts_once(counter: WrongTokenLimiter) -> None:
    """A client that keeps sending an old token is not guessing."""
    assert {tries(counter, "a") for _ in range(10)} == {"wrong"}
    assert tries(counter, "b") == "wrong"


def test_a_known_token_is_accepted_from_a_guessers_address(counter: WrongTokenLimiter) -> None:
    """A token not seen before has to wait."""
    assert tries(counter, "good", right=True) == "in"
    for token in "abc":
        tries(counter, token)
    assert tries(counter, "good", right=True) == "in"
    assert tries(counter, "new", right=True) == "too often"


def test_a_token_that_is_no_longer_valid_counts(counter: WrongTokenLimiter) -> None:
    """For example, a revoked one."""
    assert [tries(counter, "good", right=True), tries(counter, "good"), tries(counter, "a")] == ["in", "wrong", "wrong"]
    assert tries(counter, "good") == "too often"


def test_without_a_limit_nothing_is_refused() -> None:
    """With None."""
    counter = WrongTokenLimiter(None)
    assert {tries(counter, str(number)) for number in range(100)} == {"wrong"}


def test_the_refusal_names_its_setting(counter: WrongTokenLimiter) -> None:
    """The error includes the seconds to wait."""
    for token in "ab":
        tries(counter, token)
    with (
        pytest.raises(TooManyRequests, match=r"limits\.wrong_tokens_per_minute is 2.*30 s"),
        counter.counted("192.0.2.1", "c"),
    ):
        pass


def test_memory_is_bounded() -> None:
    """A client that sends a million tokens does not fill the memory."""
    counter = WrongTokenLimiter(2, remembered=3)
    for number in range(10):
        tries(counter, str(number), address=str(number))
        tries(counter, f"good {number}", right=True, address="elsewhere")
    assert len(counter) == 6
