"""Finds what an agent of kind `python` calls."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path

from gateway.core.model import AgentName, Turn
from gateway.errors import SettingsError

Target = Callable[[Turn], object]
"""Returns text, an awaitable of text, or an iterator (asynchronous or not) of text and events."""
SHAPES = "an async function (turn) -> str, an async generator of text, a plain function or a class with run(turn)"


def load_target(name: AgentName, target: str) -> Target:
    """Loads the object named by `package.module:object`; the current folder may contain the module.

    Instantiates a class without arguments. Raises a `SettingsError` that says what is wrong with the target.
    """
    key = f"agents.{name}.target"
    return as_target(key, target, load_object(key, target))


def load_object(key: str, target: str) -> object:
    """The same for an object of any kind; `key`: where the target was given."""
    module_name, _, path = target.partition(":")
    found = _imported(key, target, module_name)
    for part in path.split("."):
        if not hasattr(found, part):
            raise wrong_target(key, target, f"{module_name} has no {path}")
        found = getattr(found, part)
    return found


def _imported(key: str, target: str, module: str) -> object:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        if module == missing or module.startswith(f"{missing}."):
            raise wrong_target(key, target, f"there is no module {missing} in {here}, and none is installed") from error
        raise wrong_target(key, target, f"{module} needs {missing}, which is not installed") from error
    except Exception as error:
        raise wrong_target(key, target, f"importing {module} failed with {type(error).__name__}: {error}") from error


def as_target(key: str, target: str, found: object) -> Target:
    """Returns what is called for each attempt. Raises `SettingsError` if it can't be."""
    if isinstance(found, type):
        try:
            found = found()
        except Exception as error:
            raise wrong_target(
                key, target, f"making an instance failed with {type(error).__name__}: {error}"
            ) from error
    run = getattr(found, "run", found)
    if not callable(run):
        raise wrong_target(key, target, f"it is {type(found).__name__}; it should be {SHAPES}")
    if not _takes_a_turn(run):
        raise wrong_target(key, target, f"it should take exactly one argument, the turn; it should be {SHAPES}")
    return run


def _takes_a_turn(run: Callable[..., object]) -> bool:
    try:
        inspect.signature(run).bind(None)
    except TypeError:
        return False
    except ValueError:  # builtins don't reveal their signature
        return True
    return True


def wrong_target(key: str, target: str, reason: str) -> SettingsError:
    """The error for a target that cannot be used."""
    return SettingsError(f"{key} is {target!r}, but {reason}.")
