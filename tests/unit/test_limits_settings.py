"""Settings of limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import load_settings
from gateway.errors import SettingsError


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder without a settings file."""
    monkeypatch.chdir(tmp_path)


def test_strangers_are_limited_and_users_are_not() -> None:
    """These are the defaults; the limit on what users keep open is so high that only a mistake reaches it."""
    limits = load_settings().limits
    assert (limits.requests_per_minute, limits.token_messages_per_minute) == (None, None)
    assert (limits.visitor_requests_per_minute, limits.wrong_tokens_per_minute) == (600, 60)
    assert (limits.streams_per_user, limits.sockets_per_user) == (16, 1000)


def test_zero_is_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TOML has no null, and neither have environment variables."""
    (tmp_path / "turngate.toml").write_text("[limits]\nstreams_per_user = 0\n")
    monkeypatch.setenv("TURNGATE_LIMITS__WRONG_TOKENS_PER_MINUTE", "0")
    limits = load_settings().limits
    assert (limits.streams_per_user, limits.wrong_tokens_per_minute) == (None, None)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("max_frame = 0", "limits.max_frame: "),
        ("sign_ins_per_minute = 0", "limits.sign_ins_per_minute: "),
        ("streams_per_user = -1", "limits.streams_per_user: "),
        ("trusted_proxies = ['proxy']", "should be an address or a network such as 192.0.2.0/24"),
        ("trusted_proxies = ['192.0.2.1/24']", "has host bits set"),
    ],
)
def test_a_limit_that_cannot_be_is_named(tmp_path: Path, toml: str, says: str) -> None:
    """The error says what it should be."""
    (tmp_path / "turngate.toml").write_text(f"[limits]\n{toml}\n")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert says in str(raised.value)


def test_proxies_are_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """As JSON if they come from a variable."""
    monkeypatch.setenv("TURNGATE_LIMITS__TRUSTED_PROXIES", '["192.0.2.1", "2001:db8::/32"]')
    assert load_settings().limits.trusted_proxies == ("192.0.2.1", "2001:db8::/32")
    monkeypatch.setenv("TURNGATE_LIMITS__TRUSTED_PROXIES", "192.0.2.1")
    with pytest.raises(SettingsError, match="JSON list such as"):
        load_settings()
