"""The cases as tests of pytest, for `pytest --turngate-agent`. The only module of the suite that needs pytest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from os import PathLike
from traceback import format_exception

import pytest

from gateway.errors import GatewayError
from turngate.testing.agents.loading import load
from turngate.testing.agents.subject import AgentUnderTest
from turngate.testing.agents.suite import CASES, Case


class AgentSuite(pytest.Collector):
    """The cases for one agent."""

    agent: AgentUnderTest

    def collect(self) -> Iterator[AgentItem]:
        for case in CASES:
            item: AgentItem = AgentItem.from_parent(self, name=case.name)
            item.agent, item.case = self.agent, case
            yield item


class AgentItem(pytest.Item):
    """One case for one agent; skipped if it needs an ability that the agent does not declare."""

    agent: AgentUnderTest
    case: Case

    def setup(self) -> None:
        if missing := sorted(self.case.needs - self.agent.abilities):
            pytest.skip(f"not declared: {', '.join(missing)}")

    def runtest(self) -> None:
        asyncio.run(self.case.run(self.agent))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """What is required, what was found, and the traceback of the agent's own error, if there is one."""
        error = excinfo.value
        expected = isinstance(error, AssertionError)
        shown = error.__cause__ if expected else error
        traceback = [] if shown is None else ["", *format_exception(shown)]
        return "\n".join([str(error), f"Required: {self.case.run.__doc__}", *traceback])

    def reportinfo(self) -> tuple[PathLike[str] | str, int | None, str]:
        return self.path, None, self.nodeid


def items_of(session: pytest.Session, target: str) -> Sequence[AgentItem]:
    """Makes a test of each case. Raises `UsageError` if there is no such agent."""
    suite: AgentSuite = AgentSuite.from_parent(session, name=target, nodeid=target)
    try:
        suite.agent = load(target)
    except GatewayError as error:
        raise pytest.UsageError(f"--turngate-agent {target}: {error}") from error
    return list(suite.collect())
