"""The table of the gateway's own chores."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from channels.telegram.access import mapped
from gateway.app.stores import Stores
from gateway.config import Settings
from gateway.core.erasure import Erasure
from scheduler.housekeeping import Chore


def chores(settings: Settings, stores: Stores, erasure: Erasure) -> tuple[Chore, ...]:
    """One line each: its name, how often, and what to do."""
    kept = settings.snapshots
    return (
        Chore("old_snapshots", timedelta(minutes=10), partial(stores.snapshots.clean_up, kept.keep, kept.keep_days)),
        Chore("sent_chunks", timedelta(hours=1), partial(stores.outbox.forget_sent, settings.outbox.keep_days)),
        Chore("erasures", timedelta(seconds=30), erasure.take_over),
        Chore("erased_visitors", timedelta(days=1), stores.visitors.forget_erased),
        # Often: until then a conversation of the user's may be heard by somebody who was unlinked.
        Chore("ended_links", timedelta(seconds=2), partial(stores.links.leave_again, mapped(settings.telegram))),
        Chore("old_link_codes", timedelta(hours=1), stores.links.forget_codes),
    )
