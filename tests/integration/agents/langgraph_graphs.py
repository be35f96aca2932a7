"""Graphs as their authors would write them."""

from __future__ import annotations

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

from turngate import Citation


async def recall(state: MessagesState) -> MessagesState:
    """Answers with everything it was told and has said, as a model would stream it."""
    said = ", ".join(f"{message.type} {message.content}" for message in state["messages"])
    model = GenericFakeChatModel(messages=iter([AIMessage(f"I know: {said}")]))
    return {"messages": [await model.ainvoke(state["messages"])]}


def roll(state: MessagesState) -> MessagesState:
    """Calls a tool, says what it is doing, and cites a page."""
    write = get_stream_writer()
    write("Rolling")
    write({"sides": 6})
    write(Citation("https://example.com/dice"))
    call = AIMessage("", tool_calls=[{"id": "c1", "name": "roll", "args": {"sides": 6}}])
    return {"messages": [call, ToolMessage("4", tool_call_id="c1", name="roll")]}


def ask(state: MessagesState) -> MessagesState:
    """Waits for somebody, twice."""
    colour = interrupt({"question": "Which colour?", "choices": ["Red", "Blue"]})
    sure = interrupt("Sure?")
    return {"messages": [AIMessage(f"{colour}, {sure}")]}


def _graph(*nodes: str) -> StateGraph[MessagesState]:
    graph = StateGraph(MessagesState)
    for name, node in (("recall", recall), ("roll", roll), ("ask", ask)):
        if name in nodes:
            graph.add_node(name, node)
    for before, after in zip((START, *nodes), (*nodes, END), strict=True):
        graph.add_edge(before, after)
    return graph


recalling = _graph("recall")
remembering = _graph("recall").compile(checkpointer=InMemorySaver())
rolling = _graph("roll", "recall")
asking = _graph("ask")


def made() -> StateGraph[MessagesState]:
    """A function that returns the graph."""
    return _graph("recall")


class Failing(Exception):
    """An error as providers' libraries raise it."""

    status_code = 429


async def _fail(state: MessagesState) -> MessagesState:
    raise Failing("slow down")


failing = StateGraph(MessagesState).add_node("fail", _fail).add_edge(START, "fail")


async def _loop(state: MessagesState) -> MessagesState:
    return {"messages": []}


endless = StateGraph(MessagesState).add_node("loop", _loop).add_edge(START, "loop").add_edge("loop", "loop")


async def _stumble(state: MessagesState) -> MessagesState:
    """Fails the first time that it is told something, after the graph has kept it."""
    if not STUMBLED:
        STUMBLED.append(True)
        raise RuntimeError("on purpose")
    return {"messages": []}


STUMBLED: list[bool] = []
stumbling = (
    StateGraph(MessagesState)
    .add_node("stumble", _stumble)
    .add_node("recall", recall)
    .add_edge(START, "stumble")
    .add_edge("stumble", "recall")
)
