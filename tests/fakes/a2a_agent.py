"""An A2A agent, served by the protocol's own SDK on a free port; what it answers depends on what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from a2a.helpers import new_data_part, new_raw_part, new_text_message, new_text_part, new_url_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types.a2a_pb2 import AgentCapabilities, AgentCard, AgentInterface, Role, Task, TaskState, TaskStatus
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

LONG = "A rather long answer, said in many small pieces."
DOWN = "/down"


@dataclass
class Memory(AgentExecutor):
    """The agent. It knows what was said in each context, and answers with it unless the last part says otherwise."""

    said: dict[str, list[str]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    working: int = 0
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.message is not None
        assert context.task_id is not None
        assert context.context_id is not None
        parts = [part.text for part in context.message.parts]
        known = self.said.setdefault(context.context_id, [])
        known += parts
        if parts[-1] == "message":
            message = new_text_message("Just a message.", context_id=context.context_id, role=Role.ROLE_AGENT)
            await event_queue.enqueue_event(message)
            return
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        if context.current_task is None:
            status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED)
            await event_queue.enqueue_event(Task(id=context.task_id, context_id=context.context_id, status=status))
        self.working += 1
        try:
            await self._answer(parts[-1], known, updater)
        finally:
            self.working -= 1

    async def _answer(self, text: str, known: list[str], updater: TaskUpdater) -> None:
        await updater.start_work(updater.new_agent_message([new_text_part("Looking it up")]))
        match text:
            case "at length":
                for number, word in enumerate(LONG.split()):
                    await updater.add_artifact([new_text_part(f"{word} ")], "a", append=number > 0)
            case "files":
                url = new_url_part("https://example.com/cat.png", media_type="image/png")
                parts = [new_text_part("Here."), url, new_raw_part(b"hi", media_type="text/plain", filename="hi.txt")]
                await updater.add_artifact([*parts, new_data_part({"cats": 1})], "a", name="my cats")
            case "ask":
                await updater.requires_input(updater.new_agent_message([new_text_part("Which one?")]))
                return
            case "fail":
                await updater.failed(updater.new_agent_message([new_text_part("out of luck")]))
                return
            case "wait":
                await asyncio.sleep(3_600)
            case "think":
                await asyncio.sleep(1)
                await updater.add_artifact([new_text_part("At last.")])
            case _:
                await updater.add_artifact([new_text_part(f"I know: {known}")])
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.task_id is not None
        assert context.context_id is not None
        self.cancelled.set()
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


@dataclass
class Gate:
    """Stands before the agent: may refuse requests, and notes their idempotency keys."""

    app: ASGIApp
    keys: list[str] = field(default_factory=list)
    refusals: list[Response] = field(default_factory=list)
    """One per request, the last one from then on; None left: requests pass."""
    once: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            self.keys.append(Request(scope).headers.get("idempotency-key", ""))
            if self.refusals:
                refusal = self.refusals.pop() if self.once else self.refusals[0]
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def refuses(self, status: int, text: str, *, once: bool = False, **headers: str) -> None:
        """Answers messages with a status."""
        self.once = once
        self.refusals = [PlainTextResponse(text, status, {name.replace("_", "-"): headers[name] for name in headers})]


@dataclass(frozen=True)
class A2APeer:
    """The running agent."""

    url: str
    memory: Memory
    gate: Gate


@asynccontextmanager
async def a2a_agent(*, streaming: bool = True) -> AsyncIterator[A2APeer]:
    """An agent on a free port of this machine."""
    memory = Memory()
    card = AgentCard(name="Memory", version="1", capabilities=AgentCapabilities(streaming=streaming))
    handler = DefaultRequestHandler(agent_executor=memory, task_store=InMemoryTaskStore(), agent_card=card)
    gate = Gate(Starlette(routes=[*create_agent_card_routes(card), *create_jsonrpc_routes(handler, "/rpc")]))
    server = uvicorn.Server(uvicorn.Config(gate, "127.0.0.1", 0, log_config=None, lifespan="off", ws="none"))
    sockets = [server.config.bind_socket()]
    url = "http://{}:{}".format(*sockets[0].getsockname())
    interface = AgentInterface(url=f"{url}/rpc", protocol_binding="JSONRPC", protocol_version="1.0")
    card.supported_interfaces.append(interface)
    serving = asyncio.create_task(server._serve(sockets))
    try:
        yield A2APeer(url, memory, gate)
    finally:
        server.should_exit = server.force_exit = True
        await serving
