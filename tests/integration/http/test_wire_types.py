"""Files generated from the gateway's models are up to date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.wire import described

ROOT = Path(__file__).parents[3]


def test_generated_types_match_the_models() -> None:
    """`make wire` writes the schema of frames and the web clients' types."""
    check = [sys.executable, str(ROOT / "docs" / "generate_types.py"), "--check"]
    ran = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("kind", ["ServerFrame", "ClientFrame"])
def test_an_undescribed_frame_is_rejected(kind: str) -> None:
    """The check that all tests' sockets make can fail."""
    assert not described(kind).is_valid({"type": "ready", "session_id": 7})
