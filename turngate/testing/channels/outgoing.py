"""The cases for outgoing messages, for networks that replies are pushed to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from gateway.core.model import Address
from gateway.core.networks import Network
from gateway.core.outbound import Chunk
from gateway.errors import DeliveryDeferred, DeliveryError, DeliveryRefused, DeliveryUnknown
from turngate.testing.channels.doubles import RecordingIntake, RecordingMoves
from turngate.testing.channels.subject import ChannelUnderTest, Peer
from turngate.testing.waiting import PATIENCE_S, until, until_answered

TEXTS = (
    "",
    " ",
    "\n\n",
    "a",
    "ä😀\u202e",
    "\0\x07",
    "word " * 20_000,
    "x" * 20_000,
    "a\nb\n" * 3_000,
    "```\ncode\n```",
    "**b**",
)


async def rendering_takes_any_text(channel: ChannelUnderTest) -> None:
    """At least one chunk for any text, none of them empty, and no word is lost."""
    async with channel.opens(RecordingIntake(), RecordingMoves()) as peer:
        for text in TEXTS:
            chunks = peer.network.render(text)
            assert chunks, f"no chunk for {text[:20]!r}"
            assert all(chunk.text.strip() for chunk in chunks), f"an empty chunk for {text[:20]!r}"
            said = "".join("".join(chunk.text.split()) for chunk in chunks)
            assert text.count("word") == said.count("word"), "words are lost"


async def chunks_arrive_in_order(channel: ChannelUnderTest) -> None:
    """One after another, each once."""
    async with channel.opens(RecordingIntake(), RecordingMoves()) as peer:
        texts = [f"piece {number}" for number in range(5)]
        for text in texts:
            await _sent(peer, "ann", text)
        await _heard(peer, "ann", texts)


async def a_long_reply_arrives_whole(channel: ChannelUnderTest) -> None:
    """The chunks that `render` makes are within the network's limits."""
    async with channel.opens(RecordingIntake(), RecordingMoves()) as peer:
        chunks = peer.network.render(" ".join(f"word{number}" for number in range(400)))
        for chunk in chunks:
            await _send(peer.network, peer.address("ann"), chunk)

        async def arrived() -> bool:
            heard = " ".join(await peer.heard("ann")).split()
            return heard == [f"word{number}" for number in range(400)]

        await until_answered(arrived, "every word has arrived, in order")


async def nothing_leaves_without_permission(channel: ChannelUnderTest) -> None:
    """If `may_leave` returns False, another replica may have sent the chunk: it is deferred, and not a byte is written."""
    async with channel.opens(RecordingIntake(), RecordingMoves()) as peer:
        address = peer.address("ann")
        await peer.network.ready(address)
        await _raises(DeliveryDeferred, lambda: peer.network.deliver(address, Chunk("forbidden"), lambda: False))
        await _sent(peer, "ann", "allowed")
        await _heard(peer, "ann", ["allowed"])


async def a_foreign_address_is_refused(channel: ChannelUnderTest) -> None:
    """What can't be an address of this network is refused instead of waiting forever."""
    async with channel.opens(RecordingIntake(), RecordingMoves()) as peer:
        own = peer.network.name
        for written in (f"{own}:", f"{own}:nonsense", f"{own}:somebody-else:ann:0", f"{own}::::", f"{own}:a b:c d:e f"):
            await _raises(DeliveryRefused, lambda text=written: _send(peer.network, Address(text), Chunk("hello")))  # type: ignore[misc] # bound early


async def a_refusal_is_for_good(channel: ChannelUnderTest) -> None:
    """A chunk that the network will never accept is refused; other people are still reached."""
    async with channel.opens(RecordingIntake(), RecordingMoves()) as peer:
        await peer.refuses("ann")
        await _raises(DeliveryRefused, lambda: _send(peer.network, peer.address("ann"), Chunk("hello")))
        await _sent(peer, "bob", "hello bob")
        await _heard(peer, "bob", ["hello bob"])


async def a_network_that_is_away_defers(channel: ChannelUnderTest) -> None:
    """A chunk that certainly was not sent may be retried after a stated time; once the network is back, it arrives once."""
    async with channel.opens(RecordingIntake(), RecordingMoves()) as peer:
        await peer.goes_away()
        begun = time.monotonic()
        while True:
            # The network may go away while a chunk is being sent, or before the channel has noticed.
            error = await _raises(DeliveryError, lambda: _send(peer.network, peer.address("ann"), Chunk("to nobody")))
            if isinstance(error, DeliveryDeferred):
                break
            assert time.monotonic() - begun < PATIENCE_S, f"never deferred, but {error!r}"
        assert error.retry_after > 0
        await peer.network.typing(peer.address("ann"))
        await peer.comes_back()
        await _sent(peer, "ann", "here again")
        await _heard(peer, "ann", ["here again"])


