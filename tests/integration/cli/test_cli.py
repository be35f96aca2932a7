"""`turngate …` as people and scripts run it, on a database of its own: each command once from a cold start, else in a fork."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import asyncpg
import pytest

from storage.migrating.origin import MIGRATIONS
from tests.fakes.model_api import model_api
from tests.shell import Shell
from tests.world import Person, World, eventually


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    """A shell whose database is migrated."""
    return Shell(tmp_path, database_url)


@pytest.fixture
def new_shell(empty_database_url: str, tmp_path: Path) -> Shell:
    """A shell whose database is empty."""
    return Shell(tmp_path, empty_database_url)


async def test_migrate_check_fails_until_migrated(new_shell: Shell) -> None:
    """Exit 1 while any migration is pending; `migrate` names those it applied, and does nothing the second time."""
    assert (await new_shell.runs("migrate", "--check")).code == 1
    first, second = await new_shell.runs_anew("migrate"), await new_shell.runs("migrate")
    assert "0001_before_channels" in first.out
    assert (second.code, second.out) == (0, "")
    assert (await new_shell.runs("migrate", "--check")).code == 0


async def test_commands_on_an_unmigrated_database_say_what_to_do(new_shell: Shell) -> None:
    """On standard error, without a traceback."""
    ran = await new_shell.runs("sessions", "list")
    assert (ran.code, ran.out) == (1, "")
    assert "turngate migrate" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "words",
    [
        "sessions list",
        "sessions show nothing",
        "sessions export nothing",
        "sessions delete nothing --yes",
        "schedules list",
        "schedules run 00000000-0000-4000-8000-000000000000",
        "users export mia",
        "users erase mia --yes",
        "token list",
        "token revoke 00000000-0000-4000-8000-000000000000",
    ],
)
async def test_read_commands_create_no_database(shell: Shell, words: str) -> None:
    """In a folder without a gateway's data they say so, and leave the folder unchanged."""
    del shell.env["TURNGATE_DATABASE_URL"]
    ran = await shell.runs(*words.split())
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"There is no gateway data in {shell.folder.resolve()}/.turngate. "
        "Change to your gateway's folder, or give its data dir with --data-dir.\n"
    )
    assert list(shell.folder.iterdir()) == []


async def test_a_token_is_printed_once_and_can_be_revoked(shell: Shell, world: World) -> None:
    """The document's keys are those of the contract; the token works for the API."""
    made = (await shell.runs("token", "create", "--user", "mia", "--name", "ci", "--expires", "30d", "--json")).json
    assert set(made) == {"id", "token", "user", "role", "expires_at"}
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)
    mia = Person("mia", made["token"], (await world.gateway()).url, await world.http())
    assert (await mia.gets("/api/me"))["user_id"] == "mia"
    assert (await shell.runs("token", "revoke", made["id"])).code == 0
    listed = await shell.runs("token", "list", "--json")
    assert made["token"] not in listed.out
    assert listed.json[0]["revoked_at"]


async def test_a_token_can_be_made_before_the_first_start(shell: Shell) -> None:
    """The command creates the embedded database with its schema, and the token is valid afterwards."""
    del shell.env["TURNGATE_DATABASE_URL"]
    made = await shell.runs("token", "create", "--user", "mia")
    assert made.out.startswith("tg_"), made.err
    assert [token["user_id"] for token in (await shell.runs("token", "list", "--json")).json] == ["mia"]


@pytest.mark.parametrize(("words", "code"), [("migrate --check", 1), ("doctor", 0)])
async def test_a_look_at_an_empty_folder_leaves_it_empty(shell: Shell, words: str, code: int) -> None:
    """Even though the embedded database is started to see whether it works."""
    del shell.env["TURNGATE_DATABASE_URL"]
    ran = await shell.runs(*words.split())
    assert ran.code == code, ran.out + ran.err
    assert list(shell.folder.iterdir()) == []


async def test_a_plain_token_is_the_only_output(shell: Shell) -> None:
    """So that `TOKEN=$(turngate token create --user mia)` works."""
    ran = await shell.runs_anew("token", "create", "--user", "mia")
    assert ran.out.startswith("tg_")
    assert ran.out.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("token create --user telegram:1", "--user"),
        ("token create --user mia --expires soon", "--expires is 'soon'"),
        ("token revoke 00000000-0000-4000-8000-000000000000", "no such token"),
        ("token revoke nothing", "Copy one from `turngate token list`."),
        ("sessions show nothing", "`turngate sessions list`"),
        ("sessions delete nothing", "`turngate sessions list`"),
        ("sessions list --channel fax", "--channel is 'fax'"),
        ("schedules add --user mia --name N --prompt P", "Give one of --cron"),
        ("schedules add --user mia --name N --prompt P --every 1m --at 2099-01-01", "Give one of --cron"),
        ("schedules add --user mia --name N --prompt P --every often", "--every is 'often'"),
        ("schedules add --user mia --name N --prompt P --at 2001-01-01", "never fire"),
        ("schedules add --user mia --name N --prompt P --every 1m --agent nobody", "--agent is 'nobody'"),
        ("schedules add --user mia --name N --prompt P --every 1m --tz Mars/Olympus", "Mars/Olympus"),
        ("schedules run 00000000-0000-4000-8000-000000000000", "no such schedule"),
        ("schedules run nothing", "Copy one from `turngate schedules list`."),
        ("serve --config missing.toml", "missing.toml"),
        ("serve --port 99999", "port"),
        ("nonsense", "nonsense"),
    ],
)
async def test_a_wrong_argument_is_named_on_standard_error(shell: Shell, words: str, says: str) -> None:
    """Nonzero exit code, nothing on standard output, no traceback."""
    ran = await shell.runs(*words.split())
    assert ran.code != 0
    assert ran.out == ""
    assert says in ran.err
    assert "Traceback" not in ran.err


