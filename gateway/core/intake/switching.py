"""`/sessions`, `/resume`, `/fork` and `/agent`: which conversation a route continues, and with which agent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from gateway.core.inbound import InboundMessage
from gateway.core.model import API, AgentName, ChatId, Message, Route, Session, SessionId, UserId
from gateway.core.ports.routes import Routes
from gateway.core.ports.sessions.editing import ForkPoint
from gateway.core.ports.sessions.sessions import MessageStore, SessionFilter, SessionStore
from gateway.core.service import Notice
from gateway.errors import Conflict, NotFound

LISTED = 10
LAST_LINES = 4
LINE = 160
"""Characters of a title or message shown in a notice."""
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
BY_NAME = "Over HTTP each message names its session."
FORKS = UUID("3d0f4f0e-8f0b-5a53-b1d6-6f6f9a2f1c7e")
"""The namespace of fork ids, which are derived from the parent and the message that asked for the fork (RFC 9562, section 5.5)."""

Fork = Callable[[ForkPoint, UserId | None], Awaitable[Session]]


@dataclass(frozen=True, slots=True)
class SwitchingParts:
    """What switching needs. `agents`: their descriptions, the default one first."""

    sessions: SessionStore
    messages: MessageStore
    routes: Routes
    agents: Mapping[AgentName, str | None]


class Switching:
    """Each method returns a notice; nothing here raises for a user's mistake."""

    def __init__(self, parts: SwitchingParts) -> None:
        self._parts = parts
        self._fork: Fork | None = None

    def forks_with(self, fork: Fork) -> None:
        """Sets who creates forks; that object is built later, around the intake."""
        self._fork = fork

    async def sessions(self, message: InboundMessage, here: Session | None, lead: str = "") -> Notice:
        """Lists the user's latest sessions, numbered; the numbers are valid for `/resume` on this route."""
        page = await self._parts.sessions.list(SessionFilter(message.user_id, limit=LISTED))
        if not page.sessions:
            return Notice(lead + "No conversations yet. Your next message starts one.")
        await self._parts.routes.note_list(
            message.user_id, message.route, [session.session_id for session in page.sessions], message.account
        )
        now = datetime.now(UTC)
        lines = [_line(number, session, here, now) for number, session in enumerate(page.sessions, 1)]
        return Notice(
            lead
            + "\n".join(
                ["Your latest conversations:", *lines, "To continue one, write /resume followed by its number."]
            )
        )

    async def resume(self, message: InboundMessage, here: Session | None, which: str) -> Notice:
        """Continues a session from the list, wherever it started."""
        listed = await self._listed(message)
        number = int(which) if which.isascii() and which.isdigit() and len(which) < 4 else 0
        if not which:
            return await self.sessions(message, here, "Write /resume followed by a number from this list.\n")
        if not 1 <= number <= len(listed):
            return await self.sessions(message, here, f"There is no conversation {which[:20]} in the list.\n")
        try:
            session = await self._parts.routes.point(
                message.user_id, message.route, listed[number - 1], message.account
            )
        except NotFound:
            return await self.sessions(message, here, f"Conversation {number} is gone.\n")
        told = [f"Continuing {name_of(session)}, started on {session.channel}, with {session.agent_name}."]
        if message.channel == API:
            told.append(f"{BY_NAME} This one is {session.session_id}.")
        return Notice("\n".join([*told, *await self._last_lines(session)]), moved_to=session)

    async def fork(self, message: InboundMessage, here: Session | None) -> Notice:
        """Forks the conversation and continues the copy on this route; the original stays as it is.

        Repeating the same message leads to the same fork.
        """
        if here is None or self._fork is None:
            return Notice("There is no conversation to fork yet. Write a message first.")
        chat_id = _fork_id(here.session_id, message)
        point = ForkPoint(here.session_id, None, None, message.channel, message.route, chat_id, message.account)
        try:
            session = here if _is_from(message, here) else await self._fork(point, message.user_id)
        except Conflict as error:
            return Notice(str(error))
        told = f"You are now in a copy of {name_of(here)}. The original stays as it is: /sessions lists both."
        if message.channel == API:
            told = f"{told} {BY_NAME} The copy is {session.session_id}."
        return Notice(told, moved_to=session)

    async def new(self, message: InboundMessage) -> Notice:
        """The next message starts a new conversation; over HTTP, the client asks for one explicitly."""
        if message.channel == API:
            return Notice(f"{BY_NAME} Create one: POST /api/chat/sessions. Or put its first message after /new.")
        await self._parts.sessions.end_current(message.user_id, message.route, message.session_id)
        return Notice("Your next message starts a new conversation.", session_ended=True)

    async def agent(self, message: InboundMessage, name: str) -> Notice:
        """Chooses another agent for this route, from the next conversation on; without a name, lists the agents."""
        agents = self._parts.agents
        chosen = next((known for known in agents if known.casefold() == name.casefold()), None)
        if chosen is None:
            lead = f"There is no agent {name[:60]}. " if name else ""
            lines = [f"{known}: {text}" if text else known for known, text in agents.items()]
            return Notice("\n".join([f"{lead}Write /agent followed by a name. Available agents:", *lines]))
        if message.channel == API:
            return Notice(f'{BY_NAME} Create one with {{"agent_name": "{chosen}"}}: POST /api/chat/sessions.')
        await self._parts.routes.choose(message.user_id, _route_with(message, chosen), chosen, message.account)
        return Notice(f"Your next message starts a conversation with {chosen}.", session_ended=True, agent=chosen)

    async def _listed(self, message: InboundMessage) -> Sequence[SessionId]:
        listed = await self._parts.routes.listed(message.user_id, message.route)
        if listed:
            return listed
        page = await self._parts.sessions.list(SessionFilter(message.user_id, limit=LISTED))
        found = [session.session_id for session in page.sessions]
        # Continuing a session changes the order; the same command must lead to the same session when repeated.
        await self._parts.routes.note_list(message.user_id, message.route, found, message.account)
        return found

    async def _last_lines(self, session: Session) -> Sequence[str]:
        page = await self._parts.messages.page(session.session_id, session.user_id, LAST_LINES, None)
        lines = [_told(said, session) for said in page.messages if not said.deleted]
        return ["Last said:", *lines] if lines else ["No messages yet."]


