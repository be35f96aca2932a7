"""What a turn comes to: its reply or its apology, and the chunks of it for networks that replies are pushed to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.core.cleaning import clean
from gateway.core.draft import Draft
from gateway.core.model import Address, ChannelName, Chunk, JsonObject, Reply, Turn, Usage
from gateway.core.outbox import channel_of
from gateway.core.ports.channels import Channel
from gateway.core.titles import title_from

APOLOGY = "Sorry, I could not answer that. Please try again."
STOPPED = "Stopped."
LONGEST_ERROR = 2000


@dataclass(frozen=True, slots=True)
class Replies:
    """Makes replies; `channels` split and format them."""

    channels: Mapping[ChannelName, Channel]

    def of(self, turn: Turn, draft: Draft, *, cancelled: bool) -> Reply:
        """What the agent said. That a cancelled turn said nothing is recorded and not delivered: whoever cancelled knows."""
        content, parts = draft.finish()
        chunks = self._chunks(turn, content) if parts else ()
        if cancelled and not parts:
            content, parts = STOPPED, _text(STOPPED)
        return Reply(
            status="cancelled" if cancelled else "completed",
            content=content,
            parts=parts,
            usage=draft.usage,
            title=_title(turn),
            chunks=chunks,
            state_changes=draft.state.gathered(),
            agent_session=draft.agent_session,
        )

    def apology(self, turn: Turn, usage: Usage | None, error: str) -> Reply:
        """For a turn without an answer; `error` is for whoever runs the gateway."""
        return Reply(
            status="failed",
            content=APOLOGY,
            parts=_text(APOLOGY),
            usage=usage,
            error=clean(error)[:LONGEST_ERROR],
            title=_title(turn),
            chunks=self._chunks(turn, APOLOGY),
        )

    def _chunks(self, turn: Turn, content: str) -> tuple[tuple[Address, Chunk], ...]:
        return tuple((address, chunk) for address in turn.deliver_to for chunk in self._rendered(address, content))

    def _rendered(self, address: Address, content: str) -> Sequence[Chunk]:
        channel = self.channels.get(channel_of(address))
        # For a channel that is off the outbox says so; nothing is dropped here.
        return (Chunk(content),) if channel is None else channel.render(content)


def _text(text: str) -> tuple[JsonObject, ...]:
    return ({"type": "text", "text": text},)


def _title(turn: Turn) -> str | None:
    return title_from(turn.text) if turn.seq == 1 else None
