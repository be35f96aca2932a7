"""Tells what a look has read, and nothing that the looks before it have told: each reads some seconds of the past again."""

from __future__ import annotations

from collections.abc import Collection, Hashable

from gateway.core.live.announcer import Announcer
from gateway.core.model import Session
from gateway.core.ports.live import Changes, user_topic


class ChangeAnnouncer:
    """What the last look at everything has read, and those at some since; so much and no more is remembered."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer
        self._before: set[Hashable] = set()
        self._read: set[Hashable] = set()

    def forget(self) -> None:
        """Nobody follows anything."""
        self._before.clear()

    def announce(self, changes: Changes, joined: Collection[str], *, everything: bool) -> None:
        """Announces what is new. `joined`: topics that somebody has just begun to follow; `everything`: nothing else was to be read."""
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
        # A list that was read before its reader joined lacks what was published in between.
        again = not {user_topic(session.user_id), user_topic(None)}.isdisjoint(joined)
        if self._is_new((session.session_id, session.updated_at, session.title, session.message_count)) or again:
            self._announcer.read_session(session, again=again)

    def _is_new(self, key: Hashable) -> bool:
        self._read.add(key)
        return key not in self._before