def name_of(session: Session) -> str:
    """Returns a session's title, shortened, or a substitute."""
    return f"“{_short(session.title)}”" if session.title else "an untitled conversation"


def age(moment: datetime, now: datetime) -> str:
    """Returns roughly how long ago that was."""
    seconds = (now - moment).total_seconds()
    return next((f"{int(seconds / length)} {unit} ago" for length, unit in UNITS if seconds >= length), "just now")


def _line(number: int, session: Session, here: Session | None, now: datetime) -> str:
    said = age(session.last_message_at or session.created_at, now)
    title = _short(session.title) if session.title else "(no title)"
    marks = [
        "an answer is being written" if session.running else "",
        "this one" if here is not None and here.session_id == session.session_id else "",
    ]
    told = ", ".join(mark for mark in marks if mark)
    line = f"{number}. {title} · {session.channel} · {session.agent_name} · {said}"
    return f"{line} ({told})" if told else line


def _told(message: Message, session: Session) -> str:
    who = "You" if message.role == "user" else session.agent_name
    return f"{who}: {_short(message.content)}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LINE else line[: LINE - 1] + "…"


def _fork_id(parent: SessionId, message: InboundMessage) -> ChatId:
    return ChatId(uuid5(FORKS, f"{parent}\n{message.key}"))


def _is_from(message: InboundMessage, here: Session) -> bool:
    """Whether this message created the fork when it arrived before."""
    parent = here.parent_session_id
    return parent is not None and here.session_id == str(_fork_id(parent, message))


def _route_with(message: InboundMessage, agent: AgentName) -> Route:
    """Returns the same route with another agent: routes that contain their agent's name change."""
    if message.route == f"{message.channel}:{message.agent}":
        return Route(f"{message.channel}:{agent}")
    return message.route
