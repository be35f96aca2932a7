"""A graph of LangGraph that says what it is doing, and remembers the conversation."""

from __future__ import annotations

from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph


async def answer(state: MessagesState) -> MessagesState:
    """In place of a model: counts."""
    get_stream_writer()("Counting…")
    asked = sum(message.type == "human" for message in state["messages"])
    return {"messages": [AIMessage(f"You have asked {asked} times.")]}


graph = (
    StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer").compile(checkpointer=InMemorySaver())
)
"""Its threads end with the process; leave the checkpointer out and set `checkpoints` to keep them in Postgres."""
