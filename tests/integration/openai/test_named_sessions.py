"""Which session a request to `/v1/chat/completions` belongs to, and what it adds there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from gateway.agents.demo.settings import DemoAgentSettings
from gateway.agents.python.settings import PythonAgentSettings
from gateway.app.running.serve import Running
from tests.conftest import UNHURRIED
from tests.integration.agents import answering_agents
from tests.world import Person, World

COMPLETIONS = "/v1/chat/completions"
SESSIONS = "/api/chat/sessions"
CHAT: dict[str, Any] = {"user": "u-1", "metadata": {"chat_id": "trip"}}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(shared_world: World) -> Running:
    """The demo agent, twice, and one that only ends when it is cancelled."""
    demo = DemoAgentSettings(kind="demo")
    patient = PythonAgentSettings(kind="python", target=f"{answering_agents.__name__}:patient")
    agents = {"assistant": demo, "second": demo, "patient": patient}
    return await shared_world.gateway(agents=agents, replica=UNHURRIED)


@pytest_asyncio.fixture(loop_scope="module")
async def ann(shared_world: World, gateway: Running) -> Person:
    """A user with a token."""
    return await shared_world.newcomer(gateway.url)


class Client:
    """Keeps the conversation itself and repeats it with each request, as chat pages do."""

    def __init__(self, person: Person, /, **given: Any) -> None:
        self.person, self.given = person, {"model": "assistant", **given}
        self.messages: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}

    async def asks(self, *texts: str) -> tuple[str, str]:
        """Returns the answer's text and its session."""
        self.messages += [{"role": "user", "content": text} for text in texts]
        return await self.repeats()

    async def repeats(self) -> tuple[str, str]:
        """Sends the same request again, or for the first time."""
        headers = {"Authorization": f"Bearer {self.person.token}", **self.headers}
        body = {**self.given, "messages": self.messages}
        async with self.person.http.post(f"{self.person.url}{COMPLETIONS}", json=body, headers=headers) as response:
            assert response.status == 200, await response.text()
            text = (await response.json())["choices"][0]["message"]["content"]
        self.answered = [*self.messages, {"role": "assistant", "content": text}]
        return text, response.headers["X-Session-Id"]

    async def goes_on(self, *texts: str) -> tuple[str, str]:
        """Asks with the last answer in its history."""
        self.messages = self.answered
        return await self.asks(*texts)


async def transcript(person: Person, session: str) -> list[tuple[str, str]]:
    """The messages of a session."""
    rows = (await person.gets(f"{SESSIONS}/{session}/messages"))["messages"]
    return [(row["role"], row["content"]) for row in rows if not row["deleted"]]


async def listed(person: Person, query: str = "") -> list[str]:
    """The sessions in a list with a matching total."""
    page = await person.gets(f"{SESSIONS}{query}")
    assert page["total"] == len(page["sessions"])
    return [session["session_id"] for session in page["sessions"]]


@pytest.mark.parametrize("user", ["u-1", {"id": "u-1", "name": "Ann", "email": "ann@example.com", "role": "user"}])
async def test_user_and_chat_id_name_the_session(ann: Person, user: Any) -> None:
    """Of a repeated history, only new messages are stored."""
    client = Client(ann, user=user, metadata={"chat_id": "trip"})
    _, session = await client.asks("The lake is frozen")
    text, same = await client.goes_on("What was my last question?")
    assert (same, "The lake is frozen" in text) == (session, True)
    assert [said for role, said in await transcript(ann, session) if role == "user"] == [
        "The lake is frozen",
        "What was my last question?",
    ]
    assert await listed(ann) == [session]


async def test_the_headers_of_open_webui_name_the_session(ann: Person) -> None:
    """It does not pass on `metadata` and sends the ids as headers."""
    client = Client(ann)
    client.headers = {"X-OpenWebUI-User-Id": "u-1", "X-OpenWebUI-Chat-Id": "trip"}
    _, session = await client.asks("The lake is frozen")
    assert (await client.goes_on("And the river?"))[1] == session
    assert (await Client(ann, **CHAT).asks("Hello"))[1] == session


async def test_a_task_of_open_webui_is_not_part_of_the_chat(ann: Person) -> None:
    """It asks for titles, tags and follow-ups with the chat's own headers, and does not send its `metadata.task`."""
    client, task = Client(ann), Client(ann)
    client.headers = task.headers = {"X-OpenWebUI-User-Id": "u-1", "X-OpenWebUI-Chat-Id": "trip"}
    _, session = await client.asks("The lake is frozen")
    prompt = (
        "### Task:\nGenerate a title.\n### Chat History:\n<chat_history>\nUSER: The lake is frozen\n</chat_history>"
    )
    assert (await task.asks(prompt))[1] != session
    text, same = await client.goes_on("What was my last question?")
    assert (same, "The lake is frozen" in text) == (session, True)
    assert await listed(ann) == [session]


