"""What is written from the gateway's models is as they are now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.wire import described

ROOT = Path(__file__).parents[3]


def test_types_of_the_wire_are_as_the_gateway_has_them() -> None:
    """`make wire` writes the schema of frames and the types of the web clients."""
    check = [sys.executable, str(ROOT / "docs" / "generate_types.py"), "--check"]
    ran = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("kind", ["ServerFrame", "ClientFrame"])
def test_a_frame_that_is_not_described_is_told_apart(kind: str) -> None:
    """The check that all tests' sockets make can fail."""
    assert not described(kind).is_valid({"type": "ready", "session_id": 7})
