"""The SDK's options for a run: the settings on top of the author's own."""

from __future__ import annotations

import inspect
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias

from claude_agent_sdk import ClaudeAgentOptions

from gateway.agents.claude.settings import ClaudeAgentSettings
from gateway.agents.python.target import load_object, wrong_target
from gateway.core.model import AgentName, Turn
from gateway.errors import AgentError, SettingsError

Target: TypeAlias = Callable[[Turn], ClaudeAgentOptions | Awaitable[ClaudeAgentOptions]]
FEW_RETRIES = "2"
"""The gateway makes another attempt itself."""
PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_",
    "TZ",
    "TMPDIR",
    "SSL_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
)
PROVIDERS = ("ANTHROPIC_", "CLAUDE_", "AWS_", "GOOGLE_", "CLOUD_ML_", "VERTEX_", "AZURE_")
"""Variables that the SDK's program gets. The gateway's own secrets are not among them: tools could read them."""


def options_from(name: AgentName, settings: ClaudeAgentSettings) -> Target:
    """Raises `SettingsError` for a target that is neither options nor a function of a turn."""
    if settings.target is None:
        return _nothing_else
    key = f"agents.{name}.target"
    found = load_object(key, settings.target)
    if isinstance(found, ClaudeAgentOptions):
        return lambda _turn: found
    if not callable(found):
        raise wrong_target(key, settings.target, f"it is {type(found).__name__}; it should be ClaudeAgentOptions")
    return found


async def options_of(name: AgentName, target: Target, settings: ClaudeAgentSettings, turn: Turn) -> ClaudeAgentOptions:
    """Raises `AgentError` if the author's function returns something else."""
    given = target(turn)
    own = await given if inspect.isawaitable(given) else given
    if not isinstance(own, ClaudeAgentOptions):
        raise AgentError(
            f"agents.{name}.target returned {type(own).__name__}; it should return ClaudeAgentOptions.", retryable=False
        )
    return replace(
        own,
        model=settings.model or own.model,
        system_prompt=own.system_prompt if settings.instructions is None else settings.instructions,
        tools=[*settings.tools] if settings.tools or own.tools is None else own.tools,
        allowed_tools=[*own.allowed_tools, *settings.allowed_tools],
        permission_mode=own.permission_mode or "dontAsk",
        max_turns=settings.max_turns or own.max_turns,
        cwd=settings.folder or own.cwd,
        # Neither the settings of whoever runs the gateway nor those of a folder.
        setting_sources=[] if own.setting_sources is None else own.setting_sources,
        strict_mcp_config=True,
        include_partial_messages=True,
        env={**environment(settings), **own.env},
    )


def environment(settings: ClaudeAgentSettings) -> dict[str, str]:
    """Returns the variables of the SDK's program that differ from the gateway's own."""
    hidden = {key: "" for key in os.environ if not key.upper().startswith((*PASSED_ON, *PROVIDERS))}
    server = {} if settings.base_url is None else {"ANTHROPIC_BASE_URL": settings.base_url}
    key = {} if settings.api_key is None else {"ANTHROPIC_API_KEY": settings.api_key.get_secret_value()}
    quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "CLAUDE_CODE_MAX_RETRIES": FEW_RETRIES}
    return {**hidden, **quiet, **server, **key}


def require_key(name: AgentName, settings: ClaudeAgentSettings) -> None:
    """Raises `SettingsError` if no key is set for a server that needs one."""
    known = any(key in os.environ for key in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"))
    elsewhere = any(os.environ.get(f"CLAUDE_CODE_USE_{cloud}") for cloud in ("BEDROCK", "VERTEX", "FOUNDRY"))
    if settings.api_key is None and settings.base_url is None and settings.target is None and not (known or elsewhere):
        raise SettingsError(f"agents.{name}.api_key is missing. Set it, or the variable ANTHROPIC_API_KEY.")


def _nothing_else(_turn: Turn) -> ClaudeAgentOptions:
    return ClaudeAgentOptions()
