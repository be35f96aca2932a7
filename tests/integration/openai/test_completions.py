"""`/v1`, byte by byte: what a gateway sends to OpenAI's clients."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import pytest_asyncio

from gateway.agents.demo.settings import DemoAgentSettings
from gateway.agents.python.settings import PythonAgentSettings
from gateway.app.running.serve import Running
from tests.conftest import UNHURRIED
from tests.integration.agents import answering_agents
from tests.world import Person, World, eventually

COMPLETIONS = "/v1/chat/completions"
NAMES = ("repeating", "fickle", "costly", "remembering", "patient")


pytestmark = pytest.mark.asyncio(loop_scope="module")
on_its_own_loop = pytest.mark.asyncio(loop_scope="function")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(shared_world: World) -> Running:
    """The demo agent, and those in `answering_agents`."""
    odd = {
        name: PythonAgentSettings(
            kind="python", target=f"{answering_agents.__name__}:{name}", multitask_strategy="reject"
        )
        for name in NAMES
    }
    agents = {"assistant": DemoAgentSettings(kind="demo"), **odd}
    return await shared_world.gateway(agents=agents, turns={"max_text": 1000}, replica=UNHURRIED)


@pytest_asyncio.fixture(loop_scope="module")
async def ann(shared_world: World, gateway: Running) -> Person:
    """A user with a token."""
    return await shared_world.newcomer(gateway.url)


def question(text: str, agent: str = "assistant", **given: Any) -> dict[str, Any]:
    """A request with one message."""
    return {"model": agent, "messages": [{"role": "user", "content": text}], **given}


async def answered(person: Person, body: dict[str, Any], **headers: str) -> tuple[Any, str]:
    """The answer's text and its session."""
    async with person.http.post(
        f"{person.url}{COMPLETIONS}", json=body, headers={"Authorization": f"Bearer {person.token}", **headers}
    ) as response:
        assert response.status == 200, await response.text()
        return (await response.json())["choices"][0]["message"]["content"], response.headers["X-Session-Id"]


async def refused(person: Person, body: Any, **headers: str) -> tuple[int, Any]:
    """Status and error of a request that fails."""
    status, answer = await person.calls("POST", COMPLETIONS, json=body, headers=headers)
    assert list(answer) == ["error"], answer
    assert list(answer["error"]) == ["message", "type", "param", "code"]
    return status, answer["error"]


async def events(person: Person, body: dict[str, Any]) -> list[Any]:
    """The events of a stream, `[DONE]` included."""
    async with person.http.post(
        f"{person.url}{COMPLETIONS}",
        json={**body, "stream": True},
        headers={"Authorization": f"Bearer {person.token}"},
    ) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        lines = (await response.text()).split("\n\n")
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    assert data[-1] == "[DONE]"
    return [json.loads(line) for line in data[:-1]]


def text_of(told: list[Any]) -> str:
    """What the chunks of a stream say together."""
    return "".join(e["choices"][0]["delta"].get("content", "") for e in told if e.get("choices"))


# Streams --------------------------------------------------------------------------------------------------------------


