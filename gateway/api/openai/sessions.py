"""Which session a request to `/v1` names, and which of its messages the session's transcript lacks. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from gateway.api.openai.requests import ChatCompletionRequest
from gateway.core.content.storable import require_storable
from gateway.core.model import Message

USER_HEADER = "X-OpenWebUI-User-Id"
CHAT_HEADER = "X-OpenWebUI-Chat-Id"
"""Sent by Open WebUI with `ENABLE_FORWARD_USER_INFO_HEADERS`; it does not pass on `metadata`."""
TASK_BEGINS, TASK_HOLDS = "### Task:", "<chat_history>"
"""What the prompts of Open WebUI's own tasks have in common (titles, tags, follow-ups): they carry the chat's headers, too."""
RECENT = 20
"""Rows at a transcript's end that a request is compared with."""


def session_name(body: ChatCompletionRequest, headers: Mapping[str, str]) -> str | None:
    """Returns the client's own name for the conversation with an agent, made of its user and its chat; None if either is missing.

    A task about a chat (`metadata.task`, such as creating its title) is not part of it. Raises `InvalidInput` for headers that
    are not text.
    """
    user = body.named_user or headers.get(USER_HEADER)
    chat = body.named_chat or headers.get(CHAT_HEADER)
    if not user or not chat or body.is_task or (body.named_chat is None and _is_task_prompt(body)):
        return None
    require_storable(user, "user")
    require_storable(chat, "chat_id")
    # The space keeps it distinct from every Idempotency-Key: a header's value never starts with one.
    return f" {orjson.dumps([user, chat, body.model]).decode()}"


def _is_task_prompt(body: ChatCompletionRequest) -> bool:
    """Recognises Open WebUI's tasks by their text: a prompt that quotes the chat, and nothing else."""
    said = [message.text for message in body.messages if message.role in {"user", "assistant"}]
    return len(said) == 1 and said[0].lstrip().startswith(TASK_BEGINS) and TASK_HOLDS in said[0]


def news(body: ChatCompletionRequest, recent: Sequence[Message], *, whole: bool) -> str:
    """Returns the text that the request adds to a session; empty for a request that was or is being answered.

    A client that repeats its history adds the messages after the last answer it knows. `recent`: the end of the transcript,
    oldest first; `whole`: it is the whole transcript.
    """
    spoken = [message for message in body.messages if message.role in {"user", "assistant"} and message.text.strip()]
    texts = _last_of_user([(message.role, message.text) for message in spoken])
    answer = spoken[-len(texts) - 1].text if len(texts) < len(spoken) else None
    known = _asked_since(answer, [message for message in recent if not message.deleted], whole=whole)
    repeated = [text.strip() for text in texts[: len(known)]] == [text.strip() for text in known]
    return "\n\n".join(texts[len(known) :] if repeated else texts)


def _last_of_user(spoken: Sequence[tuple[str, str]]) -> list[str]:
    """The user's texts since the last answer."""
    texts: list[str] = []
    for role, text in reversed(spoken):
        if role != "user":
            break
        texts.insert(0, text)
    return texts


def _asked_since(answer: str | None, rows: Sequence[Message], *, whole: bool) -> list[str]:
    """The user's texts between that answer and the next one, or before the first one; none if the transcript has continued since."""
    if answer is None:
        since = rows if whole else ()
    else:
        ends = [
            place for place, row in enumerate(rows) if row.role == "assistant" and row.content.strip() == answer.strip()
        ]
        since = rows[ends[-1] + 1 :] if ends else ()
    questions = [row.content for row in since if row.role == "user"]
    answers = [row for row in since if row.role == "assistant"]
    return questions if not answers or (len(answers) == 1 and since[-1] is answers[0]) else []