async def test_a_chat_may_ask_several_models(ann: Person) -> None:
    """Chat pages ask two side by side, or change the model midway: each agent has a session with the whole conversation."""
    client = Client(ann, **CHAT)
    _, session = await client.asks("The lake is frozen")
    client.given["model"] = "second"
    text, other = await client.goes_on("What was my last question?")
    assert (other != session, "The lake is frozen" in text) == (True, True)
    client.given["model"] = "assistant"
    assert (await client.goes_on("And the river?"))[1] == session


async def test_another_chat_user_or_token_is_another_session(
    ann: Person, shared_world: World, gateway: Running
) -> None:
    """A name belongs to the token's user: another user's session counts as missing."""
    bob = await shared_world.person("bob", gateway.url)
    clients = [
        Client(ann, **CHAT),
        Client(ann, user="u-1", metadata={"chat_id": "work"}),
        Client(ann, user="u-2", metadata={"chat_id": "trip"}),
        Client(bob, **CHAT),
    ]
    found = [(await client.asks(f"I am {number}"))[1] for number, client in enumerate(clients)]
    assert len(set(found)) == 4
    assert [text for role, text in await transcript(bob, found[3]) if role == "user"] == ["I am 3"]


async def test_a_named_session_begins_with_what_was_said_before(ann: Person) -> None:
    """A chat that started elsewhere continues here."""
    client = Client(ann, **CHAT)
    client.answered = [{"role": "user", "content": "Ahoy"}, {"role": "assistant", "content": "Aye"}]
    text, session = await client.goes_on("What was my last question?")
    assert "Ahoy" in text
    assert [said for _, said in await transcript(ann, session)][:2] == ["Ahoy", "Aye"]


async def test_two_new_messages_are_one_of_the_turn(ann: Person) -> None:
    """Nothing that the transcript lacks is dropped."""
    client = Client(ann, **CHAT)
    _, session = await client.asks("One")
    await client.goes_on("Two", "Three")
    assert (await transcript(ann, session))[2] == ("user", "Two\n\nThree")


async def test_repeating_a_request_regenerates_the_last_answer(ann: Person) -> None:
    """A page's "regenerate" request adds no second question."""
    client = Client(ann, **CHAT)
    _, session = await client.asks("One")
    for again in ("One", "Two"):
        await client.repeats()
        assert [said for role, said in await transcript(ann, session) if role == "user"][-1] == again
        if again == "One":
            await client.goes_on("Two")
    assert [role for role, _ in await transcript(ann, session)] == ["user", "assistant"] * 2


async def test_the_same_words_after_their_answer_are_a_new_message(ann: Person) -> None:
    """The history shows that."""
    client = Client(ann, **CHAT)
    _, session = await client.asks("Yes")
    await client.goes_on("Yes")
    assert [said for role, said in await transcript(ann, session) if role == "user"] == ["Yes", "Yes"]


async def test_a_retry_while_the_answer_is_written_joins_it(ann: Person) -> None:
    """A client that times out and retries creates no second turn."""
    headers = {"Authorization": f"Bearer {ann.token}"}
    messages = [{"role": "user", "content": "Go on"}]
    body = {**CHAT, "model": "patient", "stream": True, "messages": messages}
    url = f"{ann.url}{COMPLETIONS}"
    async with ann.http.post(url, json=body, headers=headers) as first:
        await first.content.readuntil(b"going to say")
        async with ann.http.post(url, json=body, headers=headers) as again:
            await again.content.readuntil(b"going to say")
            session = first.headers["X-Session-Id"]
            assert again.headers["X-Session-Id"] == session
            [turn] = (await ann.gets(f"{SESSIONS}/{session}/turns"))["turns"]
            await ann.posts(f"/api/turns/{turn['id']}/cancel", 202)
            await again.content.read()
    assert [role for role, _ in await transcript(ann, session)] == ["user", "assistant"]


