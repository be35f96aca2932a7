"""Creates and stores API tokens, one-time codes and the gateway's own key."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from pydantic import SecretStr

from gateway.errors import SettingsError

API_TOKEN_PREFIX = "tg_"  # noqa: S105 - the part that is no secret
KEY_BYTES = 32


def new_api_token() -> str:
    """Returns a new API token; only its digest is ever stored."""
    return API_TOKEN_PREFIX + secrets.token_urlsafe(32)


def new_code() -> str:
    """Returns a new one-time code."""
    return secrets.token_urlsafe(24)


def digest(secret: str) -> bytes:
    """SHA-256, which is enough for secrets of 256 random bits: they can't be guessed."""
    return hashlib.sha256(secret.encode()).digest()


def load_secret_key(configured: SecretStr | None, data_dir: Path) -> bytes:
    """Returns the configured key, or the one in the data dir (`secret.key`, mode 0600), created at first use.

    Raises `SettingsError` if a stored key is unusable.
    """
    if configured is not None:
        return configured.get_secret_value().encode()
    path = data_dir / "secret.key"
    if not path.exists():
        _keep_new_key(path)
    key = path.read_bytes()
    if len(key) < KEY_BYTES:
        raise SettingsError(
            f"{path} is too short for a key. Delete it: the gateway then creates a new one, and visitors sign in again."
        )
    return key


def _keep_new_key(path: Path) -> None:
    """Writes a temporary file and links it into place, so that gateways starting together all read the first one's key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"secret.key.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(KEY_BYTES).encode())
            file.flush()
            os.fsync(file.fileno())
        _link_unless_there(draft, path)
    finally:
        draft.unlink()


def _link_unless_there(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return
