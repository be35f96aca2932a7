"""Which budget a turn is refused by, and what the operator reads."""

from __future__ import annotations

import pytest

from gateway.core.limits.budgets import BudgetCheck
from gateway.core.limits.settings import Budget, Budgets
from gateway.core.model import AgentName, UserId
from gateway.core.ports.usage import Amount, Spent, UsageQuery, UsageSummary

MIA, TOM, AGENT = UserId("mia"), UserId("tom"), AgentName("assistant")


class Store:
    """A user has used 100 tokens for $1, the agent twice as much, everybody three times."""

    def __init__(self) -> None:
        self.asked = 0

    async def spent_today(self, user_id: UserId, agent: AgentName) -> Spent:
        assert agent == AGENT
        assert user_id in {MIA, TOM}
        self.asked += 1
        return Spent(Amount(100, 1.0), Amount(200, 2.0), Amount(300, 3.0))

    async def summary(self, query: UsageQuery) -> UsageSummary:
        raise NotImplementedError

    async def add_up(self, limit: int) -> int:
        raise NotImplementedError

    async def forget_budgets(self) -> None:
        raise NotImplementedError


def check(given: dict[str, object], agent: dict[str, object]) -> BudgetCheck:
    """A check by the settings `[budgets]`, and the budget of an agent."""
    budgets = Budgets.model_validate(given)
    users = {UserId(name): budget for name, budget in budgets.users.items()}
    return BudgetCheck(Store(), budgets, budgets.each_user, users, {AGENT: Budget.model_validate(agent)})


@pytest.mark.parametrize(
    ("given", "agent", "reason"),
    [
        ({"user_tokens_per_day": 100}, {}, "The user has used 100 of the 100 tokens"),
        ({"user_tokens_per_day": 101}, {}, None),
        ({"user_cost_per_day": 1}, {}, "The user has used $1.0000 of the $1 "),
        ({"user_cost_per_day": 1.01}, {}, None),
        ({}, {"tokens_per_day": 200}, "The agent has used 200 of the 200 tokens"),
        ({}, {"cost_per_day": 2.01}, None),
        ({"cost_per_day": 3}, {}, "All users together have used $3.0000"),
        ({"tokens_per_day": 301}, {}, None),
        ({"user_cost_per_day": 5, "users": {"mia": {"tokens_per_day": 50}}}, {}, "The user has used 100 of the 50"),
        ({"user_cost_per_day": 0.5, "users": {"mia": {}}}, {}, None),
    ],
)
async def test_a_budget_is_used_up_when_nothing_is_left(
    given: dict[str, object], agent: dict[str, object], reason: str | None
) -> None:
    """What was used reaches the limit; a budget for one user replaces that for each."""
    error = await check(given, agent).exceeded(MIA, AGENT)
    assert (error is None) == (reason is None), error
    assert reason is None or (reason in str(error) and error is not None and error.error_class == "over_budget")


async def test_nothing_is_read_for_a_turn_without_a_budget() -> None:
    """Another user's budget costs nobody else a query."""
    budgets = check({"users": {"tom": {"tokens_per_day": 1}}}, {})
    assert budgets.are_set
    assert await budgets.exceeded(MIA, AGENT) is None
    assert isinstance(budgets.usage, Store)
    assert budgets.usage.asked == 0
    assert await budgets.exceeded(TOM, AGENT) is not None
    assert not check({}, {}).are_set