async def test_the_first_request_twice_at_once_makes_one_session(ann: Person) -> None:
    """Whichever is first."""
    answers = await asyncio.gather(*(Client(ann, **CHAT).asks(f"I am {number}") for number in range(4)))
    assert len({session for _, session in answers}) == 1


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"user": "u-1"},
        {"metadata": {"chat_id": "trip"}},
        {"user": "u-1", "metadata": {"chat_id": None}},
        {"user": "u-1", "metadata": {"chat_id": "trip", "task": "title_generation"}},
    ],
)
async def test_a_call_without_a_name_is_its_own(ann: Person, given: dict[str, Any]) -> None:
    """It is stored, marked, and left out of the list unless requested."""
    client = Client(ann, **given)
    _, first = await client.asks("The lake is frozen")
    _, second = await client.goes_on("And the river?")
    assert await listed(ann) == []
    assert await listed(ann, "?metadata.stateless=true") == [second, first]
    assert (await ann.gets(f"{SESSIONS}/{first}"))["metadata"] == {"stateless": True}


async def test_unnamed_calls_are_left_out_wherever_sessions_are_listed(ann: Person) -> None:
    """Later pages, filtered lists, search, an agent's list, and the session to resume."""
    _, other = await Client(ann, **CHAT).asks("The lake is frozen")
    newest = (await Client(ann, user="u-1", metadata={"chat_id": "work"}).asks("The lake is deep"))[1]
    await Client(ann).asks("The lake is wide")
    page = await ann.gets(f"{SESSIONS}?limit=1")
    assert (page["total"], page["sessions"][0]["session_id"]) == (2, newest)
    rest = await ann.gets(f"{SESSIONS}?limit=5&cursor={page['next_cursor']}")
    assert [one["session_id"] for one in rest["sessions"]] == [other]
    for query in ("?channel=api&agent=assistant&active=true", "?q=lake"):
        assert sorted(await listed(ann, query)) == sorted([newest, other])
    assert len(await listed(ann, "?q=lake&metadata.stateless=true")) == 1
    assert len((await ann.gets("/api/agents/assistant/sessions"))["sessions"]) == 2
    assert (await ann.gets("/api/agents/assistant"))["session_count"] == 2
    assert (await ann.gets("/api/agents/assistant/active-session"))["session_id"] == newest


async def test_an_unnamed_call_that_is_continued_is_a_conversation(ann: Person) -> None:
    """The header `X-Session-Id` names it from then on."""
    client = Client(ann)
    _, session = await client.asks("The lake is frozen")
    client.headers = {"X-Session-Id": session}
    await client.goes_on("And the river?")
    assert await listed(ann) == [session]


async def test_the_header_wins_over_the_names(ann: Person) -> None:
    """`X-Session-Id` is the most specific."""
    _, session = await Client(ann, **CHAT).asks("The lake is frozen")
    client = Client(ann, user="u-1", metadata={"chat_id": "work"})
    client.headers = {"X-Session-Id": session}
    assert (await client.asks("And the river?"))[1] == session


async def test_a_deleted_session_begins_again_under_its_name(ann: Person) -> None:
    """With the messages that the client still has."""
    client = Client(ann, **CHAT)
    _, session = await client.asks("One")
    await ann.calls("DELETE", f"{SESSIONS}/{session}")
    await client.goes_on("Two")
    assert [said for role, said in await transcript(ann, (await listed(ann))[0]) if role == "user"] == ["One", "Two"]


async def test_a_command_in_a_named_session_is_not_a_message(ann: Person) -> None:
    """Neither before the session exists nor in it."""
    client = Client(ann, **CHAT)
    status, answer = await ann.calls(
        "POST", COMPLETIONS, json={**client.given, "messages": [{"role": "user", "content": "/help"}]}
    )
    assert (status, "/stop" in answer["choices"][0]["message"]["content"]) == (200, True)
    assert await listed(ann) == []
    _, session = await client.asks("One")
    assert (await client.goes_on("/title Ships"))[1] == session
    assert (await ann.gets(f"{SESSIONS}/{session}"))["title"] == "Ships"


@pytest.mark.parametrize("chat_id", ["", "x" * 513, 7, ["trip"]])
async def test_a_chat_id_that_is_none_is_refused(ann: Person, chat_id: Any) -> None:
    """A session per call would surprise a client that names one."""
    body = {"model": "assistant", "user": "u-1", "metadata": {"chat_id": chat_id}}
    status, answer = await ann.calls(
        "POST", COMPLETIONS, json={**body, "messages": [{"role": "user", "content": "One"}]}
    )
    assert (status, answer["error"]["param"]) == (400, "metadata.chat_id")


async def test_an_operators_names_are_their_own(ann: Person, shared_world: World, gateway: Running) -> None:
    """No other user's session is found by a name."""
    _, session = await Client(ann, **CHAT).asks("One")
    owner = replace(await shared_world.person("owner", gateway.url, role="operator"))
    assert (await Client(owner, **CHAT).asks("Two"))[1] != session
