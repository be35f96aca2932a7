"""A graph with one node that costs nothing; the server stores its threads."""

from __future__ import annotations

import os

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph

REPLY = os.environ["BENCH_REPLY"]


async def answer(_state: MessagesState) -> dict[str, list[AIMessage]]:
    """One message, at once."""
    return {"messages": [AIMessage(content=REPLY)]}


graph = StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer").compile()
