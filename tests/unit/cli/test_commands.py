"""The imports of each command."""

from __future__ import annotations

import subprocess
import sys

IMPORTED = """
import sys
from gateway.cli.commands import tree
tree(sys.argv[1:])
print("gateway.app.running.serve" in sys.modules)
"""


def imports_the_gateway(command: str) -> bool:
    """Whether a new process that runs this command imports the code that starts a gateway."""
    done = subprocess.run([sys.executable, "-c", IMPORTED, command], check=True, capture_output=True, text=True)
    return done.stdout.strip() == "True"


def test_only_serve_imports_the_gateway() -> None:
    """That makes the other commands start faster."""
    assert imports_the_gateway("serve")
    assert not imports_the_gateway("token")