async def test_a_stream_has_openais_shape(ann: Person) -> None:
    """Role, pieces, finish reason, usage; each has the same header fields."""
    told = await events(ann, question("The lake is frozen", stream_options={"include_usage": True}))
    assert told[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert told[-2]["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    assert (told[-1]["choices"], told[-1]["usage"]["total_tokens"]) == ([], 0)
    assert {(event["id"], event["object"], event["model"]) for event in told} == {
        (told[0]["id"], "chat.completion.chunk", "assistant")
    }


async def test_an_attempt_that_repeats_what_was_sent_continues_after_it(ann: Person) -> None:
    """Nothing is sent twice."""
    told = await events(ann, question("Count", "repeating"))
    assert text_of(told) == "One, two, three."
    assert told[-1]["choices"][0]["finish_reason"] == "stop"


async def test_an_attempt_that_says_something_else_ends_the_stream_with_an_error(ann: Person) -> None:
    """What was sent cannot be taken back; the transcript has the right answer."""
    told = await events(ann, question("Count", "fickle"))
    assert text_of(told) == "One, two, "
    assert told[-1]["error"]["code"] == "answer_changed"
    content, _ = await answered(ann, question("Count", "fickle"))
    assert content == "Three, two, one."


async def test_a_stream_is_the_row_it_leaves(ann: Person) -> None:
    """Even around a tool call, which OpenAI's format cannot express."""
    told = await events(ann, question("What time is it?", "costly", stream_options={"include_usage": True}))
    assert text_of(told) == "Let me see. \n\nIt is noon."
    assert told[-1]["usage"] == {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


async def test_a_failed_turn_ends_the_stream_with_an_error(ann: Person) -> None:
    """The apology is only in the transcript."""
    told = await events(ann, question("fail for good"))
    assert told[-1]["error"]["code"] == "agent_failed"
    assert "Sorry" not in text_of(told)


async def test_a_cancelled_turn_ends_in_the_middle(ann: Person, gateway: Running) -> None:
    """`length`, OpenAI's finish reason for an answer that stops too early."""
    async with ann.http.post(
        f"{ann.url}{COMPLETIONS}",
        json=question("Go on", "patient", stream=True),
        headers={"Authorization": f"Bearer {ann.token}"},
    ) as response:
        session = response.headers["X-Session-Id"]
        await response.content.readuntil(b"going to say")
        busy = await refused(ann, question("And now?", "patient"), **{"X-Session-Id": session})
        assert (busy[0], busy[1]["code"]) == (409, "conflict")
        status, stopped = await ann.calls(
            "POST", COMPLETIONS, json=question("/stop", "patient"), headers={"X-Session-Id": session}
        )
        assert (status, stopped["choices"][0]["message"]["content"]) == (200, "Stopped.")
        rest = (await response.content.read()).decode()
    assert '"finish_reason":"length"' in rest


# Answers --------------------------------------------------------------------------------------------------------------


async def test_an_answer_tells_its_cost(ann: Person) -> None:
    """As reported by the agent."""
    answer = await ann.posts(COMPLETIONS, 200, **question("What time is it?", "costly"))
    assert answer["usage"] == {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    assert answer["choices"][0]["message"]["content"] == "Let me see. \n\nIt is noon."


async def test_a_failed_turn_is_an_error_that_clients_do_not_repeat(ann: Person) -> None:
    """The turn has already had its attempts."""
    async with ann.http.post(
        f"{ann.url}{COMPLETIONS}", json=question("fail for good"), headers={"Authorization": f"Bearer {ann.token}"}
    ) as response:
        error = (await response.json())["error"]
        assert (response.status, error["type"], error["code"]) == (500, "server_error", "agent_failed")
        assert response.headers["x-should-retry"] == "false"
        page = await ann.gets(f"/api/chat/sessions/{response.headers['X-Session-Id']}/messages")
    assert "Sorry" in page["messages"][-1]["content"]


async def test_a_command_is_answered_and_makes_no_session(ann: Person) -> None:
    """The same commands as everywhere."""
    answer = await ann.posts(COMPLETIONS, 200, **question("/help"))
    assert "/stop" in answer["choices"][0]["message"]["content"]
    assert text_of(await events(ann, question("/help"))) == answer["choices"][0]["message"]["content"]
    assert (await ann.gets("/api/chat/sessions"))["total"] == 0


async def test_unknown_fields_of_clients_have_no_effect(ann: Person) -> None:
    """Model parameters, null or not, and unknown ones."""
    extras: dict[str, Any] = {
        "temperature": 0.1,
        "top_p": None,
        "max_tokens": 1,
        "stop": ["a"],
        "seed": 7,
        "store": True,
        "new": {"a": 1},
    }
    allowed: dict[str, Any] = {
        "n": 1,
        "tools": [],
        "tool_choice": "none",
        "response_format": {"type": "text"},
        "stream": None,
    }
    answer = await ann.posts(COMPLETIONS, 200, **question("The lake is frozen", **extras, **allowed))
    assert "The lake is frozen" in answer["choices"][0]["message"]["content"]


# Sessions -------------------------------------------------------------------------------------------------------------


async def test_instructions_are_kept_as_data(ann: Person) -> None:
    """FACTS 7.12: nobody can smuggle system text in; it is visible in the transcript."""
    body = question("What were you told?", "remembering")
    body["messages"] = [
        {"role": "system", "content": "You are a pirate."},
        {"role": "user", "content": "Ahoy"},
        {"role": "assistant", "content": [{"type": "text", "text": "Aye"}, {"type": "text", "text": "aye"}]},
        *body["messages"],
    ]
    told, session = await answered(ann, body)
    assert json.loads(told) == [
        ["user", "Ahoy", ["data-system", "text"]],
        ["assistant", "Aye\naye", ["text"]],
    ]
    page = await ann.gets(f"/api/chat/sessions/{session}/messages")
    assert page["messages"][0]["parts"] == [
        {"type": "data-system", "data": {"role": "system", "text": "You are a pirate."}},
        {"type": "text", "text": "Ahoy"},
    ]


async def test_the_history_is_passed_on_turn_by_turn(ann: Person) -> None:
    """M-3: of a long transcript the agent receives its last turns, each with its answer."""
    before = [{"role": role, "content": f"{role} {number}"} for number in range(30) for role in ("user", "assistant")]
    body = question("And?", "remembering")
    told, _ = await answered(ann, {**body, "messages": [*before, *body["messages"]]})
    history = json.loads(told)
    assert len(history) == 40
    assert (history[0][:2], history[-1][:2]) == (["user", "user 10"], ["assistant", "assistant 29"])


async def test_a_session_of_another_channel_continues(ann: Person) -> None:
    """Whichever channel it started on."""
    session = (await ann.posts("/api/chat/sessions", 201))["session_id"]
    await ann.posts(f"/api/chat/sessions/{session}/messages", 200, text="The lake is frozen")
    content, same = await answered(ann, question("What was my last question?"), **{"X-Session-Id": session})
    assert "The lake is frozen" in content
    assert same == session


async def test_the_key_of_a_request_holds_in_its_session(ann: Person) -> None:
    """The first one wins, with the header and without."""
    first, session = await answered(ann, question("One"), **{"Idempotency-Key": "k"})
    again, same = await answered(ann, question("Two"), **{"Idempotency-Key": "k"})
    assert (again, same) == (first, session)
    second, _ = await answered(ann, question("Three"), **{"Idempotency-Key": "l", "X-Session-Id": session})
    repeated, _ = await answered(ann, question("Four"), **{"Idempotency-Key": "l", "X-Session-Id": session})
    assert second == repeated != first
    assert (await ann.gets(f"/api/chat/sessions/{session}"))["message_count"] == 4


async def test_the_same_key_of_two_users_is_two_keys(ann: Person, shared_world: World, gateway: Running) -> None:
    """P-5: each user has a session of their own."""
    bob = await shared_world.person("bob", gateway.url)
    _, of_ann = await answered(ann, question("Hers"), **{"Idempotency-Key": "k"})
    content, of_bob = await answered(bob, question("His"), **{"Idempotency-Key": "k"})
    assert "His" in content
    assert of_ann != of_bob


async def test_an_operator_can_continue_any_session(ann: Person, shared_world: World, gateway: Running) -> None:
    """As everywhere; the message is the user's."""
    _, session = await answered(ann, question("The lake is frozen"))
    owner = await shared_world.person("owner", gateway.url, role="operator")
    content, _ = await answered(owner, question("What was my last question?"), **{"X-Session-Id": session})
    assert "The lake is frozen" in content


async def test_a_request_that_is_followed_while_it_runs_is_joined(ann: Person) -> None:
    """Repeating the key in the middle of an answer returns all of it, once."""
    headers = {"Authorization": f"Bearer {ann.token}", "Idempotency-Key": "k"}
    url, body = f"{ann.url}{COMPLETIONS}", question("Go on", "patient", stream=True)
    async with ann.http.post(url, json=body, headers=headers) as first:
        await first.content.readuntil(b"going to say")
        async with ann.http.post(url, json=body, headers=headers) as second:
            assert second.headers["X-Session-Id"] == first.headers["X-Session-Id"]
            assert b"I was going to say" in await second.content.readuntil(b"going to say")
        session = first.headers["X-Session-Id"]
        [turn] = (await ann.gets(f"/api/chat/sessions/{session}/turns"))["turns"]
        await ann.calls("POST", f"/api/turns/{turn['id']}/cancel")
        await first.content.read()


async def test_a_deleted_session_ends_its_streams(ann: Person) -> None:
    """With an error: the answer will not come."""
    async with ann.http.post(
        f"{ann.url}{COMPLETIONS}",
        json=question("Go on", "patient", stream=True),
        headers={"Authorization": f"Bearer {ann.token}"},
    ) as response:
        await response.content.readuntil(b"going to say")
        await ann.calls("DELETE", f"/api/chat/sessions/{response.headers['X-Session-Id']}")
        rest = (await response.content.read()).decode()
    assert '"code":"session_deleted"' in rest


# Errors ---------------------------------------------------------------------------------------------------------------

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"functions": [{}]}, "functions"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"audio": {"voice": "a"}}, "audio"),
        ({"stream": "yes"}, "stream"),
        ({"model": 5}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "tool", "content": "noon"}, {"role": "user", "content": "a"}]}, "messages[0].role"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{}]}, {"role": "user", "content": "a"}]},
            "messages[0].tool_calls",
        ),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, "messages"),
        ({"messages": [{"role": "system", "content": "a"}]}, "messages"),
        ({"messages": [{"role": "user", "content": "  "}]}, "messages"),
    ],
)
async def test_what_agents_cannot_do_is_refused_by_name(ann: Person, change: Any, param: str) -> None:
    """400, and nothing is stored."""
    status, error = await refused(ann, {**question("Hello"), **change})
    assert (status, error["type"], error["param"] or "") == (400, "invalid_request_error", param)
    assert (await ann.gets("/api/chat/sessions"))["total"] == 0


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/models/gpt-4o", 404, "model_not_found"),
        ("GET", "/v1/models/a/b", 404, "model_not_found"),
        ("GET", "/v1/nothing", 404, "unknown_url"),
        ("POST", "/v1/embeddings", 404, "unknown_url"),
        ("GET", COMPLETIONS, 405, "method_not_allowed"),
        ("DELETE", "/v1/models", 405, "method_not_allowed"),
    ],
)
async def test_errors_of_paths_have_openais_shape(ann: Person, method: str, path: str, status: int, code: str) -> None:
    """Wherever they are found."""
    got, answer = await ann.calls(method, path)
    assert (got, answer["error"]["code"]) == (status, code)


