"""`turngate serve`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
import uvloop

from gateway.app.running.serve import serve as serve_gateway
from gateway.cli.options import ConfigFile, DataDir, whole_number
from gateway.config import load_settings
from gateway.log import configure_logging

Host = Annotated[str | None, typer.Option("--host", metavar="H", help="Address to listen on; default: 127.0.0.1.")]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        metavar="P",
        parser=whole_number("--port", 0, 65_535),
        help="Port to listen on; default: 8080; 0 picks a free one.",
    ),
]


def serve(config: ConfigFile = None, host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Run the gateway until Ctrl-C or SIGTERM.

    Migrates the database first, and starts an embedded one when none is configured. On a terminal it prints a URL that signs you in;
    elsewhere, the command that prints one.
    """
    settings = load_settings(config, {"host": host, "port": port, "data_dir": data_dir})
    configure_logging(settings.log.format, settings.log.level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_gateway(settings))
