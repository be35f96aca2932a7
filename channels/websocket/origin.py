"""Which pages may open a socket: browsers send no preflight for WebSockets (OWASP ASVS 5.0, 4.4.2)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class OriginRule:
    """Allows the gateway's own pages (by the request's host or the public URL) and those of allowed origins."""

    allowed: Collection[str]
    public_url: str | None

    def allows(self, origin: str | None, host: str) -> bool:
        """`origin` None: not a page; its token decides. `host`: the request's Host header."""
        if origin is None:
            return True
        origin = origin.lower()
        if origin in self.allowed:
            return True
        scheme, separator, _ = origin.partition("://")
        place = _place(origin, scheme)
        if not separator or place is None:
            return False
        # The scheme may differ: TLS often ends at a proxy.
        return place == _place(f"{scheme}://{host.lower()}", scheme) or (
            self.public_url is not None and place == _place(self.public_url.lower(), urlsplit(self.public_url).scheme)
        )


def _place(url: str, scheme: str) -> tuple[str, int] | None:
    if scheme not in DEFAULT_PORTS:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS[scheme]
    except ValueError:
        return None
    return None if parts.hostname is None else (parts.hostname, port)
