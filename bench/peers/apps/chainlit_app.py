"""Chainlit with an agent that costs nothing; messages are kept in the session, as in its examples."""

from __future__ import annotations

import os

import chainlit as cl

REPLY = os.environ["BENCH_REPLY"]


@cl.on_chat_start
async def start() -> None:
    """An empty history."""
    cl.user_session.set("history", [])


@cl.on_message
async def answer(message: cl.Message) -> None:
    """One streamed piece."""
    history = cl.user_session.get("history")
    reply = cl.Message(content="")
    await reply.stream_token(REPLY)
    await reply.update()
    history += [message.content, REPLY]
