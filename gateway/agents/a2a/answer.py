"""What an A2A agent streams, as events; pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator

from a2a.types.a2a_pb2 import Artifact, Part, StreamResponse, Task, TaskState, TaskStatus
from google.protobuf.json_format import MessageToDict

from gateway.agents.http.faults import Failed, Misconfigured
from gateway.agents.http.pieces import Heard
from gateway.core.events import AgentEvent, AgentSession, DataPart, FilePart, Status
from gateway.core.model import JsonValue

ENDED = frozenset({TaskState.TASK_STATE_FAILED, TaskState.TASK_STATE_REJECTED, TaskState.TASK_STATE_CANCELED})
NO_NAME = re.compile(r"[^A-Za-z0-9_-]")
ANY_TYPE = "application/octet-stream"


class Answer:
    """Reads one answer: a message, or a task with its artifacts. `ended`: it is complete; `task_id`: while it is not."""

    def __init__(self) -> None:
        self.ended = False
        self.task_id = ""
        self._heard = Heard()
        self._artifact: str | None = None
        self._said = False

    def read(self, response: StreamResponse) -> Iterator[AgentEvent]:
        """Raises `Failed` if the task has failed, `Misconfigured` if the agent wants other credentials."""
        if response.HasField("message"):
            self.ended = True
            yield from self._parts(response.message.parts, "message")
            yield AgentSession(response.message.context_id)
        elif response.HasField("task"):
            yield from self._task(response.task)
        elif response.HasField("artifact_update"):
            yield from self._piece(response.artifact_update.artifact)
        elif response.HasField("status_update"):
            update = response.status_update
            yield from self._status(update.status, update.context_id, update.task_id)

    def _task(self, task: Task) -> Iterator[AgentEvent]:
        for artifact in task.artifacts:
            yield from self._piece(artifact)
        yield from self._status(task.status, task.context_id, task.id)

    def _piece(self, artifact: Artifact) -> Iterator[AgentEvent]:
        """A piece of an artifact, or all of it; another artifact is set apart from the one before."""
        if artifact.artifact_id != self._artifact:
            self._artifact = artifact.artifact_id
            yield from self._heard.paragraph("text")
        yield from self._parts(artifact.parts, artifact.name or "artifact")

    def _status(self, status: TaskStatus, context_id: str, task_id: str) -> Iterator[AgentEvent]:
        self.task_id = task_id
        text = "\n".join(part.text for part in status.message.parts if part.text)
        if status.state in ENDED:
            self.task_id = ""
            state = TaskState.Name(status.state).removeprefix("TASK_STATE_").lower()
            raise Failed(f"reports that its task was {state}{': ' + text if text else '.'}")
        if status.state == TaskState.TASK_STATE_AUTH_REQUIRED:
            raise Misconfigured(f"wants credentials. Check `headers`.{' It said: ' + text if text else ''}")
        if status.state == TaskState.TASK_STATE_INPUT_REQUIRED:
            yield from self._conclude(status, f"{context_id} {task_id}", always=True)
        elif status.state == TaskState.TASK_STATE_COMPLETED:
            yield from self._conclude(status, context_id, always=False)
        elif text:
            yield Status(text)

    def _conclude(self, status: TaskStatus, session: str, *, always: bool) -> Iterator[AgentEvent]:
        """The last message is a question, or the answer if there was no other; many agents repeat the answer in it."""
        self.ended = True
        self.task_id = ""
        if always or not self._said:
            yield from self._heard.paragraph("text")
            yield from self._parts(status.message.parts, "message")
        yield AgentSession(session)

    def _parts(self, parts: Iterable[Part], name: str) -> Iterator[AgentEvent]:
        for part in parts:
            self._said = True
            if part.HasField("text"):
                yield self._heard.text(part.text)
            elif part.HasField("url"):
                yield FilePart(part.url, part.media_type or ANY_TYPE, part.filename)
            elif part.HasField("raw"):
                yield _inline(part)
            elif part.HasField("data"):
                data: JsonValue = MessageToDict(part.data)
                yield DataPart(NO_NAME.sub("-", name)[:100] or "data", data)


def _inline(part: Part) -> FilePart:
    kind = part.media_type or ANY_TYPE
    return FilePart(f"data:{kind};base64,{base64.b64encode(part.raw).decode()}", kind, part.filename)
