"""Calls of a gateway's stores that go through a function of the test: to hold them up, to break them, or to act in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from functools import partial
from typing import Any, get_type_hints

from gateway.app.building.seams import Seams
from gateway.app.building.stores import Stores

Call = Callable[..., Awaitable[Any]]
"""A call of a store."""
Detour = Callable[..., Awaitable[Any]]
"""Gets the `Call` that would have been made, then its arguments."""
PORTS = get_type_hints(Stores)
"""The port of each store."""
NOT_STORES = frozenset({"database", "of_its_own"})


class Detours:
    """Stands before every store of a gateway. Calls that no test has diverted go straight on."""

    def __init__(self) -> None:
        self._detours: dict[tuple[str, str], Detour] = {}

    @property
    def seams(self) -> Seams:
        """What a gateway is started with to pass here."""
        return Seams(stores=self._before)

    def divert(self, store: str, call: str, detour: Detour) -> None:
        """From now on the gateway's calls of `stores.<store>.<call>` go through `detour`."""
        assert hasattr(PORTS[store], call), f"{PORTS[store].__name__} has no {call}"
        self._detours[store, call] = detour

    def end(self, store: str, call: str) -> None:
        """That call goes straight on again."""
        del self._detours[store, call]

    def _before(self, stores: Stores) -> Stores:
        names = [field.name for field in fields(stores) if field.name not in NOT_STORES]
        found: dict[str, Any] = {name: _Watched(name, getattr(stores, name), self._detours) for name in names}
        return replace(stores, **found)


class _Watched:
    """A store whose calls look for a detour at the moment they are made."""

    def __init__(self, name: str, store: object, detours: dict[tuple[str, str], Detour]) -> None:
        self._name = name
        self._store = store
        self._detours = detours

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return partial(self._goes, name, found) if callable(found) else found

    def _goes(self, name: str, call: Callable[..., Any], *asked: Any, **more: Any) -> Any:
        detour = self._detours.get((self._name, name))
        return call(*asked, **more) if detour is None else detour(call, *asked, **more)
