"""Structured logs on standard error, with secrets kept out."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import stamina.instrumentation
import structlog

from gateway.scribe import Scribe

BOT_TOKEN = re.compile(r"(?<!\d)(\d{3,}):[A-Za-z0-9_-]{6,}")
"""A Telegram bot's token stands in every URL of the Bot API, so in many libraries' error texts too."""
CREDENTIALS = re.compile(r"(\w+://[^\s:/@]*:)[^\s@/]+@|(Bearer\s+)[\w.~+/=-]+|\b(tg_|sk-)[A-Za-z0-9_-]{8,}")

LOST = "lines"

Event = MutableMapping[str, Any]


def redact(text: str) -> str:
    """The text without bot tokens, bearer tokens, API tokens and passwords in URLs."""
    text = BOT_TOKEN.sub(r"\1:…", text)
    return CREDENTIALS.sub(lambda found: (found[1] or found[2] or found[3]) + ("…@" if found[1] else "…"), text)


def _redact_event(_logger: object, _method: str, event: Event) -> Event:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = redact(value)
    return event


class PatientHandler(logging.Handler):
    """Hands lines to a scribe; a stream that takes none costs lines, and never the work that they tell of."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._scribe = Scribe(stream, self._of_loss)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - a mistake in the line is no failure of the work, and is shown in its place
            line = redact(f"--- Logging error: {record.msg!r} ---\n{traceback.format_exc()}")
        self._scribe.put(f"{line}\n")

    def flush(self) -> None:
        """Returns when the lines are written, or after half a second."""
        self._scribe.flush()

    def close(self) -> None:
        self._scribe.end()
        super().close()

    def _of_loss(self, lines: int) -> str:
        logger = logging.getLogger(__name__)
        record = logger.makeRecord(
            __name__, logging.WARNING, __file__, 0, "log_lines_lost", (), None, extra={LOST: lines}
        )
        return f"{self.format(record)}\n"


def flush_log() -> None:
    """For whoever ends the process at once; takes half a second at most."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, PatientHandler):
            handler.flush()


def _console() -> structlog.dev.ConsoleRenderer:
    # Tracebacks with the values of variables would print secrets.
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


def configure_logging(form: Literal["console", "json"], least: str) -> None:
    """Sets up structlog and the standard library's logging, for the whole process. `least`: debug, info and so on."""
    level = logging.getLevelNamesMapping()[least.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderers: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, _redact_event, structlog.processors.JSONRenderer()]
        if form == "json"
        else [structlog.processors.format_exc_info, _redact_event, _console()]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = PatientHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(allow=[LOST])],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    for former in root.handlers:
        if isinstance(former, PatientHandler):
            former.close()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in ("httpx", "httpx2", "httpcore", "openai", "apscheduler", "aiohttp.access", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Its log lines name neither agent nor turn. The code that retries logs a line of its own.
    stamina.instrumentation.set_on_retry_hooks(())
    # It warns of each migration it applies, which is what it was asked to do.
    logging.getLogger("pogo_core").setLevel(logging.ERROR)
