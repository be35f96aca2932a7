"""Raw updates become messages, are ignored with a reason, or are refused for quarantine."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.telegram.bot_identity import BotIdentity
from channels.telegram.receiving.normalize import Ignored, Incoming, Migrated, normalize
from channels.telegram.target import Target
from gateway.core.model import JsonObject, JsonValue
from gateway.errors import InvalidInput

BOT = BotIdentity(42, "gate_bot")
ADA: JsonObject = {"id": 5, "is_bot": False, "first_name": "Ada", "username": "ada"}
PRIVATE: JsonObject = {"id": 5, "type": "private", "first_name": "Ada"}
GROUP: JsonObject = {"id": -100, "type": "supergroup", "title": "Team"}


def update(sender: JsonValue = ADA, **fields: JsonValue) -> JsonObject:
    message: JsonObject = {"message_id": 7, "date": 1, "chat": PRIVATE, "from": sender}
    return {"update_id": 1, "message": message | fields}


def taken(**fields: JsonValue) -> Incoming:
    incoming = normalize(update(**fields), BOT)
    assert isinstance(incoming, Incoming)
    return incoming


def ignored(raw: JsonValue) -> str:
    result = normalize(raw, BOT)
    assert isinstance(result, Ignored)
    return result.reason


def test_a_text_becomes_a_message() -> None:
    """Only sender, chat, text and key are passed on; the name is for recognising a link."""
    assert taken(text="hello") == Incoming(
        Target(42, 5, 0), 5, "hello", "tg:42:5:7:0", private=True, sender_name="@ada", written_at=1
    )


@pytest.mark.parametrize("date", ["now", 1.5, -1, None])
def test_an_odd_date_is_no_reason_to_lose_a_message(date: JsonValue) -> None:
    """Its time is unknown then."""
    assert taken(text="hello", date=date).written_at is None


def test_a_topic_is_part_of_the_place() -> None:
    """A forum's topics are conversations of their own."""
    assert taken(text="x", chat=GROUP, message_thread_id=9, is_topic_message=True).target == Target(42, -100, 9)


def test_a_thread_of_replies_is_no_topic() -> None:
    """Telegram also numbers threads of replies; they belong to the chat."""
    assert taken(text="x", chat=GROUP, message_thread_id=9).target == Target(42, -100, 0)


def test_the_key_tells_edits_apart() -> None:
    """The date of an edit is part of the key, so that an edit is no duplicate."""
    assert taken(text="x", edit_date=99).key == "tg:42:5:7:99"


def test_a_caption_is_the_text_of_a_photo() -> None:
    """The caption of a picture counts as its text."""
    assert taken(photo=[{"file_id": "a"}], caption="look").text == "look"


@pytest.mark.parametrize(
    ("kind", "text"),
    [("photo", "[photo]"), ("document", "[document]"), ("video_note", "[video note]"), ("sticker", "[sticker]")],
)
def test_media_without_words_leave_a_word(kind: str, text: str) -> None:
    """Nothing is lost silently: the agent learns that something came."""
    media: JsonObject = {kind: {"file_id": "a"}}
    assert taken(**media).text == text


def test_nul_and_half_surrogates_are_made_storable() -> None:
    """NUL is removed, an unpaired surrogate becomes U+FFFD."""
    assert taken(text=json.loads('"a\\u0000b\\ud800c"')).text == "ab\ufffdc"


def test_a_text_of_nul_alone_is_still_a_message() -> None:
    """It is answered, not dropped."""
    assert taken(text="\0").text == "[empty message]"


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("/new@gate_bot", "/new"),
        ("/title@Gate_Bot My plans", "/title My plans"),
        ("@gate_bot what is up?", "what is up?"),
        ("@GATE_BOT, hello", "hello"),
        ("@gate_bot", "@gate_bot"),
        ("@gate_bots hello", "@gate_bots hello"),
        ("mail ada@gate_bot now", "mail ada@gate_bot now"),
        ("/new", "/new"),
    ],
)
def test_the_bots_own_name_is_left_out(said: str, heard: str) -> None:
    """In groups, people address the bot; the agent need not read its name."""
    assert taken(text=said, chat=GROUP).text == heard


def test_commands_for_other_bots_are_ignored_in_groups() -> None:
    """Several bots share a group."""
    assert ignored(update(text="/new@other_bot", chat=GROUP)) == "a command for another bot"