async def a_lost_answer_is_unknown(channel: ChannelUnderTest) -> None:
    """It is unknown whether it arrived, so it is neither refused nor deferred: the outbox decides."""
    async with channel.opens(RecordingIntake(), RecordingMoves()) as peer:
        await peer.loses_answers("ann")
        await _raises(DeliveryUnknown, lambda: _send(peer.network, peer.address("ann"), Chunk("perhaps")))


async def a_moved_conversation_is_followed(channel: ChannelUnderTest) -> None:
    """Chunks for the old address reach the new one, and the gateway is notified."""
    moves = RecordingMoves()
    async with channel.opens(RecordingIntake(), moves) as peer:
        old, new = await peer.moves()
        await _until_sent(peer.network, old, Chunk("still here"))
        await until(lambda: moves.moved, "the gateway is notified of the move")
        assert any(old.startswith(before) and new.startswith(after) for before, after in moves.moved), moves.moved


async def a_clogged_peer_holds_up_nobody(channel: ChannelUnderTest) -> None:
    """While one person's chunks are stuck, others are reached; and stuck sends end: by themselves, or when cancelled."""
    intake = RecordingIntake()
    async with channel.opens(intake, RecordingMoves()) as peer:
        await peer.clogs("ann")
        stuck = asyncio.create_task(_send(peer.network, peer.address("ann"), Chunk("stuck")))
        try:
            await peer.says("bob", "I am here")
            await until(lambda: "I am here" in intake.texts, "bob's message is taken in")
        finally:
            stuck.cancel()
            done, _ = await asyncio.wait([stuck], timeout=PATIENCE_S)
        assert done, "deliver could not be cancelled"


async def what_is_left_leaves_while_it_stops(channel: ChannelUnderTest) -> None:
    """A channel that accepts nothing any more still delivers until it is closed."""
    async with channel.opens(RecordingIntake(), RecordingMoves()) as peer:
        await peer.drains()
        await _sent(peer, "ann", "the last one")
        await _heard(peer, "ann", ["the last one"])
        await peer.network.close()
        await _raises(DeliveryError, lambda: _send(peer.network, peer.address("ann"), Chunk("too late")))


async def typing_never_fails(channel: ChannelUnderTest) -> None:
    """For any address, however often."""
    async with channel.opens(RecordingIntake(), RecordingMoves()) as peer:
        for address in (peer.address("ann"), peer.address("ann"), Address(f"{peer.network.name}:nonsense")):
            await peer.network.typing(address)


async def _send(network: Network, address: Address, chunk: Chunk) -> None:
    """Sends one chunk as the outbox does."""
    await network.ready(address)
    await network.deliver(address, chunk, lambda: True)


async def _until_sent(network: Network, address: Address, chunk: Chunk) -> None:
    """Sends until the chunk is neither deferred nor unknown."""
    begun = time.monotonic()
    while True:
        try:
            return await _send(network, address, chunk)
        except (DeliveryDeferred, DeliveryUnknown) as error:
            if time.monotonic() - begun > PATIENCE_S:
                raise AssertionError(f"never delivered: {error}") from error
            await asyncio.sleep(0.05)


async def _sent(peer: Peer, person: str, text: str) -> None:
    await _until_sent(peer.network, peer.address(person), Chunk(text))


async def _heard(peer: Peer, person: str, texts: list[str]) -> None:
    async def arrived() -> bool:
        return list(await peer.heard(person)) == texts

    try:
        await until_answered(arrived, f"{person} has heard {texts}")
    except AssertionError as error:
        raise AssertionError(f"{error}, but {await peer.heard(person)}") from None


async def _raises(kind: type[DeliveryError], call: Callable[[], Awaitable[None]]) -> DeliveryError:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await call()
    except kind as error:
        return error
    except TimeoutError:
        raise AssertionError(f"nothing happened within {PATIENCE_S:.0f} s; {kind.__name__} was expected") from None
    except Exception as error:
        raise AssertionError(f"{kind.__name__} was expected, not {type(error).__name__}: {error}") from error
    raise AssertionError(f"{kind.__name__} was expected, and nothing was raised")
