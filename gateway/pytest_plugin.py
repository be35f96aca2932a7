"""A plugin of pytest: `pytest --turngate-agent my.module:agent` runs the conformance suite on somebody's own agent.

pytest imports it in every environment that has Turngate, so it imports nothing else of it until the option is given.
"""

from __future__ import annotations

from importlib import import_module

import pytest

OPTION = "--turngate-agent"
ITEMS = "turngate.testing.agents.items"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option, which can be repeated."""
    parser.getgroup("turngate").addoption(
        OPTION,
        action="append",
        default=[],
        metavar="AGENT",
        help="run Turngate's conformance suite on this agent: module:object, or its name in turngate.toml; may be repeated",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Adds the cases to the tests."""
    targets: list[str] = config.getoption(OPTION)
    if targets:
        suite = import_module(ITEMS)
        items += [item for target in targets for item in suite.items_of(session, target)]
