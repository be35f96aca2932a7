"""A Telegram Bot API server for tests, with a control API; see docs/fake-bot-api.md."""

from tests.fakes.bot_api.chats import UserMessage
from tests.fakes.bot_api.fake import FakeBotApi
from tests.fakes.bot_api.faults import Fault
from tests.fakes.bot_api.records import Injected, Sent

__all__ = ["FakeBotApi", "Fault", "Injected", "Sent", "UserMessage"]