def test_a_private_chat_has_one_bot_only() -> None:
    """There, even a command with another name is meant for this bot."""
    assert taken(text="/new@other_bot").text == "/new@other_bot"


@pytest.mark.parametrize(
    ("text", "payload"),
    [("/start", ""), ("/start abc-123_X", "abc-123_X"), ("/started", None), ("/start two words", None), ("hi", None)],
)
def test_start_is_recognised_with_its_payload(text: str, payload: str | None) -> None:
    """Deep links send `/start` with up to 64 letters, digits, `_` and `-`."""
    assert taken(text=text).start == payload


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"update_id": 1, "edited_message": {"message_id": 7}}, "an update of kind edited_message"),
        ({"update_id": 1, "my_chat_member": {}}, "an update of kind my_chat_member"),
        (update(new_chat_members=[ADA], chat=GROUP), "a service message"),
        (update(text="x", sender={"id": 6, "is_bot": True}), "not sent by a person"),
        (update(text="x", sender={"id": 777_000, "is_bot": False}), "not sent by a person"),
        (update(text="x", sender={"id": 1_087_968_824, "is_bot": False}), "not sent by a person"),
        (update(text="x", sender={"id": 136_817_688, "is_bot": False}), "not sent by a person"),
        (update(text="x", chat=GROUP, is_automatic_forward=True), "not sent by a person"),
        (update(text="x", chat=GROUP, sender_chat=GROUP), "not sent by a person"),
        (update(text="x", chat=GROUP, sender_chat={"id": "odd"}), "not sent by a person"),
        (update(text="x", sender=None), "not sent by a person"),
        (update(text="x", chat={"id": -1, "type": "channel"}), "not sent by a person"),
    ],
)
def test_what_needs_no_answer_is_ignored_with_a_reason(raw: JsonValue, reason: str) -> None:
    """Edits are not answered again, nor are bots, channels and service messages."""
    assert ignored(raw) == reason


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (None, "not an object"),
        ("text", "not an object"),
        ({"update_id": 1}, "is empty"),
        ({"update_id": 1, "message": []}, "not an object"),
        ({"update_id": 1, "message": {}}, "message_id"),
        (update(text=5), "text"),
        (update(chat={"id": "5", "type": "private"}), "chat.id"),
        (update(chat={"id": 5, "type": "castle"}), "chat.type"),
        (update(sender={"id": True}), "from.id"),
        (update(message_id=2**70), "message_id"),
    ],
)
def test_malformed_updates_are_refused_by_name(raw: JsonValue, words: str) -> None:
    """The reason names what is wrong, for inspecting the quarantine."""
    with pytest.raises(InvalidInput, match=words):
        normalize(raw, BOT)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["message", "chat", "from"]), inner),
)


@given(JSON)
def test_any_json_is_taken_ignored_or_refused(raw: JsonValue) -> None:
    """No other outcome is possible, so nothing can stop the poller."""
    try:
        assert isinstance(normalize(raw, BOT), Incoming | Ignored)
    except InvalidInput as error:
        assert str(error)  # noqa: PT017 - every outcome is checked


@given(
    st.dictionaries(st.sampled_from(["text", "chat", "sender", "message_id", "photo", "edit_date", "caption"]), JSON)
)
def test_any_message_is_taken_ignored_or_refused(fields: dict[str, JsonValue]) -> None:
    """The same for messages that are nearly valid."""
    try:
        assert isinstance(normalize(update(**fields), BOT), Incoming | Ignored)
    except InvalidInput as error:
        assert str(error)  # noqa: PT017 - every outcome is checked


@pytest.mark.parametrize(
    ("chat_id", "fields"), [(-77, {"migrate_to_chat_id": -100}), (-100, {"migrate_from_chat_id": -77})]
)
def test_both_service_messages_of_a_migration_say_the_same(chat_id: int, fields: JsonObject) -> None:
    """Whoever sent them, and whichever comes first."""
    raw = update(sender=None, chat=GROUP | {"id": chat_id}, **fields)
    assert normalize(raw, BOT) == Migrated(old=Target(42, -77), new=Target(42, -100))


def test_a_migration_to_the_same_place_is_none() -> None:
    """Nothing is renamed to itself."""
    assert ignored(update(chat=GROUP, migrate_to_chat_id=-100)) == "a service message"
