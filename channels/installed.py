"""Networks from installed packages, by entry points of the group `turngate.channels`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pkgutil import iter_modules

from pydantic import BaseModel, ValidationError

import channels
from gateway.core.model import OWN_CHANNELS, ChannelName
from gateway.core.networks import ChannelKind
from gateway.core.user_ids import VISITOR
from gateway.entry_points import entry_points_of, package_of
from gateway.errors import SettingsError
from gateway.wrong_settings import wrong_settings

GROUP = "turngate.channels"
NAME = re.compile(r"[a-z][a-z0-9_]{1,31}")


@dataclass(frozen=True, slots=True)
class BrokenPackage:
    """A package whose channel is unusable. `reason` says what is wrong."""

    name: ChannelName
    reason: str


def installed_names() -> tuple[ChannelName, ...]:
    """The channels of installed packages with acceptable names, usable or not; imports nothing."""
    names = {point.name for point in _points()}
    return tuple(ChannelName(name) for name in sorted(names) if NAME.fullmatch(name) and name not in _taken())


def broken_packages() -> list[BrokenPackage]:
    """Packages whose channels can't be switched on, whatever the settings."""
    misnamed = sorted({point.name for point in _points()} - set(installed_names()))
    found = [BrokenPackage(ChannelName(name), _misnamed(name)) for name in misnamed]
    return found + [kind for name in installed_names() if isinstance(kind := installed_kind(name), BrokenPackage)]


def installed_kind(name: ChannelName) -> ChannelKind[BaseModel] | BrokenPackage:
    """Returns what the package offers under that name."""
    points = [point for point in _points() if point.name == name]
    if len(points) > 1:
        packages = " and ".join(sorted(package_of(point) for point in points))
        return BrokenPackage(name, f"{packages} bring a channel of this name; uninstall all but one")
    return _loaded(name, points[0])


def validated(name: ChannelName, kind: ChannelKind[BaseModel], given: Mapping[str, object]) -> BaseModel:
    """Validates the settings of `[channels.NAME]`. Raises a `SettingsError` that names each wrong key."""
    try:
        return kind.settings.model_validate(dict(given))
    except ValidationError as error:
        wrong = wrong_settings(error, kind.settings, ("channels", name))
        raise SettingsError(f"Settings cannot be used:\n{wrong}") from None


def _loaded(name: ChannelName, point: EntryPoint) -> ChannelKind[BaseModel] | BrokenPackage:
    try:
        kind = point.load()
    except Exception as error:  # noqa: BLE001 - whatever a package does on import, it only affects its own channel
        return BrokenPackage(
            name, f"importing {point.value} of {package_of(point)} failed with {type(error).__name__}: {error}"
        )
    if not isinstance(kind, ChannelKind) or not issubclass(kind.settings, BaseModel):
        wanted = "a turngate.ChannelKind whose settings are a pydantic model"
        return BrokenPackage(
            name, f"{point.value} of {package_of(point)} is {type(kind).__name__}; it should be {wanted}"
        )
    return kind


def _taken() -> frozenset[str]:
    """Names that the gateway uses itself, also for its users and for the folders of its own channels."""
    return frozenset({*OWN_CHANNELS, VISITOR.rstrip(":"), *(module.name for module in iter_modules(channels.__path__))})


def _points() -> list[EntryPoint]:
    return entry_points_of(GROUP)


def _misnamed(name: str) -> str:
    if name in _taken():
        return "this name is the gateway's own; the package has to choose another"
    return "a channel's name has 2 to 32 lower-case letters, digits and _, and begins with a letter; the package has to change it"
