"""Writes `docs/settings.md` from the fields of `gateway.config`; `--check` only says whether it is current."""

from __future__ import annotations

import sys
import types
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from gateway.agents.registry import AgentSettings
from gateway.config import PREFIX, Settings
from gateway.core.limits.settings import Limits

PAGE = Path(__file__).with_name("settings.md")
INTRODUCTION = """# Settings

<!-- Written by docs/generate_settings.py from the settings.py of each room. -->

Settings come from `turngate.toml` in the working folder (or `--config F`, or `TURNGATE_CONFIG`). Environment variables override the
file, and the command line overrides both. No setting is required. In variables, lists and tables are written as JSON. An unknown key, a
wrong type or an impossible combination stops the start with a message that names the key and says what it should be.

```toml
default_agent = "assistant"

[telegram]
access = "allowlist"
allow = ["123456789=mia"]

[agents.assistant]
kind = "demo"
```
"""
AGENTS = """
## Agents

`[agents.NAME]` configures an agent. The name has at most 64 letters, digits, `_`, `.` and `-`. Without any, there is one agent
`assistant` of kind `demo`. As a variable: `TURNGATE_AGENTS='{"assistant": {"kind": "demo"}}'`.
"""
PLAIN = {str: "text", int: "integer", float: "number", bool: "true or false", SecretStr: "secret text", Path: "path"}


def page() -> str:
    """The whole reference."""
    groups = [(name, field) for name, field in Settings.model_fields.items() if _group(field) is not None]
    single = {
        name: field for name, field in Settings.model_fields.items() if _group(field) is None and name != "agents"
    }
    parts = [INTRODUCTION, "\n## Top level\n", *_table(PREFIX, single)]
    for name, field in groups:
        group = _group(field)
        if group is not None:
            parts += [f"\n## `[{name}]`\n", f"\n{_first_paragraph(group)}\n"]
            parts += _table(f"{PREFIX}{name.upper()}__", group.model_fields, may_be_zero=_optional_limits(group))
    parts.append(AGENTS)
    for kind in get_args(get_args(AgentSettings)[0]):
        name = get_args(kind.model_fields["kind"].annotation)[0]
        fields = {key: field for key, field in kind.model_fields.items() if key != "kind"}
        parts += [f'\n### `kind = "{name}"`\n', f"\n{_first_paragraph(kind)}\n", *_table("", fields)]
    return "".join(parts)


def _group(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _optional_limits(group: type[BaseModel]) -> Collection[str]:
    return Limits.optional() if group is Limits else ()


def _first_paragraph(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().partition("\n\n")[0]


def _table(prefix: str, fields: dict[str, FieldInfo], may_be_zero: Collection[str] = ()) -> Iterator[str]:
    yield f"\n| key |{' variable |' if prefix else ''} type | default | |\n|---|{'---|' if prefix else ''}---|---|---|\n"
    for name, field in fields.items():
        variable = f" `{prefix}{name.upper()}` |" if prefix else ""
        zero = ", or 0" if name in may_be_zero else ""
        text = (field.description or "").replace("|", "\\|")
        yield f"| `{name}` |{variable} {_type(field.annotation)}{_range(field)}{zero} | {_default(field)} | {text} |\n"


def _type(kind: object) -> str:
    origin = get_origin(kind)
    if origin is Annotated:
        return _type(get_args(kind)[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in get_args(kind))
    if origin in {types.UnionType, Union}:
        return " or ".join(_type(part) for part in get_args(kind) if part is not types.NoneType)
    if origin is dict:
        return "table"
    if origin is tuple:
        return f"list of {_type(get_args(kind)[0])}"
    return PLAIN[kind] if isinstance(kind, type) and kind in PLAIN else str(kind)


def _range(field: FieldInfo) -> str:
    bounds = {
        name: value
        for rule in field.metadata
        for name in ("gt", "ge", "le")
        if (value := getattr(rule, name, None)) is not None
    }
    words = {"gt": "more than", "ge": "from", "le": "to"}
    told = " ".join(f"{words[name]} {value:,}" for name, value in bounds.items())
    return f", {told}" if told else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True, validated_data={})
    if default in (None, ()):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def main() -> int:
    """Exit code 1 when `--check` finds the page out of date."""
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == page()
    print("docs/settings.md is current." if current else "docs/settings.md is old: python docs/generate_settings.py")  # noqa: T201
    return 0 if current else 1


if __name__ == "__main__":
    sys.exit(main())
