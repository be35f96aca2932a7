"""People on Telegram, and users whose schedules fire."""

from __future__ import annotations

import asyncio
import time
from random import Random
from typing import Any, TypeAlias

import aiohttp

from tests.fakes.bot_api import FakeBotApi
from tests.faults.agents import LONG
from tests.faults.ledger import Ledger, Sent
from tests.faults.websocket_clients import Account, ClientContext, canary

CALL_S = 8.0
LONG_SHARE = 0.25
Answer: TypeAlias = dict[str, Any]


class Person:
    """A person with a private chat with the bot."""

    def __init__(self, chat_id: int, pace_s: float, fake: FakeBotApi, ledger: Ledger, luck: Random) -> None:
        self.chat_id = chat_id
        self._pace_s = pace_s
        self._fake = fake
        self._ledger = ledger
        self._luck = luck
        self._count = 0

    @property
    def user(self) -> str:
        return f"telegram:{self.chat_id}"

    async def run(self) -> None:
        """Sends messages until cancelled."""
        while True:
            await asyncio.sleep(self._luck.expovariate(1 / self._pace_s))
            self.says_something()

    def says_something(self) -> None:
        self._count += 1
        key = f"{self.chat_id}-{self._count}"
        text = f"{canary(self.user)} {key}"
        if self._luck.random() < LONG_SHARE:
            text = f"{LONG} {text}"
        self._ledger.note(Sent(time.time(), self.user, "telegram", key, text))
        self._fake.says(self.chat_id, text)


class Planner:
    """A user with a schedule that fires every few seconds."""

    def __init__(self, account: Account, seconds: int, context: ClientContext, luck: Random) -> None:
        self.account = account
        self._seconds = seconds
        self._context = context
        self._luck = luck

    async def plans(self) -> None:
        """Returns once the schedule is created. If a response is lost, it is created twice, which does no harm."""
        body = {
            "name": f"every {self._seconds} s",
            "prompt": f"{canary(self.account.user)} on time",
            "trigger": {"type": "interval", "seconds": self._seconds},
        }
        await self._repeats_until("POST", "/api/schedules", 201, body)

    async def stops(self) -> None:
        """Returns once all of the user's schedules are deleted."""
        listed = await self._repeats_until("GET", "/api/schedules", 200)
        for schedule in listed["schedules"]:
            await self._repeats_until("PATCH", f"/api/schedules/{schedule['id']}", 200, {"is_active": False})

    async def _repeats_until(self, method: str, path: str, expect: int, body: Answer | None = None) -> Answer:
        """Repeats a call, at any gateway, until it returns that status; returns the body."""
        while True:
            try:
                return await self._calls(method, path, expect, body)
            except (OSError, TimeoutError, aiohttp.ClientError):
                await asyncio.sleep(self._luck.uniform(0.1, 1.0))

    async def _calls(self, method: str, path: str, expect: int, body: Answer | None) -> Answer:
        headers = {"Authorization": f"Bearer {self.account.token}"}
        url = f"{self._luck.choice(self._context.addresses)}{path}"
        async with (
            asyncio.timeout(CALL_S),
            self._context.http.request(method, url, headers=headers, json=body) as response,
        ):
            if response.status == 503:
                raise TimeoutError
            answer: Answer = await response.json(content_type=None)
            assert response.status == expect, (response.status, answer)
            return answer
