"""Structured logs on standard error, with secrets kept out."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

log = structlog.get_logger(__name__)

BOT_TOKEN = re.compile(r"(?<!\d)(\d{3,}):[A-Za-z0-9_-]{6,}")
"""A Telegram bot's token stands in every URL of the Bot API, so in many libraries' error texts too."""
CREDENTIALS = re.compile(r"(\w+://[^\s:/@]*:)[^\s@/]+@|(Bearer\s+)[\w.~+/=-]+|\b(tg_|sk-)[A-Za-z0-9_-]{8,}")

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


class PatientHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a stream; a full disk or a closed pipe costs lines, and never the work that they tell of."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        before = self._lost
        super().emit(record)
        if before and self._lost == before:
            self._lost = 0
            log.warning("log_lines_lost", lines=before)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging names it
        """Counts what the stream did not take; a mistake in the line itself is shown as usual."""
        if isinstance(sys.exception(), OSError) or self.stream.closed:
            self._lost += 1
        else:
            super().handleError(record)


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
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in ("httpx", "httpx2", "httpcore", "openai", "apscheduler", "aiohttp.access", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # It warns of each migration it applies, which is what it was asked to do.
    logging.getLogger("pogo_core").setLevel(logging.ERROR)
