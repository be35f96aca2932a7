"""Work that is done when somebody says that there is some."""

from __future__ import annotations

from structlog.testing import capture_logs

from gateway.core.replicas.on_demand import call_each


def test_a_call_that_always_fails_keeps_no_other_from_being_made() -> None:
    """It is logged by its name."""
    made = list[str]()

    def fails() -> None:
        raise LookupError

    with capture_logs() as logs:
        call_each(first=lambda: made.append("first"), broken=fails, last=lambda: made.append("last"))
    assert made == ["first", "last"]
    assert [(line["event"], line["call"]) for line in logs] == [("call_failed", "broken")]
