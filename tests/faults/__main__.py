"""`python -m tests.faults --minutes 10 --seed N`: the storm. Exit code 1 if any invariant was violated."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.log import configure_logging
from tests.faults.ledger import GATEWAY_KINDS, Ledger
from tests.faults.report import judge, print_report
from tests.faults.storm import Outcome, Plan, run_storm

TALKERS = 160
DOOMED_SHARE = 0.4
TELEGRAM_PER_SECOND = 4.0
LINE_S = 30.0

Minutes = Annotated[float, typer.Option(help="How long the storm blows; checks come after it.")]
Seed = Annotated[int | None, typer.Option(help="Draws everything; a new one each time when absent.")]
Replicas = Annotated[int, typer.Option(min=1, help="How many gateways.")]
Rate = Annotated[float, typer.Option("--messages-per-second", help="How much people write, all channels together.")]
Folder = Annotated[
    Path | None,
    typer.Option(help="Where ledger and logs are kept; when absent, a new temporary one, removed if all is well."),
]


def main(
    minutes: Minutes = 10.0,
    seed: Seed = None,
    replicas: Replicas = 3,
    rate: Rate = 38.0,
    folder: Folder = None,
) -> None:
    """Breaks everything at once for a while, and counts what survived."""
    drawn = random.randrange(1_000_000) if seed is None else seed
    place = Path(tempfile.mkdtemp(prefix="storm-")) if folder is None else folder
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o755)
    plan = Plan(
        seconds=minutes * 60,
        seed=drawn,
        replicas=replicas,
        doomed_share=DOOMED_SHARE,
        talkers=TALKERS,
        talker_pace_s=TALKERS / max(rate - TELEGRAM_PER_SECOND, 0.1),
    )
    configure_logging("console", "warning")
    sys.stdout.write(f"Seed {drawn}; ledger and logs are in {place}\n")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            outcome = runner.run(_watched(plan, place))
        except (KeyboardInterrupt, asyncio.CancelledError):
            sys.exit("Stopped before its end; nothing was checked.")
    verdict = judge(outcome, plan)
    command = f"make soak MINUTES={minutes:g} SEED={drawn}"
    print_report(plan, outcome, verdict, command)
    if not verdict.good:
        sys.stdout.write(f"Ledger and logs are in {place}\n")
    elif folder is None:
        shutil.rmtree(place)
    sys.exit(0 if verdict.good else 1)


async def _watched(plan: Plan, folder: Path) -> Outcome:
    storm = asyncio.current_task()
    assert storm is not None
    # Whoever ends this process ends everything that it started.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, storm.cancel)
    if not sys.stdout.isatty():
        return await run_storm(plan, folder, Lines())
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), transient=True)
    with bar:
        task = bar.add_task("storm", total=plan.seconds)

        async def shown(seconds: float, ledger: Ledger) -> None:
            bar.update(task, completed=seconds, description=_words(ledger))

        return await run_storm(plan, folder, shown)


class Lines:
    """A line every half minute."""

    def __init__(self) -> None:
        self._next = 0.0

    async def __call__(self, seconds: float, ledger: Ledger) -> None:
        if seconds >= self._next:
            self._next = seconds + LINE_S
            sys.stdout.write(f"{seconds:5.0f} s  {_words(ledger)}\n")
            sys.stdout.flush()


def _words(ledger: Ledger) -> str:
    hit = sum(ledger.happened[kind] for kind in GATEWAY_KINDS)
    return f"{ledger.messages} messages, {hit} gateways hit, {ledger.happened['database_restart']} database restarts"


if __name__ == "__main__":
    typer.run(main)
