"""`turngate …`: the command line, and the only reader of the environment (through `gateway.config`)."""

from __future__ import annotations

import sys
from importlib import import_module


def main() -> None:
    """Runs a command; Ctrl-C ends it with exit code 130. The rest is imported here, so that this also holds during the imports."""
    try:
        import_module("gateway.cli.commands").run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
