"""Sends and edits messages: the rules, the real server's error texts, and the records."""

from dataclasses import dataclass, replace

from tests.fakes.bot_api.chats import Chat
from tests.fakes.bot_api.faults import Fault
from tests.fakes.bot_api.records import Sent
from tests.fakes.bot_api.state import BotState
from tests.fakes.bot_api.text import checked_entities, checked_text
from tests.fakes.bot_api.wire import Json, JsonObject, Parameters, RefusedError

_NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup "
    "are exactly the same as a current content and reply markup of the message"
)


@dataclass(frozen=True, slots=True)
class MethodCall:
    """A call from the network address `peer`; `answered` is False if a fault withholds the response from the bot."""

    method: str
    parameters: Parameters
    peer: str
    answered: bool = True


def send_message(bot: BotState, call: MethodCall) -> Json:
    arguments = call.parameters
    text = checked_text(arguments.text("text"))
    entities = checked_entities(text, arguments)
    chat = writable_chat(bot, arguments)
    placement = _thread(chat, arguments) | _reply(chat, arguments)
    message = _bot_message(bot, chat, chat.next_message_id(), text, entities) | placement
    return _keep(bot, call, chat, message, entities)


def edit_message_text(bot: BotState, call: MethodCall) -> Json:
    arguments = call.parameters
    text = checked_text(arguments.text("text"))
    entities = checked_entities(text, arguments)
    chat = writable_chat(bot, arguments)
    earlier = _own_message(bot, chat, arguments.integer("message_id"))
    if earlier["text"] == text and earlier.get("entities", []) == entities:
        raise RefusedError(400, _NOT_MODIFIED)
    edited = _bot_message(bot, chat, arguments.integer("message_id"), text, entities)
    dates: JsonObject = {"date": earlier["date"], "edit_date": edited["date"]}
    return _keep(bot, call, chat, edited | dates, entities)


def record_refusal(bot: BotState, call: MethodCall, refusal: RefusedError) -> None:
    """Records a message that was refused."""
    if call.method in ("sendMessage", "editMessageText"):
        sent = _sent(bot, call, call.parameters.integer("message_id") or None, [])
        refused = replace(sent, outcome="refused", delivered=False)
        bot.record_sent(replace(refused, error_code=refusal.code, description=refusal.description))


def writable_chat(bot: BotState, parameters: Parameters) -> Chat:
    if not parameters.text("chat_id"):
        raise RefusedError(400, "Bad Request: chat_id is empty")
    chat = bot.chats.get(parameters.chat_id or 0)
    if chat is None:
        raise RefusedError(400, "Bad Request: chat not found")
    if chat.migrated_to is not None:
        raise Fault("migrate", migrate_to_chat_id=chat.migrated_to).refusal()
    if chat.blocked:
        how = "blocked by the user" if chat.type == "private" else f"kicked from the {chat.type} chat"
        raise RefusedError(403, f"Forbidden: bot was {how}")
    return chat


def _own_message(bot: BotState, chat: Chat, message_id: int) -> JsonObject:
    message = chat.messages.get(message_id)
    if message is None:
        raise RefusedError(400, "Bad Request: message to edit not found")
    if message["from"] != bot.profile:
        raise RefusedError(400, "Bad Request: message can't be edited")
    return message


def _thread(chat: Chat, parameters: Parameters) -> JsonObject:
    thread_id = parameters.integer("message_thread_id")
    if not thread_id:
        return {}
    if thread_id not in chat.threads:
        raise RefusedError(400, "Bad Request: message thread not found")
    return {"message_thread_id": thread_id, "is_topic_message": True}


def _reply(chat: Chat, parameters: Parameters) -> JsonObject:
    message_id = _reply_to(parameters)
    if message_id is None:
        return {}
    if message_id in chat.messages:
        return {"reply_to_message": chat.messages[message_id]}
    if parameters.mapping("reply_parameters").get("allow_sending_without_reply") is True:
        return {}
    raise RefusedError(400, "Bad Request: message to be replied not found")


def _reply_to(parameters: Parameters) -> int | None:
    message_id = parameters.mapping("reply_parameters").get("message_id")
    return message_id if isinstance(message_id, int) else parameters.integer("reply_to_message_id") or None


def _bot_message(bot: BotState, chat: Chat, message_id: int, text: str, entities: list[JsonObject]) -> JsonObject:
    message: JsonObject = {
        "message_id": message_id,
        "from": bot.profile,
        "chat": chat.profile(),
        "date": int(bot.clock()),
        "text": text,
    }
    return message | ({"entities": [*entities]} if entities else {})


def _keep(bot: BotState, call: MethodCall, chat: Chat, message: JsonObject, entities: list[JsonObject]) -> JsonObject:
    message_id = message["message_id"]
    assert isinstance(message_id, int)
    chat.messages[message_id] = message
    bot.record_sent(_sent(bot, call, message_id, entities))
    return message


def _sent(bot: BotState, call: MethodCall, message_id: int | None, entities: list[JsonObject]) -> Sent:
    arguments = call.parameters
    return Sent(
        method=call.method,
        chat_id=arguments.chat_id,
        thread_id=arguments.integer("message_thread_id") or None,
        text=arguments.text("text"),
        entities=entities,
        message_id=message_id,
        reply_to=_reply_to(arguments),
        link_preview_disabled=arguments.mapping("link_preview_options").get("is_disabled") is True,
        at=bot.clock(),
        outcome="delivered",
        delivered=True,
        answered=call.answered,
        peer=call.peer,
    )
