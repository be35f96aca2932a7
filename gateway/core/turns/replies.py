"""The result of a turn: its reply or its apology, split into chunks for networks that replies are pushed to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

import structlog

from gateway.core.content.cleaning import clean
from gateway.core.delivery.outbox import channel_of
from gateway.core.events import ApprovalRequest
from gateway.core.model import Address, ApprovalId, Approvers, ChannelName, JsonObject, MessageKind, Turn, Usage
from gateway.core.outbound import Chunk, Reply
from gateway.core.ports.channels import Channel
from gateway.core.ports.turns import Question
from gateway.core.titles.titles import title_from
from gateway.core.turns.draft import Draft
from gateway.errors import ErrorClass

log = structlog.get_logger(__name__)

APOLOGY = "Sorry, I could not answer that. Please try again."
APOLOGIES: Mapping[ErrorClass, str] = {
    "context_too_long": "Sorry, this message is too long for me. Please shorten it, or send it in several parts.",
    "rate_limited": "Sorry, too many people are asking me at once. Please try again in a few minutes.",
    "over_budget": "Sorry, today's budget for my answers is used up. Please try again tomorrow: it is renewed at midnight UTC.",
    "unavailable": "Sorry, I am not available at the moment. Please try again later.",
    "misconfigured": "Sorry, I am not set up correctly and cannot answer. Please tell the people who run this service.",
    "timeout": "Sorry, that took too long. Please try again, or ask for less at once.",
    "agent_error": APOLOGY,
}
"""What users read in place of an answer: what happened, and what they can do about it."""
STOPPED = "Stopped."
LONGEST_ERROR = 2000


@dataclass(frozen=True, slots=True)
class Replies:
    """Creates replies; `channels` split and format them."""

    channels: Mapping[ChannelName, Channel]

    def of(self, turn: Turn, draft: Draft, *, cancelled: bool) -> Reply:
        """Returns the agent's reply. A cancelled turn without text is recorded but not delivered: the user knows that they cancelled it."""
        content, parts = draft.finish()
        chunks = self._chunks(turn, with_links(content, parts)) if parts else ()
        kind: MessageKind = "message"
        if cancelled and not parts:
            content, parts, kind = STOPPED, _text(STOPPED), "apology"
        return Reply(
            status="cancelled" if cancelled else "completed",
            content=content,
            parts=parts,
            usage=draft.usage,
            title=_title(turn),
            chunks=chunks,
            state_changes=draft.state.gathered(),
            agent_session=draft.agent_session,
            kind=kind,
        )

    @staticmethod
    def question(reply: Reply, request: ApprovalRequest, approvers: Approvers) -> Question:
        """Returns what the agent asks, which `reply` ends with."""
        return Question(ApprovalId(uuid4()), request, approvers, reply)

    def apology(self, turn: Turn, usage: Usage | None, error: str, error_class: ErrorClass = "agent_error") -> Reply:
        """For a turn without an answer; `error` is for operators."""
        text = APOLOGIES[error_class]
        return Reply(
            status="failed",
            content=text,
            parts=_text(text),
            usage=usage,
            error=clean(error)[:LONGEST_ERROR],
            title=_title(turn),
            chunks=self._chunks(turn, text),
            kind="apology",
            error_class=error_class,
        )

    def _chunks(self, turn: Turn, content: str) -> tuple[tuple[Address, Chunk], ...]:
        if not content:
            return ()
        return tuple((address, chunk) for address in turn.deliver_to for chunk in self._rendered(address, content))

    def _rendered(self, address: Address, content: str) -> Sequence[Chunk]:
        channel = self.channels.get(channel_of(address))
        try:
            # If the channel is off, the outbox reports it; nothing is dropped here.
            return (Chunk(content),) if channel is None else channel.render(content)
        except Exception:
            log.exception("rendering_failed", address=address)
            return (Chunk(content),)


def with_links(content: str, parts: Sequence[JsonObject]) -> str:
    """Returns what networks get: the text, and in Markdown the files and pages that clients show beside it."""
    files = [_link(part, "filename") for part in parts if part["type"] == "file" and not _is_inline(part)]
    pages = [f"- {_link(part, 'title')}" for part in parts if part["type"] == "source-url"]
    return "\n\n".join(filter(None, (content, "\n".join(files), "\n".join(pages))))


def _link(part: JsonObject, label: str) -> str:
    return f"[{part.get(label) or part['url']}]({part['url']})"


def _is_inline(part: JsonObject) -> bool:
    return str(part["url"]).startswith("data:")


def _text(text: str) -> tuple[JsonObject, ...]:
    return ({"type": "text", "text": text},)


def _title(turn: Turn) -> str | None:
    return title_from(turn.text) if turn.seq == 1 else None
