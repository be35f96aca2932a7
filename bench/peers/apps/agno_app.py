"""agno's AgentOS with an agent that costs nothing and sessions in Postgres."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import uvicorn
from agno.agent import Agent
from agno.db.postgres import AsyncPostgresDb
from agno.models.base import Model
from agno.models.response import ModelResponse
from agno.os import AgentOS

REPLY = os.environ["BENCH_REPLY"]


class Instant(Model):
    """Answers at once, in one piece."""

    def invoke(self, *_: object, **__: object) -> ModelResponse:
        return ModelResponse(role="assistant", content=REPLY)

    async def ainvoke(self, *_: object, **__: object) -> ModelResponse:
        return self.invoke()

    def invoke_stream(self, *_: object, **__: object) -> Iterator[ModelResponse]:
        yield self.invoke()

    async def ainvoke_stream(self, *_: object, **__: object) -> AsyncIterator[ModelResponse]:
        yield self.invoke()

    def _parse_provider_response(self, response: ModelResponse, **_: object) -> ModelResponse:
        return response

    def _parse_provider_response_delta(self, response: ModelResponse) -> ModelResponse:
        return response


agent = Agent(
    id="assistant",
    model=Instant(id="instant"),
    db=AsyncPostgresDb(db_url=os.environ["BENCH_DATABASE"]),
    add_history_to_context=True,
    num_history_runs=20,
)
app = AgentOS(agents=[agent], telemetry=False).get_app()

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), log_level="warning", access_log=False)
