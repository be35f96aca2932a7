"""Writes a new agent with a test from the files of a folder beside this one, one folder for each kind."""

from __future__ import annotations

import re
import tomllib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from secrets import token_bytes

from gateway.config import DEFAULT_FILE, NAME_OF_AN_AGENT
from gateway.errors import InvalidInput, SettingsError

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
SECRET_BYTES = 32
KINDS = ("python", "openai", "pydantic_ai", "http")
SETTINGS = "settings.toml.txt"
"""Each file of a start ends in `.txt`, so that no tool takes it for code of the gateway."""


NEXT = ('turngate agents try __NAME__ "hello"', "pytest test___MODULE__.py", "turngate serve")
START: Mapping[str, str] = {"http": "AGENT_SECRET=__SECRET__ python __MODULE__.py"}
"""What has to run before an agent of that kind can answer."""


@dataclass(frozen=True, slots=True)
class NewAgent:
    """What was written. `settings`: what is still to be added to `turngate.toml`; empty if nothing is. `next`: commands to try."""

    name: str
    kind: str
    written: tuple[str, ...]
    settings: str
    next: tuple[str, ...]


def create_agent(name: str, kind: str, folder: Path) -> NewAgent:
    """Writes the files of a start. Raises `InvalidInput`, and writes nothing, if one of them or the agent is there already."""
    if NAME_OF_AN_AGENT.fullmatch(name) is None:
        raise InvalidInput(f"NAME is {name[:70]!r}; it should have at most 64 letters, digits, _, . and -.")
    words = _words(name)
    texts = _texts(kind, words)
    settings = texts.pop(SETTINGS.removesuffix(".txt"))
    settings_file = folder / DEFAULT_FILE
    has_settings = settings_file.exists()
    if has_settings:
        _refuse_known(name, settings_file)
    else:
        texts[str(DEFAULT_FILE)] = settings
    _write({folder / file: text for file, text in texts.items()})
    return NewAgent(
        name=name,
        kind=kind,
        written=tuple(str(folder / file) for file in texts),
        settings=settings if has_settings else "",
        next=tuple(_filled(command, words) for command in (*([START[kind]] if kind in START else []), *NEXT)),
    )


def module_of(name: str) -> str:
    """Returns a module's name that neither Python nor a library is likely to have."""
    plain = re.sub(r"[.-]+", "_", name.lower()).strip("_")
    return f"{plain}_agent" if plain[:1].isalpha() else f"agent_{plain}"


def _words(name: str) -> Mapping[str, str]:
    """What takes the place of the words in the files."""
    return {
        "__NAME__": name,
        "__KEY__": name if BARE_KEY.fullmatch(name) else f'"{name}"',
        "__MODULE__": module_of(name),
        "__SECRET__": f"whsec_{b64encode(token_bytes(SECRET_BYTES)).decode()}",
    }


def _texts(kind: str, words: Mapping[str, str]) -> dict[str, str]:
    """The texts by the names of their files."""
    start = sorted((files(__name__) / kind).iterdir(), key=lambda file: file.name)
    return {_filled(file.name, words).removesuffix(".txt"): _filled(file.read_text("utf-8"), words) for file in start}


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _refuse_known(name: str, file: Path) -> None:
    try:
        agents = tomllib.loads(file.read_text("utf-8")).get("agents", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from None
    if name in agents:
        raise InvalidInput(f"{file} has an agent {name!r} already. Choose another name.")


def _write(texts: Mapping[Path, str]) -> None:
    """All or nothing."""
    for path in texts:
        if path.exists():
            raise InvalidInput(f"{path} is there already, and nothing is overwritten. Move it, or choose another name.")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
