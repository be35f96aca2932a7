"""Which webhooks a channel may declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import pytest

from channels.broken import BrokenNetwork
from channels.webhooks import webhooks_of, wrong_webhooks
from gateway.core.model import ChannelName
from gateway.core.ports.webhooks import Webhook, WebhookRequest, WebhookResponse

PIGEON = ChannelName("pigeon")


async def handle(_request: WebhookRequest) -> WebhookResponse:
    return WebhookResponse()


async def knows(_headers: Mapping[str, str]) -> bool:
    return False


def hook(method: Any = "POST", path: str = "/webhooks/pigeon") -> Webhook:
    return Webhook(method, path, handle)


@dataclass(frozen=True)
class Pigeons(BrokenNetwork):
    """A network whose webhooks a test chooses."""

    declared: tuple[Any, ...] = ()

    def webhooks(self) -> tuple[Any, ...]:
        return self.declared


@pytest.mark.parametrize(
    "declared", [(), (hook(),), (hook(), hook("GET")), (hook(path="/webhooks/pigeon/v1/letters.json"),)]
)
def test_fixed_paths_below_the_channels_own_are_taken(declared: tuple[Webhook, ...]) -> None:
    """Each method and path once."""
    network = Pigeons(PIGEON, "", declared)
    assert wrong_webhooks(network, PIGEON) is None
    assert webhooks_of([network, BrokenNetwork(PIGEON, "")]) == list(declared)


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        ((7,), "returned 7; each should be a turngate.Webhook"),
        ((hook("DELETE"),), "the method DELETE; it should be one of GET, POST, PUT"),
        ((hook(path="/webhooks/telegram"),), "should be /webhooks/pigeon or a fixed path below it"),
        ((hook(path="/webhooks/pigeons"),), "'/webhooks/pigeons'"),
        ((hook(path="/webhooks/pigeon/{id}"),), "fixed path"),
        ((hook(path="/webhooks/pigeon/\n"),), "fixed path"),
        (
            (Webhook("POST", "/webhooks/pigeon", handle, cast("Any", knows)),),
            "admits of its webhook /webhooks/pigeon is async",
        ),
        ((hook(), hook()), "declares the webhook POST /webhooks/pigeon twice"),
    ],
)
def test_others_are_refused_with_the_reason(declared: tuple[Any, ...], fault: str) -> None:
    """No channel can take over a route of another, or of the gateway."""
    assert fault in (wrong_webhooks(Pigeons(PIGEON, "", declared), PIGEON) or "")
