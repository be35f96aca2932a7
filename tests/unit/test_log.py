"""Where log lines go when they cannot be written."""

from __future__ import annotations

import errno
import io
import logging

import pytest
import structlog

from gateway.log import PatientHandler


class Disk(io.StringIO):
    """A stream that can be full."""

    full = False

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def record(text: str, *values: object) -> logging.LogRecord:
    """A line."""
    return logging.LogRecord("test", logging.INFO, __file__, 1, text, values, None)


def test_lines_that_were_lost_are_counted_once_there_is_room() -> None:
    """Nothing is raised and nothing printed elsewhere; the first line that is written again is followed by the number."""
    disk = Disk()
    handler = PatientHandler(disk)
    handler.emit(record("one"))
    disk.full = True
    handler.emit(record("two"))
    handler.emit(record("three"))
    disk.full = False
    with structlog.testing.capture_logs() as told:
        handler.emit(record("four"))
        handler.emit(record("five"))
    assert disk.getvalue().split() == ["one", "four", "five"]
    assert told == [{"event": "log_lines_lost", "lines": 2, "log_level": "warning"}]


def test_a_mistake_in_a_line_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Only what the stream does is forgiven."""
    PatientHandler(Disk()).emit(record("%d", "no number"))
    assert "Logging error" in capsys.readouterr().err


def test_a_closed_stream_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """As at the very end of a process."""
    disk = Disk()
    handler = PatientHandler(disk)
    disk.close()
    handler.emit(record("one"))
    assert capsys.readouterr().err == ""
