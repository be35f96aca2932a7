"""Announces the changes that a query has read, each only once: every query reads a few seconds of the past again."""

from __future__ import annotations

from collections.abc import Collection, Hashable

from gateway.core.live.announcer import Announcer
from gateway.core.model import Session
from gateway.core.ports.live import Changes, user_topic


class ChangeAnnouncer:
    """Remembers the keys that the last full query and the partial ones since have read, and no more."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer
        self._before: set[Hashable] = set()
        self._read: set[Hashable] = set()

    def forget(self) -> None:
        """Starts over, because nobody follows anything."""
        self._before.clear()

    def announce(self, changes: Changes, joined: Collection[str], *, everything: bool) -> None:
        """Announces what is new. `joined`: topics with new subscribers; `everything`: the query covered all topics."""
        self._read = set()
        for session_id, user_id, last_seq in changes.last_seqs:
            self._announcer.rows(session_id, user_id, last_seq)
        for gone in changes.missing:
            self._announcer.missing(gone)
        for session in changes.sessions:
            self._announce_session(session, joined)
        for news in changes.turns:
            if self._is_new(news):
                self._announcer.read_turn(news)
        for message in changes.changed:
            if self._is_new((message.id, message.changed_at)):
                self._announcer.read_change(message)
        self._before = self._read if everything else self._before | self._read

    def _announce_session(self, session: Session, joined: Collection[str]) -> None:
        # A list that was read before its reader subscribed lacks what was published in between.
        again = not {user_topic(session.user_id), user_topic(None)}.isdisjoint(joined)
        if self._is_new((session.session_id, session.updated_at, session.title, session.message_count)) or again:
            self._announcer.read_session(session, again=again)

    def _is_new(self, key: Hashable) -> bool:
        self._read.add(key)
        return key not in self._before
