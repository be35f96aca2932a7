"""A nick has one connection: what a bot does when somebody has its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

from irc_world import BOT, PATIENCE_S, Somebody, irc_server
from turngate_irc import KIND, IrcSettings

from turngate.testing.channels import RecordingIntake, RecordingMoves, channel_parts
from turngate.testing.waiting import until


def test_a_second_bot_answers_under_another_nick_until_the_first_is_gone(tmp_path: Path) -> None:
    """Whoever writes to either is heard, and the free nick is taken again."""
    asyncio.run(_two_bots(tmp_path))


async def _two_bots(folder: Path) -> None:
    async with irc_server(folder) as server:
        holder, ann = Somebody(BOT, server.port), Somebody("ann", server.port)
        await holder.joins()
        await ann.joins()
        intake = RecordingIntake()
        settings = IrcSettings(server="127.0.0.1", port=server.port, network="test", answer_s=0.5)
        network = KIND.build(settings, channel_parts(intake, RecordingMoves()))
        running = asyncio.create_task(network.run())
        try:
            await until(lambda: network.status.state == "ready", "the second bot is connected")
            assert network.status.detail.endswith(f"{BOT}_2")
            ann.says("hello second", to=f"{BOT}_2")
            await until(lambda: intake.texts == ["hello second"], "the second bot is heard")
            await holder.leaves()
            async with asyncio.timeout(PATIENCE_S):
                while "hello first" not in intake.texts:
                    ann.says("hello first")
                    await asyncio.sleep(0.1)
        finally:
            running.cancel()
            await asyncio.wait([running])
            await network.close()
            await ann.close()
