"""The table of networks that can be switched on. To add one, create a folder beside this file and a line in `NETWORKS`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

from pydantic import BaseModel

from channels.broken import BrokenNetwork
from channels.installed import BrokenPackage, installed_kind, installed_names, validated
from channels.settings import NetworkSettings
from channels.webhooks import wrong_webhooks
from gateway.core.model import API, SCHEDULED, TERMINAL, WEB, ChannelName
from gateway.core.networks import ChannelKind, ChannelParts, Network
from gateway.core.user_ids import UserIds
from gateway.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Listing:
    """`kind`: `package.module:object`, a `ChannelKind`, imported on first use. `settings`: None while it is off.

    `off`: how to switch it on. `reserves_its_name`: whether people without a link are `<name>:<id>`, so that no login may use
    such an id; otherwise they are `visitor:<name>:<id>`, which is safe to introduce where logins already exist.
    """

    kind: str
    settings: Callable[[NetworkSettings], BaseModel | None]
    off: str
    reserves_its_name: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """A network that is switched on, with settings from which its kind can be built."""

    name: ChannelName
    kind: ChannelKind[BaseModel]
    settings: BaseModel


MEMBERS = ("name", "status", "render", "ready", "deliver", "typing", "run", "close")
"""The members of a network; nobody has checked the types of a package."""
NETWORKS: Mapping[ChannelName, Listing] = {
    ChannelName("telegram"): Listing(
        "channels.telegram.channel:KIND",
        lambda settings: None if settings.telegram.token is None else settings.telegram,
        "The Telegram channel is off. The administrator turns it on by setting TURNGATE_TELEGRAM__TOKEN.",
        reserves_its_name=True,
    ),
}
USER_IDS = UserIds.reserving(name for name, listing in NETWORKS.items() if listing.reserves_its_name)


def known_channels() -> tuple[ChannelName, ...]:
    """Every channel that a session may have here, including networks that are off."""
    return (WEB, *NETWORKS, SCHEDULED, TERMINAL, API, *installed_names())


def switched_off(settings: NetworkSettings) -> Mapping[ChannelName, str]:
    """How to switch on built-in networks that are off."""
    return {name: listing.off for name, listing in NETWORKS.items() if listing.settings(settings) is None}


def chosen_networks(settings: NetworkSettings) -> Iterator[Chosen | BrokenPackage]:
    """All networks that are switched on. Raises `SettingsError` for settings of an unknown network, or from which it can't be built."""
    for name, listing in NETWORKS.items():
        if (own := listing.settings(settings)) is not None:
            yield Chosen(name, _kind(listing), own)
    for key, given in settings.channels.items():
        yield _installed(ChannelName(key), given)


def open_networks(settings: NetworkSettings, parts: ChannelParts) -> list[Network]:
    """Builds all networks that are switched on, not yet running; an installed one that can't be built stays `failed` and says why.

    Raises `SettingsError`.
    """
    return [_opened(chosen, parts) for chosen in chosen_networks(settings)]


def _opened(chosen: Chosen | BrokenPackage, parts: ChannelParts) -> Network:
    if isinstance(chosen, BrokenPackage):
        return BrokenNetwork(chosen.name, chosen.reason)
    try:
        network = chosen.kind.build(chosen.settings, parts)
        wrong = _wrong_with(network, chosen.name)
    except SettingsError:
        raise
    except Exception as error:
        if chosen.name in NETWORKS:
            raise
        return BrokenNetwork(chosen.name, f"building it failed with {type(error).__name__}: {error}")
    return network if wrong is None else BrokenNetwork(chosen.name, wrong)


def _wrong_with(network: Network, name: ChannelName) -> str | None:
    if missing := [each for each in MEMBERS if not hasattr(network, each)]:
        return f"{type(network).__name__} does not implement turngate.Network: it lacks {', '.join(missing)}"
    if network.name != name:
        return f"it calls itself {network.name}; the entry point and the network need one name"
    return wrong_webhooks(network, name)


def _installed(name: ChannelName, given: Mapping[str, object]) -> Chosen | BrokenPackage:
    if name not in installed_names():
        raise SettingsError(_missing(name, installed_names()))
    kind = installed_kind(name)
    return kind if isinstance(kind, BrokenPackage) else Chosen(name, kind, validated(name, kind, given))


def _missing(name: str, installed: Collection[ChannelName]) -> str:
    if name in NETWORKS:
        return f"channels.{name}: this channel's settings belong in [{name}]."
    there = f"There are: {', '.join(installed)}" if installed else "None is installed"
    return f"channels.{name}: no installed package brings a channel of that name. {there}; install the package, or remove the key."


def _kind(listing: Listing) -> ChannelKind[BaseModel]:
    module, _, path = listing.kind.partition(":")
    kind: ChannelKind[BaseModel] = getattr(import_module(module), path)
    return kind
