"""Handles notifications from other replicas."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.live.notifications import EVERYTHING, Notification
from gateway.core.replicas.change_reader import ChangeReader
from gateway.core.replicas.notifier import Notifier
from gateway.core.replicas.work_poller import WorkPoller


@dataclass(frozen=True, slots=True)
class NotificationHandler:
    """Passes them to the loops that query for changes and work."""

    work_poller: WorkPoller
    change_reader: ChangeReader
    notifier: Notifier

    def handle(self, notification: Notification) -> None:
        """Wakes the change reader; a notification without details wakes all loops."""
        self.change_reader.hear(notification)
        if EVERYTHING in notification.words:
            self.work_poller.soon()

    def listening(self) -> None:
        """Notifications arrive from now on: queries for what came before, and tells the others that this replica listens."""
        self.change_reader.read_everything_soon()
        self.work_poller.soon()
        self.notifier.greet()
