"""An A2A agent, with the protocol's own SDK.

Install it with: pip install 'a2a-sdk[http-server]' uvicorn. Start it with: python server.py
"""

from __future__ import annotations

import os

import uvicorn
from a2a.helpers import new_task_from_user_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types.a2a_pb2 import AgentCapabilities, AgentCard, AgentInterface
from starlette.applications import Starlette

PORT = int(os.environ.get("PORT", "9000"))


class Parrot(AgentExecutor):
    """Says what it is told, word by word."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        """A task with one artifact, which is the answer."""
        if context.message is None:
            return
        task = context.current_task or new_task_from_user_message(context.message)
        if context.current_task is None:
            await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        for number, word in enumerate(f"You said: {context.message.parts[-1].text}".split()):
            await updater.add_artifact([new_text_part(f"{word} ")], "answer", append=number > 0)
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """It is too quick to be cancelled."""


card = AgentCard(
    name="Parrot",
    version="1",
    capabilities=AgentCapabilities(streaming=True),
    supported_interfaces=[
        AgentInterface(url=f"http://127.0.0.1:{PORT}/rpc", protocol_binding="JSONRPC", protocol_version="1.0")
    ],
)
handler = DefaultRequestHandler(agent_executor=Parrot(), task_store=InMemoryTaskStore(), agent_card=card)
app = Starlette(routes=[*create_agent_card_routes(card), *create_jsonrpc_routes(handler, "/rpc")])
if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
