"""Budgets: what users and agents may use in a day, checked before each call of an agent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gateway.core.limits.settings import Budget
from gateway.core.measuring.metrics import OVER_BUDGET
from gateway.core.model import AgentName, UserId
from gateway.core.ports.usage import Amount, Spent, UsageStore
from gateway.errors import AgentError

UNLIMITED = Budget()


@dataclass(frozen=True, slots=True)
class BudgetCheck:
    """A turn may begin while each of its budgets has something left, so only turns that run at that time can exceed it.

    `everybody`: of the whole gateway. `each_user`: of every user without one in `users`.
    """

    usage: UsageStore
    everybody: Budget = UNLIMITED
    each_user: Budget = UNLIMITED
    users: Mapping[UserId, Budget] = field(default_factory=dict)
    agents: Mapping[AgentName, Budget] = field(default_factory=dict)

    @property
    def are_set(self) -> bool:
        """Whether there is any budget; without one, no turn needs a check."""
        return any(map(is_limited, (self.everybody, self.each_user, *self.users.values(), *self.agents.values())))

    async def exceeded(self, user_id: UserId, agent: AgentName) -> AgentError | None:
        """Returns why a turn may not begin; None if it may. Raises `StoreUnavailable`."""
        of_user = self.users.get(user_id, self.each_user)
        of_agent = self.agents.get(agent, UNLIMITED)
        if not any(map(is_limited, (self.everybody, of_user, of_agent))):
            return None
        spent = await self.usage.spent_today(user_id, agent)
        for name, reason in _used_up(spent, of_user, of_agent, self.everybody):
            OVER_BUDGET.labels(agent, name).inc()
            return AgentError(f"{reason}; it is renewed at midnight UTC.", retryable=False, error_class="over_budget")
        return None


def is_limited(budget: Budget) -> bool:
    """Whether the budget limits anything."""
    return budget.cost_per_day is not None or budget.tokens_per_day is not None


def _used_up(spent: Spent, user: Budget, agent: Budget, everybody: Budget) -> Iterator[tuple[str, str]]:
    for name, owner, amount, budget in (
        ("user", "The user has", spent.user, user),
        ("agent", "The agent has", spent.agent, agent),
        ("gateway", "All users together have", spent.all, everybody),
    ):
        if (used := _beyond(amount, budget)) is not None:
            yield name, f"{owner} used {used}"


def _beyond(amount: Amount, budget: Budget) -> str | None:
    if budget.cost_per_day is not None and amount.cost >= budget.cost_per_day:
        return f"${amount.cost:.4f} of the ${budget.cost_per_day:g} allowed per day (cost_per_day)"
    if budget.tokens_per_day is not None and amount.tokens >= budget.tokens_per_day:
        return f"{amount.tokens:,} of the {budget.tokens_per_day:,} tokens allowed per day (tokens_per_day)"
    return None
