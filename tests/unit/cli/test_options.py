"""What the command line says about an option's value that it can't use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.shell import forked


@pytest.mark.parametrize(
    ("command", "explanation"),
    [
        ("sessions list --limit abc", "--limit is 'abc'; it should be a whole number from 1 to 200."),
        ("sessions list --limit 201", "--limit is '201'; it should be a whole number from 1 to 200."),
        ("serve --port abc", "--port is 'abc'; it should be a whole number from 0 to 65535."),
        ("serve --port 65536", "--port is '65536'; it should be a whole number from 0 to 65535."),
        ("sessions export s1 --format pdf", "--format is 'pdf'; it should be one of: json, markdown."),
        ("token create --user ann --role king", "--role is 'king'; it should be one of: user, operator."),
        ("sign-in --role king", "--role is 'king'; it should be one of: user, operator."),
    ],
)
async def test_an_invalid_value_is_explained_in_one_sentence(command: str, explanation: str, tmp_path: Path) -> None:
    """It names the option, the value and what is allowed, before the command touches a database."""
    ran = await forked(command.split(), tmp_path, os.environ)
    assert (ran.code, ran.out, ran.err) == (1, "", f"{explanation}\n")