async def test_errors_of_callers_have_openais_shape(ann: Person, gateway: Running) -> None:
    """Without a token, with a wrong one, from a disallowed page."""
    for headers, status, code in (
        ({}, 401, "invalid_api_key"),
        ({"Authorization": "Bearer tg_wrong"}, 401, "invalid_api_key"),
        ({"Authorization": f"Bearer {ann.token}", "Origin": "https://evil.example"}, 403, "forbidden"),
    ):
        async with ann.http.get(f"{gateway.url}/v1/models", headers=headers) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (status, code)


@on_its_own_loop
async def test_openais_browser_client_may_call_from_allowed_pages(world: World) -> None:
    """With the headers that it adds; the response headers it needs are exposed."""
    gateway = await world.gateway(web={"allowed_origins": ["https://shop.example"]})
    ann = await world.person("ann", gateway.url)
    asks = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os,x-stainless-retry-count",
    }
    async with ann.http.options(f"{gateway.url}{COMPLETIONS}", headers=asks) as response:
        allowed = response.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert set(asks["Access-Control-Request-Headers"].split(",")) <= set(allowed)
    async with ann.http.get(
        f"{gateway.url}/v1/models",
        headers={"Origin": "https://shop.example", "Authorization": f"Bearer {ann.token}"},
    ) as response:
        assert "X-Session-Id" in response.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b'{"model": "\\u0000"}', 400), (b'{"a": "' + b"x" * 1_048_576 + b'"}', 413)],
)
async def test_errors_of_bodies_have_openais_shape(ann: Person, body: bytes, status: int) -> None:
    """Errors before the route is reached."""
    got, answer = await ann.calls(
        "POST", COMPLETIONS, data=io.BytesIO(body), headers={"Content-Type": "application/json"}
    )
    assert (got, answer["error"]["type"]) == (status, "invalid_request_error")


