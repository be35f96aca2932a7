"""Tokens and the gateway's own key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.errors import SettingsError
from gateway.identity.credentials import digest, load_secret_key, new_api_token
from gateway.log import redact


def test_tokens_differ_and_are_recognised_as_secrets() -> None:
    """They have 256 random bits each, and logs omit them."""
    first, second = new_api_token(), new_api_token()
    assert first != second
    assert len(digest(first)) == 32
    assert first not in redact(f"token {first} was refused")


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    """Mode 0600; the next start finds the same key."""
    key = load_secret_key(None, tmp_path / "data")
    assert load_secret_key(None, tmp_path / "data") == key
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret.key"]


def test_gateways_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    """The second one reads what the first one wrote."""
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: load_secret_key(None, tmp_path), range(32)))) == 1


def test_a_configured_key_is_used_as_it_is(tmp_path: Path) -> None:
    """No file is written."""
    assert load_secret_key(SecretStr("k" * 40), tmp_path) == b"k" * 40
    assert list(tmp_path.iterdir()) == []


def test_a_broken_key_file_is_named(tmp_path: Path) -> None:
    """With the remedy."""
    (tmp_path / "secret.key").write_bytes(b"short")
    with pytest.raises(SettingsError, match=r"secret\.key is too short .* Delete it"):
        load_secret_key(None, tmp_path)
