"""A workflow of Agno that remembers the conversation."""

from __future__ import annotations

from agno.db.in_memory import InMemoryDb
from agno.run import RunContext
from agno.workflow import Step, StepInput, StepOutput, Workflow


def answer(_: StepInput, run_context: RunContext) -> StepOutput:
    """In place of an agent: counts."""
    state = {} if run_context.session_state is None else run_context.session_state
    state["asked"] = state.get("asked", 0) + 1
    return StepOutput(content=f"You have asked {state['asked']} times.")


step = Step(name="answer", executor=answer)  # type: ignore[arg-type] # Agno passes a RunContext where one is asked for
workflow = Workflow(id="counter", steps=[step], db=InMemoryDb())  # type: ignore[no-untyped-call]
"""Its sessions end with the process; leave `db` out and set `database` to keep them in Postgres."""
