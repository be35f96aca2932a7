"""What agents may ask, and how their choices read where there are no buttons. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import orjson

from gateway.core.content.cleaning import clean, clean_list, clean_object
from gateway.core.events import ApprovalRequest, Choices
from gateway.core.model import JsonValue
from gateway.errors import AgentError

MOST_CHOICES = 10
LONGEST_CHOICE = 100  # characters
LONGEST_QUESTION = 4_000  # characters
LONGEST_NAME = 200  # characters of a tool's name or a call's id
LARGEST_INPUT = 65_536  # bytes of a tool's input, and of `resume`, as JSON
LONGEST_WAIT_S = 366 * 86_400.0


def checked(request: ApprovalRequest) -> ApprovalRequest:
    """Returns the request as it is stored. Raises an `AgentError` that names the broken rule."""
    text, choices = clean(request.text).strip(), _choices(request.choices, "ApprovalRequest.choices")
    if not 1 <= len(text) <= LONGEST_QUESTION:
        raise _broken("ApprovalRequest.text", f"1 to {LONGEST_QUESTION} characters")
    default = None if request.default is None else clean(request.default).strip()
    if default is not None and default not in choices:
        raise _broken("ApprovalRequest.default", "one of the choices")
    if request.expires_in is not None and not 0 < request.expires_in <= LONGEST_WAIT_S:
        raise _broken("ApprovalRequest.expires_in", "a number of seconds, more than 0 and at most a year")
    for name, json in (("input", request.input), ("resume", request.resume)):
        if _size(json) > LARGEST_INPUT:
            raise _broken(f"ApprovalRequest.{name}", f"at most {LARGEST_INPUT} bytes as JSON")
    [resume] = clean_list([request.resume])
    return replace(
        request,
        text=text,
        choices=choices,
        default=default,
        call_id=clean(request.call_id)[:LONGEST_NAME],
        tool=clean(request.tool)[:LONGEST_NAME],
        input=clean_object(request.input),
        resume=resume,
    )


def options_of(choices: Choices) -> tuple[str, ...]:
    """Returns the options as they are stored. Raises an `AgentError` that names the broken rule."""
    return _choices(choices.options, "Choices.options")


def numbered(choices: Sequence[str]) -> str:
    """Choices that can be answered by their number."""
    return "\n".join(f"{number}. {choice}" for number, choice in enumerate(choices, 1))


def listed(options: Sequence[str]) -> str:
    """Options that can be answered by their words."""
    return "\n".join(f"- {option}" for option in options)


def _choices(given: Sequence[str], name: str) -> tuple[str, ...]:
    choices = tuple(clean(choice).strip() for choice in given)
    if not 1 <= len(choices) <= MOST_CHOICES or not all(1 <= len(choice) <= LONGEST_CHOICE for choice in choices):
        raise _broken(name, f"1 to {MOST_CHOICES} texts of 1 to {LONGEST_CHOICE} characters")
    if len({choice.casefold() for choice in choices}) < len(choices):
        raise _broken(name, "texts that differ from each other in more than upper and lower case")
    return choices


def _size(json: JsonValue) -> int:
    try:
        return len(orjson.dumps(json))
    except TypeError as error:
        raise AgentError(
            f"The agent's ApprovalRequest holds something that is not JSON: {error}.", retryable=False
        ) from None


def _broken(name: str, rule: str) -> AgentError:
    return AgentError(f"The agent's {name} should be {rule}.", retryable=False)
