"""What replicas tell each other."""

from __future__ import annotations

from gateway.core.headlines import EVERYTHING, LONGEST, mark, read, written


def test_what_is_written_can_be_read() -> None:
    """Words in any order, and none at all."""
    words = {mark("session:one"), mark("user:\ud800"), "!"}
    assert read(written("me", words)).words == words
    assert read(written("me", ())) == read("me")


def test_too_much_to_name_is_everything() -> None:
    """A text stays below what Postgres takes."""
    words = [mark(f"session:{number}") for number in range(2_000)]
    assert read(written("me", words)).words == {EVERYTHING}
    most = next(count for count in range(2_000, 0, -1) if EVERYTHING not in read(written("me", words[:count])).words)
    assert most > 800
    assert len(written("me", words[:most])) <= LONGEST
