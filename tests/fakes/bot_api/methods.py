"""The Bot API methods that answer immediately, as functions of a bot's state; `getUpdates` waits and is in polling.py."""

from collections.abc import Callable, Mapping

from tests.fakes.bot_api.messages import MethodCall, edit_message_text, record_refusal, send_message, writable_chat
from tests.fakes.bot_api.records import ChatAction, Webhook
from tests.fakes.bot_api.state import BotState
from tests.fakes.bot_api.wire import Json, JsonObject, Parameters, RefusedError


def perform(bot: BotState, call: MethodCall) -> Json:
    """Executes the call and returns its result. Raises `RefusedError`, which is recorded for messages."""
    try:
        return METHODS[call.method](bot, call)
    except RefusedError as refusal:
        record_refusal(bot, call, refusal)
        raise


def accept_allowed_updates(bot: BotState, parameters: Parameters) -> None:
    """Stores which kinds of updates the bot wants; applies to later updates only, as in the Bot API."""
    kinds = parameters.value("allowed_updates")
    if isinstance(kinds, list):
        bot.allowed_updates = [kind for kind in kinds if isinstance(kind, str)]


def _get_me(bot: BotState, call: MethodCall) -> Json:
    abilities: JsonObject = {"can_join_groups": True, "can_read_all_group_messages": True}
    return bot.profile | abilities | {"supports_inline_queries": False, "has_main_web_app": False}


def _send_chat_action(bot: BotState, call: MethodCall) -> Json:
    arguments = call.parameters
    chat = writable_chat(bot, arguments)
    thread_id = arguments.integer("message_thread_id") or None
    bot.record_action(ChatAction(chat.chat_id, thread_id, arguments.text("action"), bot.clock()))
    return True


def _set_webhook(bot: BotState, call: MethodCall) -> Json:
    arguments = call.parameters
    if arguments.flag("drop_pending_updates"):
        bot.queue.clear()
    accept_allowed_updates(bot, arguments)
    connections = min(max(arguments.integer("max_connections", 40), 1), 100)
    bot.webhook = Webhook(arguments.text("url"), arguments.text("secret_token"), connections)
    return True


def _delete_webhook(bot: BotState, call: MethodCall) -> Json:
    if call.parameters.flag("drop_pending_updates"):
        bot.queue.clear()
    bot.webhook = Webhook()
    return True


def _get_webhook_info(bot: BotState, call: MethodCall) -> Json:
    webhook = bot.webhook
    info: JsonObject = {
        "url": webhook.url,
        "has_custom_certificate": False,
        "pending_update_count": len(bot.queue.pending),
    }
    if webhook.url:
        info |= {"max_connections": webhook.max_connections, "ip_address": "127.0.0.1"}
    if webhook.last_error_date is not None:
        info |= {"last_error_date": webhook.last_error_date, "last_error_message": webhook.last_error_message}
    if bot.allowed_updates:
        info["allowed_updates"] = [*bot.allowed_updates]
    return info


def _set_my_commands(bot: BotState, call: MethodCall) -> Json:
    commands = call.parameters.value("commands")
    if not isinstance(commands, list):
        raise RefusedError(400, "Bad Request: can't parse commands JSON object")
    bot.commands = commands
    return True


def _get_my_commands(bot: BotState, call: MethodCall) -> Json:
    return bot.commands


def _answer_callback_query(bot: BotState, call: MethodCall) -> Json:
    if not call.parameters.text("callback_query_id"):
        raise RefusedError(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
    return True


METHODS: Mapping[str, Callable[[BotState, MethodCall], Json]] = {
    "getMe": _get_me,
    "sendMessage": send_message,
    "editMessageText": edit_message_text,
    "sendChatAction": _send_chat_action,
    "setWebhook": _set_webhook,
    "deleteWebhook": _delete_webhook,
    "getWebhookInfo": _get_webhook_info,
    "setMyCommands": _set_my_commands,
    "getMyCommands": _get_my_commands,
    "answerCallbackQuery": _answer_callback_query,
}
