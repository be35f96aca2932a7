"""What a signed-in socket does: its current session, the sessions it follows, and the frames that change either."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import assert_never

from channels.websocket import server_frames
from channels.websocket.client_frames import Cancel, Choose, Hello, Ping, Send, Typing, Unwatch, Watch
from channels.websocket.faults import BadFrame
from channels.websocket.follow import OPEN, Follow
from channels.websocket.outgoing import Outgoing
from channels.websocket.parts import Parts
from gateway.core.events import LiveEvent, SessionChanged, SessionDeleted
from gateway.core.inbound import InboundMessage
from gateway.core.model import WEB, AgentName, ChannelName, Principal, Route, Session, SessionId, UserId
from gateway.core.ports.live import user_topic
from gateway.core.ports.turns import Acceptance
from gateway.core.service import Notice
from gateway.errors import Conflict, NotFound

DeedFrame = Send | Watch | Unwatch | Cancel | Choose | Typing | Ping


class Conversation:
    """One principal on one socket.

    A socket that named its session stays in it. One that didn't follows its route: `_current` is the session of its last
    message, or the one that hello found; None before.
    """

    __slots__ = (
        "_agent",
        "_channel",
        "_current",
        "_ended",
        "_follows",
        "_forget_list",
        "_named",
        "_outgoing",
        "_parts",
        "_watched",
        "principal",
    )

    def __init__(self, principal: Principal, parts: Parts, outgoing: Outgoing) -> None:
        self.principal = principal
        self._parts = parts
        self._outgoing = outgoing
        self._agent: AgentName | None = None
        self._channel: ChannelName | None = None
        self._current: SessionId | None = None
        self._named = False
        self._follows: dict[SessionId, Follow] = {}
        self._watched: set[SessionId] = set()
        self._forget_list: Callable[[], None] | None = None
        self._ended = False

    @property
    def _reader(self) -> UserId | None:
        return None if self.principal.role == "operator" else self.principal.user_id

    async def enter(self, hello: Hello) -> None:
        """Enters the session that is named, or that the route resumes. Raises `NotFound` without changing anything."""
        session = None
        if hello.session_id is not None:
            session = await self._parts.sessions.get(hello.session_id, self._reader)
            agent = session.agent_name
        else:
            agent = self._known_agent(hello.agent)
            session = await self._parts.sessions.resumable(self.principal.user_id, _route(hello.channel, agent))
        self._leave()
        self._agent, self._channel, self._named = agent, hello.channel, hello.session_id is not None
        if session is None:
            self._outgoing.put(server_frames.ready(self.principal, agent))
        else:
            await self._resume(session, hello.after)

    async def handle(self, frame: DeedFrame) -> None:
        """Handles a frame. Raises the gateway's errors."""
        match frame:
            case Send():
                await self._send(frame)
            case Ping():
                self._outgoing.put(server_frames.PONG)
            case Typing():
                return
            case Watch():
                await self._watch(frame)
            case Unwatch():
                self._unwatch()
            case Cancel():
                await self._parts.intake.cancel(frame.turn_id, self._reader)
            case Choose():
                await self._choose(frame)
            case _:
                assert_never(frame)

    def end(self) -> None:
        """Stops following everything."""
        self._ended = True
        for follow in self._follows.values():
            follow.end()
        self._follows.clear()
        self._watched.clear()
        self._stop_list()

    # Where the socket is ----------------------------------------------------------------------------------------------

    def _known_agent(self, name: AgentName | None) -> AgentName:
        agent = name or self._parts.default_agent
        if agent not in self._parts.agents:
            raise NotFound(f"There is no agent {agent}.")
        return agent

    async def _resume(self, session: Session, after: int | None) -> None:
        self._current = session.session_id
        # The follow receives events from here on, so its frames come after ready.
        follow = self._follow(session, after)
        self._outgoing.put(
            server_frames.ready(
                self.principal, session.agent_name, session.session_id, resumed=True, last_seq=session.last_seq
            )
        )
        follow.restart()
        follow.join(running=session.running)

    def _leave(self) -> None:
        current, self._current, self._named = self._current, None, False
        if current is not None and current not in self._watched and current in self._follows:
            self._follows.pop(current).end()

    # Messages ---------------------------------------------------------------------------------------------------------

    async def _send(self, frame: Send) -> None:
        self._parts.limits.message(self.principal)
        target = frame.session_id or (self._current if self._named else None)
        message = await self._message(frame, target)
        # Events of the turn may arrive from elsewhere before the ack is written: they wait.
        self._outgoing.hold()
        try:
            answer = await self._parts.intake.accept(message, partial(self._acknowledge, frame.id, target))
        finally:
            self._outgoing.release()
        if isinstance(answer, Notice):
            await self._notice(frame, target, answer)

    async def _message(self, frame: Send, target: SessionId | None) -> InboundMessage:
        if self._agent is None or self._channel is None:
            raise BadFrame("Send a hello frame first.", frame.id)
        agent, user_id = self._agent, self.principal.user_id
        if target is not None:
            follow = self._follows.get(target)
            session = (await self._join(target) if follow is None or follow.over else follow).session
            agent, user_id = session.agent_name, session.user_id
        return InboundMessage(
            user_id=user_id,
            channel=self._channel,
            agent=agent,
            text=frame.text,
            key=frame.id,
            route=_route(self._channel, agent),
            session_id=target,
            metadata=frame.metadata,
            command=frame.command,
        )

    async def _join(self, session_id: SessionId) -> Follow:
        session = await self._parts.sessions.get(session_id, self._reader)
        follow = self._follow(session, None)
        follow.join(running=session.running)
        return follow

    def _acknowledge(self, client_id: str, target: SessionId | None, accepted: Acceptance) -> None:
        session, message = accepted.session, accepted.message
        if session is None or message is None or self._ended:
            return
        if self._reader not in {None, session.user_id}:
            # The visitor has just been identified, so the message is the user's, and its events are not for this socket.
            self._outgoing.release(server_frames.ack(client_id, message, accepted.turn_id or message.turn_id))
            return
        moves = session.session_id != self._current and target in {None, self._current}
        first = self._move(session, message.seq - 1, is_new=accepted.session_is_new) if moves else ()
        self._outgoing.release(*first, server_frames.ack(client_id, message, accepted.turn_id or message.turn_id))
        if session.session_id not in self._follows:
            follow = self._begin(session, message.seq - 1)
            if accepted.status == "duplicate" or accepted.turn_status == "queued":
                follow.join(running=accepted.turn_status in OPEN or accepted.turn_status == "waiting")

    def _move(self, session: Session, last_seq: int, *, is_new: bool) -> tuple[bytes, ...]:
        """The route continues in another session; a socket that was in one learns that before the ack."""
        is_first = self._current is None
        self._leave()
        self._current = session.session_id
        if is_first:
            return ()
        return (
            server_frames.ready(
                self.principal, session.agent_name, session.session_id, resumed=not is_new, last_seq=last_seq
            ),
        )

    async def _notice(self, frame: Send, target: SessionId | None, notice: Notice) -> None:
        self._outgoing.put(server_frames.notice(notice.text, frame.id))
        if target not in {None, self._current} or self._agent is None:
            return
        if notice.moved_to is not None:
            self._leave()
            self._agent, self._named = notice.moved_to.agent_name, True
            await self._resume(notice.moved_to, None)
        elif notice.session_ended:
            self._leave()
            self._agent = notice.agent or self._agent
            self._outgoing.put(server_frames.ready(self.principal, self._agent))

    async def _choose(self, frame: Choose) -> None:
        """Followers hear of an answer by the question's row; only an answer that comes too late gets one of its own."""
        self._parts.limits.message(self.principal)
        try:
            await self._parts.approvals.answer(
                frame.approval_id,
                frame.choice,
                frame.text,
                self.principal.user_id,
                self._channel or WEB,
                is_operator=self._reader is None,
            )
        except Conflict as late:
            self._outgoing.put(server_frames.notice(str(late), frame.id))

    # Following --------------------------------------------------------------------------------------------------------

    async def _watch(self, frame: Watch) -> None:
        if frame.session_id is None:
            if self._forget_list is None:
                self._forget_list = self._parts.live.subscribe(user_topic(self._reader), self._hear_list)
            return
        session = await self._parts.sessions.get(frame.session_id, self._reader)
        follow = self._follow(session, frame.after)
        self._watched.add(session.session_id)
        follow.join(running=session.running)

    def _unwatch(self) -> None:
        for session_id in self._watched - {self._current}:
            if session_id in self._follows:
                self._follows.pop(session_id).end()
        self._watched.clear()
        self._stop_list()

    def _follow(self, session: Session, after: int | None) -> Follow:
        """`after` beyond the last row comes from another database: then nothing is replayed."""
        follow = self._follows.get(session.session_id)
        if follow is not None and not follow.over:
            if after is None or after >= follow.sent:
                return follow
            follow.end()
        else:
            self._make_room()
        sent = session.last_seq if after is None else min(after, session.last_seq)
        return self._begin(session, sent, recall=bool(after))

    def _make_room(self) -> None:
        """Drops follows that were only started by a message, the oldest first. Raises `Conflict` if all are watched."""
        most = self._parts.max_followed
        if len(self._follows) < most:
            return
        self._follows = {found: follow for found, follow in self._follows.items() if not follow.over}
        if len(self._follows) < most:
            return
        spare = next((found for found in self._follows if found != self._current and found not in self._watched), None)
        if spare is None:
            raise Conflict(f"A socket can follow at most {most} sessions. Send unwatch, or open another socket.")
        self._follows.pop(spare).end()

    def _begin(self, session: Session, sent: int, *, recall: bool = False) -> Follow:
        follow = Follow(session, self._reader, sent, self._parts, self._outgoing, recall=recall)
        self._follows[session.session_id] = follow
        return follow

    def _hear_list(self, event: LiveEvent) -> None:
        if isinstance(event, SessionChanged):
            self._outgoing.put(server_frames.session(event.session))
        elif isinstance(event, SessionDeleted) and event.session_id not in self._follows:
            # Otherwise it was sent as an event of that session.
            self._outgoing.put(server_frames.session_deleted(event.session_id))

    def _stop_list(self) -> None:
        if self._forget_list is not None:
            self._forget_list()
            self._forget_list = None


def _route(channel: ChannelName, agent: AgentName) -> Route:
    return Route(f"{channel}:{agent}")
