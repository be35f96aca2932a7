"""The webhooks that networks declare, and which ones they may."""

from __future__ import annotations

import re
from collections.abc import Iterable
from inspect import iscoroutinefunction
from typing import get_args

from gateway.core.model import ChannelName
from gateway.core.networks import Network
from gateway.core.ports.webhooks import Webhook, WebhookMethod, WebhookReceiver

METHODS = get_args(WebhookMethod)
BELOW = r"(/[A-Za-z0-9._~-]+)*"


def webhooks_of(networks: Iterable[Network]) -> list[Webhook]:
    """Those of all networks."""
    return [hook for network in networks if isinstance(network, WebhookReceiver) for hook in network.webhooks()]


def wrong_webhooks(network: Network, name: ChannelName) -> str | None:
    """What is wrong with the webhooks of a network, or None; nobody has checked the types of a package."""
    declared: Iterable[object] = network.webhooks() if isinstance(network, WebhookReceiver) else ()
    known: set[tuple[str, str]] = set()
    for hook in declared:
        if not isinstance(hook, Webhook):
            return f"its webhooks() returned {hook!r}; each should be a turngate.Webhook"
        if hook.method not in METHODS:
            return f"its webhook {hook.path} has the method {hook.method}; it should be one of {', '.join(METHODS)}"
        if not re.fullmatch(rf"/webhooks/{name}{BELOW}", hook.path):
            return f"its webhook has the path {hook.path!r}; it should be /webhooks/{name} or a fixed path below it"
        if iscoroutinefunction(hook.admits):
            # What it returns is true, whoever calls.
            return f"admits of its webhook {hook.path} is async; it should be a plain function"
        if (hook.method, hook.path) in known:
            return f"it declares the webhook {hook.method} {hook.path} twice"
        known.add((hook.method, hook.path))
    return None
