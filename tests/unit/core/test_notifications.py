"""Notifications between replicas."""

from __future__ import annotations

from gateway.core.live.notifications import EVERYTHING, LONGEST, gone, mark, read, written
from gateway.core.model import SessionId


def test_what_is_written_can_be_read() -> None:
    """Words in any order, or none at all."""
    words = {mark("session:one"), mark("user:\ud800"), "!"}
    assert read(written("me", words)).words == words
    assert read(written("me", ())) == read("me")


def test_a_deletion_names_its_list_and_its_session() -> None:
    """Ids contain hyphens; an id with a space can't be written, so it means everything."""
    words = {mark("session:one"), gone("user:ann", SessionId("0197b0c2-7a51")), gone("user:ann", SessionId("a b"))}
    assert read(written("me", words)).deleted() == [(mark("user:ann"), "0197b0c2-7a51")]
    assert EVERYTHING in words


def test_too_much_to_name_is_everything() -> None:
    """A text stays below the limit of Postgres."""
    words = [mark(f"session:{number}") for number in range(2_000)]
    assert read(written("me", words)).words == {EVERYTHING}
    most = next(count for count in range(2_000, 0, -1) if EVERYTHING not in read(written("me", words[:count])).words)
    assert most > 400
    assert len(written("me", words[:most])) <= LONGEST
