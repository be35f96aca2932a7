"""The table of the gateway's chores."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from gateway.app.building.stores import Stores
from gateway.config import Settings
from scheduler.housekeeping import Chore
from storage.replicas.long_transactions import LongTransactions


def chores(settings: Settings, stores: Stores) -> tuple[Chore, ...]:
    """One line each: its name, its interval, and what it does."""
    kept = settings.snapshots
    return (
        Chore("old_snapshots", timedelta(minutes=10), partial(stores.snapshots.clean_up, kept.keep, kept.keep_days)),
        Chore("sent_chunks", timedelta(hours=1), partial(stores.outbox.forget_sent, settings.outbox.keep_days)),
        Chore("erased_visitors", timedelta(days=1), stores.visitors.forget_erased),
        Chore("long_transactions", timedelta(minutes=1), LongTransactions(stores.database).check),
        Chore("old_budget_days", timedelta(days=1), stores.usage.forget_budgets),
        Chore("old_link_codes", timedelta(hours=1), stores.links.forget_codes),
    )
