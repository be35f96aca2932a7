"""The cases for incoming messages."""

from __future__ import annotations

import asyncio

from gateway.errors import InvalidInput
from turngate.testing.channels.doubles import RecordingIntake, RecordingMoves
from turngate.testing.channels.mutations import damaged
from turngate.testing.channels.subject import ChannelUnderTest
from turngate.testing.waiting import until, until_answered


async def normalizing_never_raises(channel: ChannelUnderTest) -> None:
    """Whatever the network delivers is parsed, or refused with `InvalidInput`."""
    for raw in damaged(channel.samples):
        try:
            channel.normalize(raw)
        except InvalidInput:
            continue
        except Exception as error:
            raise AssertionError(f"normalizing {raw[:200]!r} raised {type(error).__name__}: {error}") from error


async def a_message_says_whose_it_is(channel: ChannelUnderTest) -> None:
    """It has a user, a route of its channel, a storable key, and the text as written."""
    intake = RecordingIntake()
    async with channel.opens(intake, RecordingMoves()) as peer:
        await peer.says("ann", "hello there")
        await until(lambda: intake.taken, "ann's message is taken in")
        (message,) = intake.taken
        assert message.text == "hello there"
        assert 1 <= len(message.key) <= 128, message.key
        assert message.user_id, "the message has no user"
        assert message.route.startswith(f"{message.channel}:"), message.route


async def people_have_users_and_routes_of_their_own(channel: ChannelUnderTest) -> None:
    """Nobody reads another person's conversation."""
    intake = RecordingIntake()
    async with channel.opens(intake, RecordingMoves()) as peer:
        await peer.says("ann", "of ann")
        await peer.says("bob", "of bob")
        await until(lambda: len(intake.taken) == 2, "both messages are taken in")
        one, two = intake.taken
        assert one.user_id != two.user_id
        assert (one.user_id, one.route) != (two.user_id, two.route)


async def equal_messages_are_two(channel: ChannelUnderTest) -> None:
    """The same text sent twice is two messages: keys come from the network, not from the text."""
    intake = RecordingIntake()
    async with channel.opens(intake, RecordingMoves()) as peer:
        await peer.says("ann", "again")
        await until(lambda: len(intake.taken) == 1, "the first is taken in")
        await peer.says("ann", "again")
        await until(lambda: len(intake.taken) == 2, "the second is taken in")
        assert len({message.key for message in intake.taken}) == 2, "both have one key, so the second would be dropped"


async def a_repeated_message_is_one(channel: ChannelUnderTest) -> None:
    """However often it is delivered, it has one key, and is stored once."""
    intake = RecordingIntake()
    async with channel.opens(intake, RecordingMoves()) as peer:
        await peer.says("ann", "once")
        await until(lambda: intake.taken, "the message is taken in")
        await peer.repeats("ann", "once")
        await peer.says("ann", "after it")
        await until(lambda: "after it" in intake.texts, "what follows is taken in")
        assert len({message.key for message in intake.taken if message.text == "once"}) == 1


async def acknowledged_after_the_commit(channel: ChannelUnderTest) -> None:
    """The network learns that a message has arrived only once it is durable."""
    intake = RecordingIntake(held_up={"keep me": asyncio.Event()})
    async with channel.opens(intake, RecordingMoves()) as peer:
        await peer.says("ann", "keep me")
        await until(lambda: intake.tries["keep me"], "the message is offered")
        assert not await peer.acknowledged("ann", "keep me"), "it was acknowledged before it was durable"
        intake.held_up["keep me"].set()
        await until_answered(lambda: peer.acknowledged("ann", "keep me"), "the message is acknowledged")


async def nothing_is_lost_while_the_store_is_away(channel: ChannelUnderTest) -> None:
    """A message is offered again until it is stored, and stored once."""
    intake = RecordingIntake(away=True)
    async with channel.opens(intake, RecordingMoves()) as peer:
        await peer.says("ann", "keep me")
        await until(lambda: intake.tries["keep me"], "the message is offered")
        intake.away = False
        await until(lambda: "keep me" in intake.texts, "the message is taken in once the store is back")
        await peer.says("ann", "after it")
        await until(lambda: "after it" in intake.texts, "what follows is taken in")
        assert len({message.key for message in intake.taken if message.text == "keep me"}) == 1


async def conversations_keep_their_order(channel: ChannelUnderTest) -> None:
    """One person's messages are accepted one after another, even if the first takes long."""
    intake = RecordingIntake(held_up={"first": asyncio.Event()})
    async with channel.opens(intake, RecordingMoves()) as peer:
        await peer.says("ann", "first")
        await until(lambda: intake.tries["first"], "ann's first message is offered")
        await peer.says("ann", "second")
        await peer.says("bob", "other")
        assert not intake.tries["second"], "ann's second message went in beside the first"
        intake.held_up["first"].set()
        await until(lambda: len(intake.texts) == 3, "all messages are taken in")
        assert [text for text in intake.texts if text != "other"] == ["first", "second"]


async def conversations_wait_for_nobody(channel: ChannelUnderTest) -> None:
    """While one person's message takes long, another's is accepted, and the first person's next one is not."""
    intake = RecordingIntake(held_up={"first": asyncio.Event()})
    async with channel.opens(intake, RecordingMoves()) as peer:
        await peer.says("ann", "first")
        await until(lambda: intake.tries["first"], "ann's first message is offered")
        await peer.says("ann", "second")
        await peer.says("bob", "other")
        await until(lambda: intake.texts == ["other"], "bob's message is taken in while ann's waits")
        assert not intake.tries["second"], "ann's second message went in beside the first"
        intake.held_up["first"].set()
        await until(lambda: intake.texts == ["other", "first", "second"], "ann's messages are taken in, in order")


async def a_refused_message_holds_up_nobody(channel: ChannelUnderTest) -> None:
    """A message that the gateway refuses is finished, and the next one is accepted."""
    intake = RecordingIntake(answers={"refused": InvalidInput("This text is refused (conformance suite).")})
    async with channel.opens(intake, RecordingMoves()) as peer:
        await peer.says("ann", "refused")
        await until(lambda: intake.tries["refused"], "the message is offered")
        await peer.says("ann", "next")
        await until(lambda: intake.texts == ["next"], "the next message is taken in")


async def a_fault_of_the_gateway_holds_up_nobody(channel: ChannelUnderTest) -> None:
    """An unforeseen error ends neither the channel nor other people's conversations."""
    intake = RecordingIntake(answers={"poison": RuntimeError("an unexpected error (conformance suite)")})
    async with channel.opens(intake, RecordingMoves()) as peer:
        await peer.says("ann", "poison")
        await until(lambda: intake.tries["poison"], "the message is offered")
        await peer.says("bob", "next")
        await until(lambda: "next" in intake.texts, "bob's message is taken in")


async def a_clogged_reader_holds_up_nobody(channel: ChannelUnderTest) -> None:
    """While one person reads nothing, others are heard."""
    intake = RecordingIntake()
    async with channel.opens(intake, RecordingMoves()) as peer:
        await peer.clogs("ann")
        await peer.says("bob", "I am here")
        await until(lambda: "I am here" in intake.texts, "bob's message is taken in")


async def a_stopping_channel_takes_nothing_in(channel: ChannelUnderTest) -> None:
    """After it was told to stop, new messages wait for another replica, or are refused."""
    intake = RecordingIntake()
    async with channel.opens(intake, RecordingMoves()) as peer:
        await peer.says("ann", "before")
        await until(lambda: intake.taken, "the message is taken in")
        await peer.drains()
        await peer.says("ann", "after")
    assert intake.texts == ["before"]
