"""`python -m bench [--quick] [--json]`, `python -m bench scale`, `… shards`, `… peers`, `… agents`, `… house`: tables on standard output, progress on standard error."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import assert_never

import orjson
import structlog

from bench import house, run
from bench.agents import run as agents_run
from bench.agents.run import AgentReport
from bench.errors import BenchError
from bench.house import Figures
from bench.measure import Say
from bench.peers import report as peers_report
from bench.peers import run as peers_run
from bench.peers.run import PeerReport
from bench.plan import FULL, QUICK
from bench.report import show
from bench.results import Report
from bench.scale import report as scale_report
from bench.scale import run as scale_run
from bench.scale.plan import PROBES, SESSIONS_EACH, scale
from bench.scale.run import ScaleReport
from bench.shards import report as shards_report
from bench.shards import run as shards_run
from bench.shards.run import ShardReport
from gateway.errors import GatewayError


def main() -> int:
    """0 also when a target is missed: this is a report. 1 when something failed."""
    options = _options()
    # Standard output is for the report alone, and debug messages, such as each migration, are for nobody.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    with tempfile.TemporaryDirectory(prefix="turngate-bench-", dir=getattr(options, "folder", None)) as folder:
        try:
            report = _report(options, Path(folder))
        except (BenchError, GatewayError) as error:
            print(error, file=sys.stderr)
            return 1
    if options.json:
        print(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode())
    else:
        _show(report)
    return 0


def _report(
    options: argparse.Namespace, folder: Path
) -> Report | ScaleReport | ShardReport | PeerReport | AgentReport | Figures:
    if options.what == "scale":
        return _scaled(options, folder)
    if options.what == "shards":
        return asyncio.run(shards_run.run(folder, options.users, options.turns))
    if options.what == "peers":
        return asyncio.run(peers_run.run(folder, options.seconds, _progress()))
    if options.what == "agents":
        return asyncio.run(agents_run.run(folder, options.rounds, _progress()))
    if options.what == "house":
        return asyncio.run(house.figures(Path(__file__).parents[1], folder, options.seconds))
    return _measured(options, folder)


def _show(report: Report | ScaleReport | ShardReport | PeerReport | AgentReport | Figures) -> None:
    match report:
        case Report():
            show(report)
        case ScaleReport():
            scale_report.show(report)
        case ShardReport():
            shards_report.show(report)
        case PeerReport():
            peers_report.show(report)
        case AgentReport():
            agents_run.show(report)
        case Figures():
            house.show(report)
        case _:
            assert_never(report)


def _measured(options: argparse.Namespace, folder: Path) -> Report:
    return asyncio.run(run.run(QUICK if options.quick else FULL, folder, _progress()))


def _progress() -> Say:
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:4.0f} s] {text}", file=sys.stderr, flush=True)

    return say


def _scaled(options: argparse.Namespace, folder: Path) -> ScaleReport:
    plan = scale(options.sessions, options.messages, options.rounds, options.minutes)
    return asyncio.run(scale_run.run(plan, folder))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures Turngate, a bare loop and Postgres.")
    parser.add_argument("--quick", action="store_true", help="two minutes instead of eight; noisier")
    parser.add_argument("--json", action="store_true", help="write JSON instead of tables")
    parts = parser.add_subparsers(dest="what", metavar="scale|shards|peers|agents|house")
    layout = parts.add_parser("house", help="how the code is laid out, what an idle replica costs, how long tests take")
    layout.add_argument("--seconds", type=float, default=60, help="of an idle replica; 0: not measured; default: 60")
    peers = parts.add_parser("peers", help="other servers at the same work; `make bench-peers` installs them")
    peers.add_argument("--seconds", type=float, default=4, help="of each round; default: 4")
    agents = parts.add_parser("agents", help="kinds of agents beside their own libraries, called directly")
    agents.add_argument("--rounds", type=int, default=100, help="default: 100")
    shards = parts.add_parser("shards", help="the schema split over two servers, its transcript over months")
    shards.add_argument("--users", type=int, default=40, help="default: 40")
    shards.add_argument("--turns", type=int, default=10, help="of each; default: 10")
    sizes = parts.add_parser(
        "scale", help="lists, pages and searches among a million sessions, compared with a thousand"
    )
    sizes.add_argument("--sessions", type=_sessions, default=1_000_000, help="default: 1,000,000")
    sizes.add_argument("--messages", type=int, default=10_000_000, help="default: 10,000,000, some 10 GB of disk")
    sizes.add_argument("--rounds", type=int, default=200, help="times that each call is asked; default: 200")
    sizes.add_argument("--minutes", type=float, default=60, help="gives up after so many; default: 60")
    sizes.add_argument("--folder", type=Path, help="where the database goes for the time; default: the system's")
    return parser.parse_args()


def _sessions(text: str) -> int:
    if int(text) < PROBES * SESSIONS_EACH:
        raise argparse.ArgumentTypeError(f"should be at least {PROBES * SESSIONS_EACH:,}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
