"""Which pages may connect."""

from __future__ import annotations

import pytest

from channels.websocket.origin import OriginRule

RULE = OriginRule(("https://shop.example",), "https://chat.example/turngate")


@pytest.mark.parametrize(
    ("origin", "host", "wanted"),
    [
        (None, "127.0.0.1:8080", True),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", True),
        ("http://127.0.0.1:8081", "127.0.0.1:8080", False),
        ("https://inner.example", "inner.example", True),
        ("https://inner.example:443", "inner.example", True),
        ("https://inner.example", "INNER.example:443", True),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("https://chat.example", "10.0.0.7:8080", True),
        ("https://shop.example", "10.0.0.7:8080", True),
        ("https://SHOP.example", "10.0.0.7:8080", True),
        ("http://shop.example", "10.0.0.7:8080", False),
        ("https://shop.example.evil.example", "10.0.0.7:8080", False),
        ("https://evil.example", "10.0.0.7:8080", False),
        ("null", "10.0.0.7:8080", False),
        ("", "10.0.0.7:8080", False),
        ("file://", "10.0.0.7:8080", False),
        ("https://x:notaport", "x:notaport", False),
        ("chrome-extension://abc", "abc", False),
    ],
)
def test_origins(origin: str | None, host: str, wanted: bool) -> None:
    """The gateway's own by Host or public URL, the allowed ones, and programs without an Origin."""
    assert RULE.allows(origin, host) is wanted
