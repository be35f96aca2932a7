"""Structured logs on standard error, with secrets kept out."""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import orjson
import stamina.instrumentation
import structlog
from pydantic import Field

from gateway.background_writer import BackgroundWriter
from gateway.settings import SettingsGroup

BOT_TOKEN = re.compile(r"(?<!\d)(\d{3,}):[A-Za-z0-9_-]{6,}")
"""A Telegram bot's token is in every URL of the Bot API, and so in many libraries' error messages."""
CREDENTIALS = re.compile(r"(\w+://[^\s:/@]*:)[^\s@/]+@|(Bearer\s+)[\w.~+/=-]+|\b(tg_|sk-)[A-Za-z0-9_-]{8,}")

LOST = "lines"

Event = MutableMapping[str, Any]


class Log(SettingsGroup):
    """Logs go to standard error."""

    format: Literal["console", "json"] = Field("console", description="`console` for people, `json` for machines.")
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The lowest level that is logged.")


def redact(text: str) -> str:
    """Returns the text without bot tokens, bearer tokens, API tokens and passwords in URLs."""
    if not _may_hold_secrets(text):
        return text
    text = BOT_TOKEN.sub(r"\1:…", text)
    return CREDENTIALS.sub(lambda found: (found[1] or found[2] or found[3]) + ("…@" if found[1] else "…"), text)


def _may_hold_secrets(text: str) -> bool:
    return ":" in text or "Bearer" in text or "tg_" in text or "sk-" in text


def _redact_event(_logger: object, _method: str, event: Event) -> Event:
    texts = [value for key, value in event.items() if isinstance(value, str) and key != "timestamp"]
    if _may_hold_secrets("\n".join(texts)):
        for key, value in event.items():
            if isinstance(value, str) and key != "timestamp":
                event[key] = redact(value)
    return event


def _stamped(_logger: object, method: str, event: Event) -> Event:
    """Adds level and time. structlog's own processors take several calls, and every turn logs a line."""
    event["level"] = method
    event["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return event


class PatientHandler(logging.Handler):
    """Hands lines to a background writer: a stream that accepts none loses log lines and never holds up the work they report."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._writer = BackgroundWriter(stream, self._of_loss)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - a mistake in the line is no failure of the work, and is shown in its place
            line = redact(f"--- Logging error: {record.msg!r} ---\n{traceback.format_exc()}")
        self._writer.put(f"{line}\n")

    def write(self, event: Event, render: Sequence[structlog.typing.Processor]) -> None:
        """Writes a line that is not a record of the standard library; creating those costs more than most of what is logged."""
        try:
            line = str(_rendered(event, render))
        except Exception:  # noqa: BLE001 - as above
            line = redact(f"--- Logging error: {event!r} ---\n{traceback.format_exc()}")
        with self.lock or nullcontext():
            self._writer.put(f"{line}\n")

    def flush(self) -> None:
        """Returns when the lines are written, or after half a second."""
        self._writer.flush()

    def close(self) -> None:
        self._writer.end()
        super().close()

    def _of_loss(self, lines: int) -> str:
        logger = logging.getLogger(__name__)
        record = logger.makeRecord(
            __name__, logging.WARNING, __file__, 0, "log_lines_lost", (), None, extra={LOST: lines}
        )
        return f"{self.format(record)}\n"


def _rendered(event: Event, render: Sequence[structlog.typing.Processor]) -> object:
    line: Any = event
    for step in render:
        line = step(None, "", line)
    return line


class Lines:
    """Writes structlog's events."""

    def __init__(self, render: Sequence[structlog.typing.Processor]) -> None:
        self._render = render

    def msg(self, event: Event) -> None:
        for handler in _handlers():
            handler.write(event, self._render)

    debug = info = warning = error = critical = exception = msg


def _handlers() -> Iterator[PatientHandler]:
    return (handler for handler in logging.getLogger().handlers if isinstance(handler, PatientHandler))


def flush_log() -> None:
    """Call before ending the process abruptly; takes half a second at most."""
    for handler in _handlers():
        handler.flush()


def _as_it_is(_logger: object, _method: str, event: Event) -> tuple[tuple[Event], dict[str, object]]:
    return (event,), {}


def _json(event: object, **options: Any) -> str:
    try:
        return orjson.dumps(event, default=options.get("default")).decode()
    except TypeError:
        return json.dumps(event, **options)  # handles what orjson rejects, such as integers beyond 64 bits


def _console() -> structlog.dev.ConsoleRenderer:
    # Tracebacks with the values of variables would print secrets.
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


def configure_logging(form: Literal["console", "json"], least: str) -> None:
    """Sets up structlog and the standard library's logging, for the whole process. `least`: debug, info and so on."""
    level = logging.getLevelNamesMapping()[least.upper()]
    renderers: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, _redact_event, structlog.processors.JSONRenderer(serializer=_json)]
        if form == "json"
        else [structlog.processors.format_exc_info, _redact_event, _console()]
    )
    structlog.configure(
        processors=[_stamped, _as_it_is],
        logger_factory=lambda *_name: Lines(renderers),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = PatientHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                _stamped,
                structlog.processors.StackInfoRenderer(),
                structlog.stdlib.ExtraAdder(allow=[LOST]),
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    for former in root.handlers:
        if isinstance(former, PatientHandler):
            former.close()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in ("httpx", "httpx2", "httpcore", "openai", "a2a", "apscheduler", "aiohttp.access", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Its log lines name neither agent nor turn. The code that retries logs a line of its own.
    stamina.instrumentation.set_on_retry_hooks(())
    # It warns of each migration it applies, which is what it was asked to do.
    logging.getLogger("pogo_core").setLevel(logging.ERROR)
