"""The settings of an agent behind a URL."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from yarl import URL

from gateway.agents.settings import AgentBase
from gateway.settings import http_url

SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets of Standard Webhooks begin with
SECRET_BYTES = range(24, 65)
"""How long a secret may be (Standard Webhooks, Signature scheme)."""
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
OWN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "idempotency-key",
        "te",
        "transfer-encoding",
        "upgrade",
        "x-turngate-attempt",
    }
)


def plain_url(value: str) -> str:
    """A URL without a password or a fragment."""
    url = URL(http_url(value))
    if url.user is not None or url.password is not None:
        raise ValueError("should contain no user and password; put them into a header")
    if url.fragment:
        raise ValueError("should contain no fragment (#…)")
    return value


def _secret(value: SecretStr | None) -> SecretStr | None:
    if value is None:
        return None
    text = value.get_secret_value()
    if text.startswith(SECRET_PREFIX):
        try:
            key = base64.b64decode(text.removeprefix(SECRET_PREFIX) + "==", validate=False)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) in SECRET_BYTES:
            return value
    raise ValueError(
        "should be whsec_ and 24 to 64 bytes in base64; create one with: echo whsec_$(openssl rand -base64 32)"
    )


def sendable(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    """Headers that can be sent, and are not the gateway's own."""
    for name, value in headers.items():
        if HEADER_NAME.fullmatch(name) is None:
            raise ValueError(f"{name[:100]!r} is not the name of a header")
        if name.lower() in OWN_HEADERS or name.lower().startswith("webhook-"):
            raise ValueError(f"{name} is set by the gateway")
        if not value.get_secret_value().isprintable():
            raise ValueError(f"the value of {name} should be one line of printable characters")
    return headers


class HttpAgentSettings(AgentBase):
    """A server of your own: it receives each turn as a POST, and answers with JSON or a stream of events."""

    kind: Literal["http"]
    url: Annotated[str, AfterValidator(plain_url)] = Field(
        repr=False, description="Where turns are sent. Its path and query are kept out of logs."
    )
    request: Literal["turngate", "ag_ui"] = Field(
        "turngate", description="The form of a turn: the gateway's own, or AG-UI's `RunAgentInput`."
    )
    secret: Annotated[SecretStr | None, AfterValidator(_secret)] = Field(
        None,
        description="Signs requests (Standard Webhooks): `whsec_` and 24 to 64 bytes in base64. Default: unsigned.",
    )
    headers: Annotated[dict[str, SecretStr], AfterValidator(sendable)] = Field(
        default_factory=dict, description="Sent with every request, such as `Authorization`. Values are kept secret."
    )
    allow_private: bool = Field(
        False, description="Whether the server may have a private, loopback or otherwise internal address."
    )
    connect_s: float = Field(10, gt=0, le=600, description="Seconds until a connection is open.")
    first_byte_s: float | None = Field(
        None, gt=0, le=86_400, description="Seconds until the answer begins. Default: the turn's time."
    )
    idle_s: float = Field(120, gt=0, le=86_400, description="Seconds between two pieces of an answer.")
    max_answer: int = Field(
        10_485_760, ge=1_024, le=1_073_741_824, description="Bytes of an answer, its events and JSON included."
    )
