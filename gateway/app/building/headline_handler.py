"""What becomes of what other replicas tell."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.live.headlines import EVERYTHING, Headlines
from gateway.core.replicas.news_reader import NewsReader
from gateway.core.replicas.notifier import Notifier
from gateway.core.replicas.rounds import Rounds


@dataclass(frozen=True, slots=True)
class HeadlineHandler:
    """Hands it to the loops that look."""

    rounds: Rounds
    news_reader: NewsReader
    notifier: Notifier

    def handle(self, headlines: Headlines) -> None:
        """Whoever follows, looks; what nobody can name, everybody looks for."""
        self.news_reader.hear(headlines)
        if EVERYTHING in headlines.words:
            self.rounds.soon()

    def listening(self) -> None:
        """News are heard from now on; those of before are looked up, and the others learn that somebody listens."""
        self.news_reader.look_again()
        self.rounds.soon()
        self.notifier.greet()
