"""The state of one bot on the server: queue, chats, faults and records. Without I/O; the time comes from a clock."""

import time
from collections import deque
from collections.abc import Callable

from tests.fakes.bot_api.chats import Chat, ChatType, UserMessage, chat_type_of, user_message_json
from tests.fakes.bot_api.faults import FaultPlan
from tests.fakes.bot_api.queue import QueuedUpdate, UpdateQueue
from tests.fakes.bot_api.records import Call, ChatAction, Injected, Sent, Webhook
from tests.fakes.bot_api.wire import Json, JsonObject

Clock = Callable[[], float]
_MAX_CALLS = 100_000
_NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


class BotState:
    """One bot. `on_change` is called after every update queued or confirmed and every record made."""

    def __init__(self, bot_id: int, clock: Clock = time.time, on_change: Callable[[], None] = lambda: None) -> None:
        self.bot_id = bot_id
        self.clock = clock
        self.on_change = on_change
        self.reset()

    def reset(self) -> None:
        """Forgets everything but the bot's identity."""
        self.queue = UpdateQueue()
        self.chats: dict[int, Chat] = {}
        self.faults = FaultPlan()
        self.sent: list[Sent] = []
        self.actions: list[ChatAction] = []
        self.calls: deque[Call] = deque(maxlen=_MAX_CALLS)
        self.webhook = Webhook()
        self.commands: list[Json] = []
        self.allowed_updates: list[str] = []

    @property
    def profile(self) -> JsonObject:
        """The Bot API's User object of the bot."""
        return {"id": self.bot_id, "is_bot": True, "first_name": "Test bot", "username": f"test_{self.bot_id}_bot"}

    def chat(self, chat_id: int, chat_type: ChatType | None = None, title: str | None = None) -> Chat:
        """The chat, created if the bot didn't know it."""
        chat = self.chats.setdefault(chat_id, Chat(chat_id, chat_type or chat_type_of(chat_id)))
        chat.type = chat_type or chat.type
        chat.title = title or chat.title
        return chat

    def user_says(self, said: UserMessage) -> Injected:
        """Queues the update for a person's action; `KeyError` if the message to edit doesn't exist."""
        chat = self.chat(said.chat_id, said.chat_type, said.title)
        if said.thread_id is not None:
            chat.forum = True
            chat.threads.add(said.thread_id)
        kind, message_id, message = self._message(said, chat)
        chat.messages[message_id] = message
        update_id = self.queue.next_update_id
        self.enqueue({"update_id": update_id, kind: message}, said.chat_id)
        return Injected(update_id, message_id)

    def _message(self, said: UserMessage, chat: Chat) -> tuple[str, int, JsonObject]:
        now = int(self.clock())
        if said.edit_of is None:
            message_id = chat.next_message_id()
            return "message", message_id, user_message_json(said, chat, message_id, now)
        earlier = chat.messages[said.edit_of]
        edited = user_message_json(said, chat, said.edit_of, now)
        return "edited_message", said.edit_of, edited | {"date": earlier["date"], "edit_date": now}

    def migrate(self, group: UserMessage, supergroup_id: int) -> None:
        """A person turns a group into a supergroup: both chats report it, and the old one accepts nothing more."""
        old, new = self.chat(group.chat_id), self.chat(supergroup_id, "supergroup")
        old.migrated_to = new.chat_id
        told: list[tuple[Chat, JsonObject]] = [
            (old, {"migrate_to_chat_id": new.chat_id}),
            (new, {"migrate_from_chat_id": old.chat_id}),
        ]
        for chat, fields in told:
            message = user_message_json(group, chat, chat.next_message_id(), int(self.clock())) | fields
            self.enqueue({"update_id": self.queue.next_update_id, "message": message}, chat.chat_id)

    def inject(self, body: Json, *, verbatim: bool = False) -> int:
        """Queues any JSON as an update, with its `update_id` filled in unless `verbatim`; returns the id."""
        update_id = self.queue.next_update_id
        if isinstance(body, dict) and not verbatim:
            body = body | {"update_id": update_id}
        self.enqueue(body, None)
        return update_id

    def enqueue(self, body: Json, chat_id: int | None) -> None:
        if self._wanted(body):
            self.queue.append(body, chat_id)
            self.on_change()

    def confirm(self, offset: int) -> None:
        """Deletes the updates below an offset, as `getUpdates` does."""
        self.queue.confirm(offset)
        self.on_change()

    def accepted(self, update: QueuedUpdate) -> None:
        """Deletes an update that the webhook accepted."""
        self.queue.remove(update)
        self.on_change()

    def redeliver(self, update_id: int) -> None:
        """Delivers an earlier update again; `KeyError` if there was none."""
        self.queue.redeliver(update_id)
        self.on_change()

    def record_sent(self, sent: Sent) -> None:
        self.sent.append(sent)
        self.on_change()

    def record_action(self, action: ChatAction) -> None:
        self.actions.append(action)
        self.on_change()

    def record_call(self, method: str, chat_id: int | None) -> None:
        self.calls.append(Call(method, chat_id, self.clock()))
        self.on_change()

    def delivered_to(self, chat_id: int) -> list[Sent]:
        """The messages that the chat received from the bot, in order, without edits."""
        return [
            sent for sent in self.sent if sent.chat_id == chat_id and sent.delivered and sent.method == "sendMessage"
        ]

    def _wanted(self, body: Json) -> bool:
        kinds = set(body) - {"update_id"} if isinstance(body, dict) else set()
        if self.allowed_updates:
            return not kinds or bool(kinds & set(self.allowed_updates))
        return not kinds & _NOT_BY_DEFAULT
