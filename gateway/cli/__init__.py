"""`turngate …`: the command line, and the only reader of the environment (through `gateway.config`)."""

from __future__ import annotations

import sys

from gateway.cli.commands import COMMANDS, tree
from gateway.errors import GatewayError


def main() -> None:
    """Runs a command. Prints expected errors to standard error, without a traceback; exit code 1."""
    # Imports only what is needed; a first word that is no command gets help about all of them.
    asked = [word for word in sys.argv[1:2] if word in COMMANDS]
    try:
        tree(asked or COMMANDS)(prog_name="turngate")
    except GatewayError as error:
        print(error, file=sys.stderr)  # noqa: T201 - speaking to people is what a command line is for
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
