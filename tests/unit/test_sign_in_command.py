"""The sign-in command in a gateway's log must reach the same database."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from gateway.app.running.sign_in import command
from gateway.config import load_settings


def test_it_is_short_where_nothing_was_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default file and data dir are omitted."""
    monkeypatch.chdir(tmp_path)
    Path("turngate.toml").write_text("port = 9000\n")
    assert command(load_settings()) == "turngate sign-in"


def test_it_names_the_settings_file_and_the_data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In full and quoted for a shell: the file may name the database, and the command may be run in another folder."""
    monkeypatch.chdir(tmp_path)
    file = Path("my gateway.toml")
    file.write_text("port = 9000\n")
    words = ["turngate", "sign-in", "--config", str(tmp_path / file), "--data-dir", str(tmp_path / "data")]
    assert shlex.split(command(load_settings(file, {"data_dir": Path("data")}))) == words