async def test_a_question_that_is_too_long_leaves_nothing(ann: Person) -> None:
    """413, before a session is created."""
    status, error = await refused(ann, question("x" * 1001))
    assert (status, error["code"]) == (413, "request_too_large")
    assert (await ann.gets("/api/chat/sessions"))["total"] == 0


@pytest.mark.parametrize("name", ["X-Session-Id", "Idempotency-Key"])
@pytest.mark.parametrize("value", ["", "x" * 129])
async def test_headers_that_cannot_be_are_refused(ann: Person, name: str, value: str) -> None:
    """An impossible session is a missing one."""
    status, _ = await refused(ann, question("Hello"), **{name: value})
    assert status == (404 if name == "X-Session-Id" else 400)


async def test_a_session_with_another_agent_is_not_answered_by_this_one(ann: Person) -> None:
    """The error names the session's agent."""
    session = (await ann.posts("/api/chat/sessions", 201, agent_name="costly"))["session_id"]
    status, error = await refused(ann, question("Hello"), **{"X-Session-Id": session})
    assert status == 400
    assert "costly" in error["message"]


@on_its_own_loop
async def test_an_absent_database_is_unavailable(world: World) -> None:
    """503 with `Retry-After`; clients retry by themselves, and nothing was stored."""
    ann = await world.person("ann", (await world.gateway()).url)
    await ann.gets("/v1/models")
    async with world.database_away():

        async def told() -> Any:
            status, answer = await ann.calls("POST", COMPLETIONS, json=question("Hello"))
            return status == 503 and answer["error"]

        error = await eventually(told)
    assert (error["type"], error["code"]) == ("server_error", "service_unavailable")
