"""Log lines that cannot be written."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import logging
import os
import re
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr
from typing import TextIO

import pytest
import structlog

from gateway.background_writer import WAITING
from gateway.log import PatientHandler, configure_logging
from tests.world import PATIENCE_S, ROOT

SMALL_PIPE = 4096


class Disk(io.StringIO):
    """A stream that can be full."""

    full = False

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


class Pipe:
    """A pipe that holds 4 KB until it is read."""

    def __init__(self) -> None:
        self.reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, SMALL_PIPE)
        self.stream: TextIO = os.fdopen(writing, "w", encoding="utf-8")

    def line(self) -> str:
        """The next line read."""
        text = b""
        while not text.endswith(b"\n"):
            assert select.select([self.reading], [], [], 10)[0], text
            text += os.read(self.reading, 1)
        return text.decode().rstrip("\n")


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """An unread pipe."""
    made = Pipe()
    yield made
    os.close(made.reading)
    made.stream.close()


def record(text: str, *values: object) -> logging.LogRecord:
    """A log record."""
    return logging.LogRecord("test", logging.INFO, __file__, 1, text, values, None)


def writer(stream: TextIO) -> PatientHandler:
    """A handler that reports how many lines were lost."""
    handler = PatientHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s%(lines)s", defaults={"lines": ""}))
    return handler


def say(handler: PatientHandler, *texts: str) -> None:
    """Writes lines one after another."""
    for text in texts:
        handler.handle(record(text))
        handler.flush()


def test_lines_that_were_lost_are_counted_once_there_is_room() -> None:
    """Nothing is raised or printed elsewhere; the first line written again is followed by the number."""
    disk = Disk()
    handler = writer(disk)
    say(handler, "one")
    disk.full = True
    say(handler, "two", "three")
    disk.full = False
    say(handler, "four", "five")
    assert disk.getvalue().split() == ["one", "four", "log_lines_lost2", "five"]


def test_a_mistake_in_a_line_is_shown() -> None:
    """Only errors of the stream are ignored."""
    disk = Disk()
    handler = writer(disk)
    handler.handle(record("%d", "no number"))
    handler.flush()
    assert "Logging error: '%d'" in disk.getvalue()
    assert "TypeError" in disk.getvalue()


def test_a_closed_stream_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """As at the very end of a process."""
    disk = Disk()
    handler = writer(disk)
    disk.close()
    say(handler, "one")
    assert capsys.readouterr().err == ""


def test_a_reader_that_does_not_read_holds_nobody_up(pipe: Pipe) -> None:
    """Lines wait in order, excess lines are counted, and a flush ends although nothing was read."""
    handler = writer(pipe.stream)
    for number in range(2 * WAITING):
        handler.handle(record(str(number)))
    handler.flush()
    came = [pipe.line() for _ in range(WAITING)]
    assert [line for line in came if line.isdigit()][: WAITING // 2] == [str(number) for number in range(WAITING // 2)]


def test_a_pipe_that_is_read_again_tells_of_the_loss(pipe: Pipe) -> None:
    """The lines read and the lines reported lost add up to all lines."""
    handler, many = writer(pipe.stream), 2 * WAITING
    for _ in range(many):
        handler.handle(record("x" * 20))
    came, told = 0, 0
    while came + told < many:
        line = pipe.line()
        came += line.startswith("x")
        told += int(line.removeprefix("log_lines_lost")) if line.startswith("log") else 0
    assert told > 0
    assert came + told == many


def test_a_pipe_that_somebody_made_non_blocking_loses_nothing(pipe: Pipe) -> None:
    """Another process that shares standard error may do that; the background writer waits for room."""
    os.set_blocking(pipe.stream.fileno(), False)
    handler = writer(pipe.stream)
    for number in range(1000):
        handler.handle(record(f"{number}".zfill(20)))
    assert [int(pipe.line()) for _ in range(1000)] == list(range(1000))


def test_lines_that_come_in_a_burst_are_written_together() -> None:
    """In order; a single line does not wait."""
    reading, writing = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with reading, os.fdopen(writing.detach(), "w", encoding="utf-8") as stream:
        reading.settimeout(10)
        handler = writer(stream)
        lines: list[str] = []
        writes = 0
        for number in range(1000):
            handler.handle(record(str(number)))
        while len(lines) < 1000:
            lines += reading.recv(65_536).decode().split()
            writes += 1
        assert lines == [str(number) for number in range(1000)]
        assert writes < 500
        handler.close()


def test_a_flush_writes_all_that_waits() -> None:
    """As many lines as may wait: ending the process abruptly after a flush loses none."""
    disk = Disk()
    handler = writer(disk)
    for number in range(WAITING):
        handler.handle(record(str(number)))
    handler.flush()
    assert len(disk.getvalue().split()) == WAITING


def test_what_is_lost_is_told_as_json() -> None:
    """`lines` is a key of its own; a traceback is complete, and so is a number beyond 64 bits."""
    disk, root = Disk(), logging.getLogger()
    before = root.handlers, root.level
    try:
        with redirect_stderr(disk):
            configure_logging("json", "info")
        [handler] = root.handlers
        disk.full = True
        logging.getLogger("test").info("gone")
        handler.flush()
        disk.full = False
        structlog.get_logger("test").error("failed", exc_info=LookupError("nowhere"), large=2**70)
        handler.close()
    finally:
        root.handlers, root.level = before
        structlog.reset_defaults()
    failed, lost = map(json.loads, disk.getvalue().splitlines())
    assert "LookupError: nowhere" in failed["exception"]
    assert failed["large"] == 2**70
    assert (lost["event"], lost["lines"], lost["level"]) == ("log_lines_lost", 1, "warning")


CHATTY = """
import logging
from gateway.log import configure_logging
configure_logging("console", "info")
for number in range(2000):
    logging.info("line %d", number)
"""


def test_a_process_that_ends_has_written_its_lines() -> None:
    """With a working reader."""
    told = subprocess.run([sys.executable, "-c", CHATTY], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.findall(r"line (\d+)", told.stderr) == [str(number) for number in range(2000)]


def test_a_process_ends_although_nobody_reads(pipe: Pipe) -> None:
    """Normally, not aborted by a lock that the thread holds."""
    ended = subprocess.run(
        [sys.executable, "-c", CHATTY], cwd=ROOT, stderr=pipe.stream, check=False, timeout=PATIENCE_S
    )
    assert ended.returncode == 0


LATE = """
import logging
from gateway.log import configure_logging

class Late:
    def __del__(self):
        logging.getLogger("late").error("said by a finalizer")

configure_logging("console", "error")
late = Late()
late.itself = late
"""


def test_a_first_line_that_comes_as_python_ends_holds_nobody_up() -> None:
    """A thread started then never runs: a log line from a finalizer would keep the process forever."""
    ended = subprocess.run([sys.executable, "-c", LATE], cwd=ROOT, capture_output=True, check=False, timeout=60)
    assert ended.returncode == 0
