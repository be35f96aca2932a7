"""Kinds of agents from installed packages, by entry points of the group `turngate.agents`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint
from pkgutil import iter_modules
from typing import cast

from pydantic import ValidatorFunctionWrapHandler
from pydantic_core import PydanticKnownError

import gateway.agents
from gateway.agents.settings import AgentBase
from gateway.core.model import AgentName
from gateway.core.ports.agents import Agent, AgentKind
from gateway.entry_points import entry_points_of, package_of
from gateway.errors import SettingsError
from gateway.settings import AgentSettings

GROUP = "turngate.agents"
NAME = re.compile(r"[a-z][a-z0-9_]{1,31}")
WANTED = "a turngate.AgentKind whose settings derive from turngate.AgentSettings"
Kind = AgentKind[AgentSettings]


class InstalledAgentSettings(AgentBase):
    """What every agent has. The settings of a kind from a package derive from this and from the package's own model."""

    kind: str


@dataclass(frozen=True, slots=True)
class BrokenKind:
    """A kind that is unusable. `reason` says what is wrong."""

    name: str
    reason: str


def installed_names() -> tuple[str, ...]:
    """The kinds of installed packages with acceptable names, usable or not; imports nothing."""
    names = {point.name for point in entry_points_of(GROUP)}
    return tuple(name for name in sorted(names) if NAME.fullmatch(name) and name not in _taken())


def broken_kinds() -> list[BrokenKind]:
    """Kinds that no agent can have, whatever the settings."""
    misnamed = sorted({point.name for point in entry_points_of(GROUP)} - set(installed_names()))
    found = [BrokenKind(name, _misnamed(name)) for name in misnamed]
    return found + [kind for name in installed_names() if isinstance(kind := installed_kind(name), BrokenKind)]


def installed_kind(name: str) -> Kind | BrokenKind:
    """Returns what the package offers under that name."""
    points = [point for point in entry_points_of(GROUP) if point.name == name]
    if len(points) > 1:
        packages = " and ".join(sorted(map(package_of, points)))
        return BrokenKind(name, f"{packages} bring a kind of agent of this name; uninstall all but one")
    return _loaded(name, points[0])


def own_or_installed(given: object, own: ValidatorFunctionWrapHandler) -> object:
    """Validates the settings of an agent: those of a package's kind by its model, others by `own`."""
    kind = given.get("kind") if isinstance(given, Mapping) else None
    if isinstance(kind, str) and kind in installed_names():
        return _model_of(kind).model_validate(given)
    if isinstance(kind, str) and kind not in _own_kinds() and installed_names():
        known = ", ".join(f"'{name}'" for name in (*_own_kinds(), *installed_names()))
        raise PydanticKnownError("union_tag_invalid", {"discriminator": "'kind'", "tag": kind, "expected_tags": known})
    return own(given)


def build_installed(name: AgentName, settings: object) -> Agent | None:
    """Builds an agent of a package's kind; returns None for any other. Raises `SettingsError`, whatever the package raises."""
    if not isinstance(settings, InstalledAgentSettings):
        return None
    found = installed_kind(settings.kind)
    if isinstance(found, BrokenKind):
        raise SettingsError(f"agents.{name}: kind {settings.kind} cannot be used: {found.reason}.")
    try:
        agent = found.build(name, cast("AgentSettings", settings))
    except SettingsError:
        raise
    except Exception as error:
        raise SettingsError(f"agents.{name}: building it failed with {type(error).__name__}: {error}") from error
    if not callable(getattr(agent, "run", None)):
        raise SettingsError(
            f"agents.{name}: kind {settings.kind} built {type(agent).__name__}, which has no run(turn)."
        )
    return agent


def _model_of(name: str) -> type[InstalledAgentSettings]:
    """Raises `ValueError` if the kind cannot be used."""
    kind = installed_kind(name)
    if isinstance(kind, BrokenKind):
        raise ValueError(f"kind {name} cannot be used: {kind.reason}")  # noqa: TRY004 - pydantic takes it for a message
    return _combined(name, kind.settings)


@lru_cache(maxsize=64)
def _combined(name: str, own: type[AgentSettings]) -> type[InstalledAgentSettings]:
    """The package's keys and those that every agent has, in one model."""
    combined = type(f"{own.__name__}Of{name.title()}", (own, InstalledAgentSettings), {})
    return cast("type[InstalledAgentSettings]", combined)


def _loaded(name: str, point: EntryPoint) -> Kind | BrokenKind:
    try:
        kind = point.load()
    except Exception as error:  # noqa: BLE001 - whatever a package does on import, it only affects its own kind
        reason = f"importing {point.value} of {package_of(point)} failed with {type(error).__name__}: {error}"
        return BrokenKind(name, reason)
    if not isinstance(kind, AgentKind) or not issubclass(kind.settings, AgentSettings):
        return BrokenKind(name, f"{point.value} of {package_of(point)} is {type(kind).__name__}; it should be {WANTED}")
    if taken := sorted(set(kind.settings.model_fields) & {*AgentBase.model_fields, "kind"}):
        return BrokenKind(name, f"{package_of(point)} has keys that every agent has: {', '.join(taken)}")
    return kind


def _own_kinds() -> tuple[str, ...]:
    return tuple(module.name for module in iter_modules(gateway.agents.__path__) if module.ispkg)


def _taken() -> frozenset[str]:
    return frozenset(module.name for module in iter_modules(gateway.agents.__path__))


def _misnamed(name: str) -> str:
    if name in _taken():
        return "this name is the gateway's own; the package has to choose another"
    return "a kind's name has 2 to 32 lower-case letters, digits and _, and begins with a letter; the package has to change it"
