"""A replica is frozen past its lease during a send, and thaws after another has sent the chunk."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.bot_api import FakeBotApi
from tests.faults.certificate import write_certificate
from tests.faults.http_clients import Caller
from tests.faults.misbehaving_agents import GO_ON, ODD
from tests.faults.proxy import open_proxy
from tests.integration.telegram.driver import ADA, TOKEN
from tests.world import Process, World, eventually

pytestmark = pytest.mark.faults
WITHIN_S = 30.0


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeBotApi]:
    """A Bot API server behind TLS."""
    certificate = write_certificate(tmp_path / "certificate.pem")
    async with FakeBotApi(tokens=[TOKEN], conflict_penalty_s=0.05, certificate=certificate) as server:
        yield server


async def replica(world: World, name: str, api_url: str) -> Process:
    """A gateway that reaches the Bot API at that URL."""
    return await world.process(
        name,
        TURNGATE_TELEGRAM__TOKEN=TOKEN,
        TURNGATE_TELEGRAM__API_URL=api_url,
        TURNGATE_TELEGRAM__ACCESS="allowlist",
        TURNGATE_TELEGRAM__ALLOW=f'["{ADA}=ann"]',
        TURNGATE_SECRET_KEY="of-all-replicas-together-32-bytes",
        TURNGATE_AGENTS__ASSISTANT__KIND="python",
        TURNGATE_AGENTS__ASSISTANT__TARGET="tests.faults.misbehaving_agents:waiting",
        SSL_CERT_FILE=str(world.folder / "certificate.pem"),
        **{GO_ON: str(world.folder / "go-on")},
    )


async def unsent(world: World) -> list[dict[str, Any]]:
    return await world.rows("SELECT content FROM outbox WHERE state = 'unsent'")


async def test_a_replica_that_thaws_while_it_connects_sends_nothing_again(world: World, fake: FakeBotApi) -> None:
    """Row 10: frozen in the TLS handshake of a send, it thaws after its lease has ended, and sends nothing."""
    async with open_proxy(("127.0.0.1", fake.port)) as network:
        await replica(world, "heir", fake.url)
        fake.says(ADA, "hello")
        await fake.hears(ADA, within=WITHIN_S)
        frozen = await replica(world, "frozen", f"https://127.0.0.1:{network.number}")
        person = await world.person("ann", frozen.url)
        [session] = (await person.gets("/api/chat/sessions"))["sessions"]
        ann = Caller(person, session["session_id"])

        typed = len(fake.calls("sendChatAction"))
        asking = asyncio.create_task(ann.sends_until_answered(ODD, "m1"))
        await fake.until(lambda: len(fake.calls("sendChatAction")) > typed, WITHIN_S)
        # The next connection is for the reply, and gets as far as the handshake.
        network.freezes()
        network.cuts_all()
        (world.folder / "go-on").touch()
        await eventually(lambda: unsent(world))

        async def connects() -> bool:
            return len(network) == 1

        await eventually(connects)
        frozen.process.send_signal(signal.SIGSTOP)
        await fake.hears(ADA, within=WITHIN_S)

        network.thaws()
        frozen.process.send_signal(signal.SIGCONT)
        await asking
        await ann.sends_until_answered("and then?", "m2")
        await fake.until(lambda: "re: and then?" in [sent.text for sent in fake.sent(ADA)], WITHIN_S)
        assert [sent.text for sent in fake.sent(ADA)] == ["re: hello", f"re: {ODD}", "re: and then?"]
