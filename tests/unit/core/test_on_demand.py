"""Work that runs when somebody calls for it."""

from __future__ import annotations

from structlog.testing import capture_logs

from gateway.core.replicas.on_demand import call_each


def test_a_call_that_always_fails_keeps_no_other_from_being_made() -> None:
    """Its failure is logged by name."""
    made = list[str]()

    def fails() -> None:
        raise LookupError

    with capture_logs() as logs:
        call_each(first=lambda: made.append("first"), broken=fails, last=lambda: made.append("last"))
    assert made == ["first", "last"]
    assert [(line["event"], line["call"]) for line in logs] == [("call_failed", "broken")]
