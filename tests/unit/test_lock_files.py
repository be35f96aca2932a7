"""Lock files reveal nothing about the machine they were written on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOREIGN = re.compile(
    r"\w+://(?!www\.|opencollective|github\.com|paypal|tidelift|ko-fi|patreon)|(?:^|\s)-c /|--(?:extra-)?index-url|--find-links"
)
"""Download addresses and folders of one machine. npm's files also say where a package asks for money."""
LOCKS = sorted(
    file
    for pattern in ("requirements*.lock", "examples/*/requirements.txt", "clients/web/package-lock.json")
    for file in ROOT.glob(pattern)
)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_lock_file_names_no_place(lock: Path) -> None:
    """Only names, versions and hashes."""
    assert [line for line in lock.read_text().splitlines() if FOREIGN.search(line)] == []