async def test_the_version_is_printed(shell: Shell) -> None:
    """By an option of the command itself."""
    assert (await shell.runs_anew("--version")).out == f"turngate {version('turngate')}\n"


async def test_a_wrong_setting_shows_the_settings_error(shell: Shell) -> None:
    """Exactly the text of the settings' own error."""
    (shell.folder / "turngate.toml").write_text("colour = 1")
    ran = await shell.runs_anew("serve")
    assert (ran.code, ran.out) == (1, "")
    assert "colour: is not a setting" in ran.err
    assert "Traceback" not in ran.err


async def test_db_url_prints_the_url_in_use(shell: Shell) -> None:
    """Configured or embedded; the embedded server is not started for it."""
    assert (await shell.runs_anew("db", "url")).out.strip() == shell.env["TURNGATE_DATABASE_URL"]
    del shell.env["TURNGATE_DATABASE_URL"]
    assert (await shell.runs("db", "url", "--data-dir", "data")).out.startswith("postgresql://")
    assert not (shell.folder / "data" / "postgres").exists()


async def test_sessions_are_listed_shown_exported_and_deleted(shell: Shell, world: World) -> None:
    """The same sessions as through the API."""
    mia = await world.person("mia", (await world.gateway()).url)
    made = await mia.posts("/api/chat/sessions", 201, title="A [bold] talk")
    await mia.posts(f"/api/chat/sessions/{made['session_id']}/messages", 200, text="hello there")
    listed = await shell.runs_anew("sessions", "list", "--user", "mia", "--json")
    assert [session["session_id"] for session in listed.json["sessions"]] == [made["session_id"]]
    assert "A [bold] talk" in (await shell.runs("sessions", "list")).out
    shown = await shell.runs("sessions", "show", made["session_id"], "--json")
    assert [message["role"] for message in shown.json["messages"]] == ["user", "assistant"]
    assert "hello there" in (await shell.runs("sessions", "show", made["session_id"])).out
    exported = await shell.runs("sessions", "export", made["session_id"], "--format", "markdown")
    assert exported.out.startswith("# A \\[bold\\] talk")
    assert (await shell.runs("sessions", "delete", made["session_id"], "--yes")).code == 0
    assert (await shell.runs("sessions", "list", "--json")).json == {"sessions": [], "total": 0, "total_is_exact": True}


async def test_stateless_sessions_are_listed_on_request(shell: Shell, world: World) -> None:
    """As over HTTP: omitted, unless `--stateless` asks for them."""
    mia = await world.person("mia", (await world.gateway()).url)
    await mia.posts("/v1/chat/completions", 200, model="assistant", messages=[{"role": "user", "content": "hello"}])
    assert (await shell.runs("sessions", "list", "--json")).json["total"] == 0
    assert (await shell.runs("sessions", "list", "--stateless", "--json")).json["total"] == 1


async def test_an_empty_list_says_what_to_do(shell: Shell) -> None:
    """On standard error, so that scripts read nothing."""
    ran = await shell.runs_anew("schedules", "list")
    assert (ran.code, ran.out) == (0, "")
    assert "turngate schedules add" in ran.err


SCHEDULE = ("schedules", "add", "--user", "mia", "--name", "News", "--prompt", "hello", "--json")


async def test_a_schedule_is_added_paused_resumed_and_removed(shell: Shell) -> None:
    """`--tz` sets the zone of its local times."""
    made = (await shell.runs(*SCHEDULE, "--at", "2099-01-31T08:00", "--tz", "Europe/Berlin")).json
    assert made["next_fire_at"] == "2099-01-31T07:00:00Z"
    assert (await shell.runs("schedules", "pause", made["id"])).code == 0
    assert (await shell.runs("schedules", "list", "--json")).json[0]["is_active"] is False
    assert (await shell.runs("schedules", "resume", made["id"])).code == 0
    assert (await shell.runs("schedules", "list", "--json")).json == [made]
    assert (await shell.runs("schedules", "remove", made["id"])).code == 0
    assert (await shell.runs("schedules", "list", "--json")).json == []


