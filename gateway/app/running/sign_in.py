"""URLs of the console that sign a user in once."""

from __future__ import annotations

import shlex
from datetime import timedelta
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

from gateway.app.running.slot import running_urls
from gateway.config import DEFAULT_FILE, Settings
from gateway.core.model import UserId
from gateway.core.ports.users.tokens import TokenStore
from gateway.core.tasks.retries import retry_until_answered
from gateway.identity.credentials import digest, new_code

OWNER = UserId("owner")
SIGN_IN_TTL = timedelta(hours=1)
COMMAND = ("turngate", "sign-in")


async def new_sign_in(tokens: TokenStore, url: str, user_id: UserId, role: Literal["user", "operator"]) -> str:
    """Returns the console's URL with a new one-time code."""
    code = new_code()
    await retry_until_answered(partial(tokens.add_code, digest(code), user_id, role, SIGN_IN_TTL))
    return f"{url.rstrip('/')}/?code={code}"


def console_url(settings: Settings) -> tuple[str, bool]:
    """Returns the console's URL, and whether a gateway runs in this data dir; of several, the one on the configured port."""
    found = list(running_urls(settings.data_dir))
    running = next((url for url in found if urlsplit(url).port == settings.port), next(iter(found), None))
    return settings.public_url or running or local_url(settings.host, settings.port), running is not None


def local_url(host: str, port: int) -> str:
    """Returns the URL that reaches a gateway from its own machine."""
    host = "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - comparing only
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def command(settings: Settings) -> str:
    """Returns the command that prints another URL for this gateway, from any folder: it names settings file and data dir."""
    words, file = list(COMMAND), settings.toml
    if file is not None and file != DEFAULT_FILE and file.is_file():
        words += ["--config", str(file.absolute())]
    if settings.data_dir != type(settings).model_fields["data_dir"].default:
        words += ["--data-dir", str(settings.data_dir.absolute())]
    return shlex.join(words)
