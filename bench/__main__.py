"""`python -m bench [--quick] [--json]`: tables on standard output, progress on standard error."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

import orjson

from bench.errors import BenchError
from bench.measure import run
from bench.plan import FULL, QUICK
from bench.report import show
from gateway.errors import GatewayError


def main() -> int:
    """0 also when a target is missed: this is a report. 1 when something failed."""
    options = _options()
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:4.0f} s] {text}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="turngate-bench-") as folder:
        try:
            report = asyncio.run(run(QUICK if options.quick else FULL, Path(folder), say))
        except (BenchError, GatewayError) as error:
            print(error, file=sys.stderr)
            return 1
    if options.json:
        print(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode())
    else:
        show(report)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures Turngate, a bare loop and Postgres.")
    parser.add_argument("--quick", action="store_true", help="half a minute instead of four; noisier")
    parser.add_argument("--json", action="store_true", help="write JSON instead of tables")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