async def test_a_running_gateway_executes_a_schedule_run(shell: Shell, world: World) -> None:
    """The command queues it; the gateway answers."""
    mia = await world.person("mia", (await world.gateway()).url)
    made = (await shell.runs(*SCHEDULE, "--every", "30d")).json
    session_id = (await shell.runs("schedules", "run", made["id"])).out.strip()

    async def answered() -> bool:
        page = await mia.gets(f"/api/chat/sessions/{session_id}/messages")
        return len(page["messages"]) == 2

    assert await eventually(answered)


async def test_doctor_finds_nothing_wrong(shell: Shell) -> None:
    """Each check is named."""
    ran = await shell.runs_anew("doctor")
    assert ran.code == 0, ran.out + ran.err
    assert ran.out.splitlines()[0].split() == ["✓", "turngate", "version", version("turngate")]
    for name in ("settings", "data dir", "disk", "migrations", "database", "clock", "agent assistant", "telegram"):
        assert name in ran.out
    assert "✗" not in ran.out


async def test_doctor_finds_nothing_wrong_before_the_first_start(new_shell: Shell) -> None:
    """The gateway migrates an empty database itself."""
    ran = await new_shell.runs("doctor")
    assert ran.code == 0, ran.out + ran.err
    assert "a new database; `turngate serve` sets it up" in ran.out
    assert "0001" not in ran.out


async def test_doctor_names_three_of_the_pending_migrations(new_shell: Shell) -> None:
    """And the number of all of them, if the database is already in use."""
    connection = await asyncpg.connect(new_shell.env["TURNGATE_DATABASE_URL"])
    await connection.execute("CREATE TABLE orders (id bigint)")
    await connection.close()
    ran = await new_shell.runs("doctor", "--json")
    assert ran.code == 1
    (found,) = (finding for finding in ran.json if finding["name"] == "migrations")
    names = sorted(path.stem for path in MIGRATIONS.glob("*.sql"))
    assert found["detail"] == f"{len(names)} pending: {', '.join(names[:3])} and {len(names) - 3} more"
    assert found["remedy"] == "Run: turngate migrate"


async def test_doctor_reports_every_fault_with_its_remedy(shell: Shell) -> None:
    """All of them at once, not only the first; exit 1."""
    (shell.folder / "turngate.toml").write_text('[agents.broken]\nkind = "python"\ntarget = "nowhere:nothing"')
    away = {"TURNGATE_DATABASE_URL": "postgresql://127.0.0.1:1/none"}
    bot = {"TURNGATE_TELEGRAM__TOKEN": "123456:secret-of-the-bot", "TURNGATE_TELEGRAM__API_URL": "http://127.0.0.1:1"}
    ran = await shell.runs("doctor", "--json", **away, **bot)
    assert ran.code == 1
    faults = {finding["name"]: finding for finding in ran.json if not finding["ok"]}
    assert set(faults) == {"database", "agent broken", "telegram"}
    assert "TURNGATE_DATABASE_URL" in faults["database"]["remedy"]
    assert "secret-of-the-bot" not in ran.out + ran.err


async def test_doctor_checks_an_agents_server(shell: Shell, tmp_path: Path) -> None:
    """A server that responds is named; an unavailable one has a remedy."""
    (tmp_path / "models").mkdir()
    async with model_api(tmp_path / "models") as api:
        there = f'base_url = "{api.base_url}"'
        away = 'base_url = "http://127.0.0.1:1/v1"'
        agents = [
            f'[agents.{name}]\nkind = "openai"\nmodel = "m"\napi_key = "k"\n{url}'
            for name, url in (("there", there), ("away", away))
        ]
        (shell.folder / "turngate.toml").write_text("\n".join(agents))
        ran = await shell.runs("doctor", "--json")
    found = {finding["name"]: finding for finding in ran.json}
    assert (found["agent there"]["ok"], "answers" in found["agent there"]["detail"]) == (True, True)
    assert not found["agent away"]["ok"]
    assert "agents.away.base_url" in found["agent away"]["detail"]
    assert "[agents.away]" in found["agent away"]["remedy"]


async def test_doctor_reports_invalid_settings(shell: Shell) -> None:
    """As a finding."""
    ran = await shell.runs("doctor", TURNGATE_PORT="many")
    assert ran.code == 1
    assert "port" in ran.out


async def test_the_embedded_database_is_started_and_stopped_for_a_command(shell: Shell) -> None:
    """Nothing keeps running afterwards."""
    del shell.env["TURNGATE_DATABASE_URL"]
    assert (await shell.runs("migrate")).code == 0
    assert (await shell.runs("sessions", "list", "--json")).json == {"sessions": [], "total": 0, "total_is_exact": True}
    assert list((shell.folder / ".turngate").rglob("postmaster.pid")) == []
