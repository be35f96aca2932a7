"""`python -m tests.fakes.bot_api`: runs the fake server until interrupted."""

import asyncio
import signal
from typing import Annotated

import typer

from tests.fakes.bot_api.fake import FakeBotApi


def main(
    host: Annotated[str, typer.Option(help="Address to bind.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to bind; 0 takes a free one.")] = 8081,
    token: Annotated[list[str] | None, typer.Option(help="Accepted bot token, repeatable; none: any.")] = None,
    conflict_penalty: Annotated[float, typer.Option(help="Delay of repeated 409s, in seconds.")] = 3.0,
    webhook_backoff: Annotated[float, typer.Option(help="First delay between webhook retries, in seconds.")] = 1.0,
) -> None:
    """Run a fake Telegram Bot API server and print its URL."""
    fake = FakeBotApi(
        host=host,
        port=port,
        tokens=token or (),
        conflict_penalty_s=conflict_penalty,
        webhook_backoff_s=webhook_backoff,
    )
    asyncio.run(_serve(fake))


async def _serve(fake: FakeBotApi) -> None:
    stop = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    async with fake:
        typer.echo(fake.url)
        await stop.wait()


if __name__ == "__main__":
    typer.run(main)
