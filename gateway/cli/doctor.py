"""`turngate doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.cli.checks.all_checks import check_all
from gateway.cli.checks.finding import Finding
from gateway.cli.options import AsJson, ConfigFile, DataDir, quiet_settings
from gateway.cli.output import print_json
from gateway.config import Settings
from gateway.errors import SettingsError


def doctor(
    *,
    config: ConfigFile = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Check settings, disk, database, clock, agents and channels; exit 1 if anything is wrong."""
    findings = asyncio.run(_findings(config, data_dir))
    if as_json:
        print_json([dict(asdict(finding)) for finding in findings])
    else:
        _print(findings)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


async def _findings(config: Path | None, data_dir: Path | None) -> Sequence[Finding]:
    installed = Finding("turngate", ok=True, detail=f"version {version('turngate')}")
    settings = _settings(config, data_dir)
    if isinstance(settings, Finding):
        return [installed, settings]
    return [
        installed,
        Finding("settings", ok=True, detail="can be used"),
        *[finding async for finding in check_all(settings)],
    ]


def _settings(config: Path | None, data_dir: Path | None) -> Settings | Finding:
    try:
        return quiet_settings(config, data_dir)
    except SettingsError as error:
        return Finding("settings", ok=False, detail=str(error), remedy="docs/settings.md lists every setting.")


def _print(findings: Sequence[Finding]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        mark = Text("✓", style="green") if finding.ok else Text("✗", style="bold red")
        told = Text(finding.detail)
        if not finding.ok and finding.remedy:
            told.append(f"\n{finding.remedy}", style="bold")
        table.add_row(mark, finding.name, told)
    Console(highlight=False).print(table)
