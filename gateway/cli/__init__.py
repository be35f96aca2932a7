"""`turngate …`: the command line, and the only reader of the environment (through `gateway.config`)."""

from __future__ import annotations

import sys

from gateway.cli.commands import app
from gateway.errors import GatewayError


def main() -> None:
    """Runs a command. What goes wrong on purpose is told on standard error, without a traceback; exit code 1."""
    try:
        app(prog_name="turngate")
    except GatewayError as error:
        print(error, file=sys.stderr)  # noqa: T201 - speaking to people is what a command line is for
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
