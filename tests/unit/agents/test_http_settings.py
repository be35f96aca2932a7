"""The settings of an agent behind a URL: what is refused, and with which words."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.agents.http.settings import HttpAgentSettings

GOOD = {"kind": "http", "url": "https://agent.example/turn"}


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"url": "agent.example"}, "should be a URL"),
        ({"url": "https://mia:pass@agent.example/"}, "no user and password"),
        ({"url": "https://agent.example/#top"}, "no fragment"),
        ({"secret": "password"}, "whsec_"),
        ({"secret": "whsec_c2hvcnQ="}, "24 to 64 bytes"),
        ({"secret": "whsec_ß"}, "24 to 64 bytes"),
        ({"headers": {"Webhook-Id": "x"}}, "set by the gateway"),
        ({"headers": {"Content-Length": "7"}}, "set by the gateway"),
        ({"headers": {"Bad Name": "x"}}, "not the name of a header"),
        ({"headers": {"X-Two": "a\r\nX-Three: b"}}, "one line"),
    ],
)
def test_refused(keys: dict[str, object], words: str) -> None:
    """Each says what it should be."""
    with pytest.raises(ValidationError, match=words):
        HttpAgentSettings.model_validate({**GOOD, **keys})


def test_good() -> None:
    """With and without a secret; the secret and the URL's path are in no representation."""
    settings = HttpAgentSettings.model_validate(
        {**GOOD, "secret": "whsec_" + "c2VjcmV0" * 5, "headers": {"X-Key": "k-1234"}}
    )
    assert not any(secret in repr(settings) for secret in ("c2VjcmV0", "k-1234", "/turn"))
