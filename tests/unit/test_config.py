"""Settings: their sources, and the errors for invalid ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.config import load_settings
from gateway.errors import SettingsError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder without a settings file."""
    monkeypatch.chdir(tmp_path)


def written(folder: Path, toml: str) -> Path:
    """A settings file."""
    path = folder / "turngate.toml"
    path.write_text(toml)
    return path


def test_nothing_is_required() -> None:
    """One demo agent on the loopback, with access for nobody else."""
    settings = load_settings()
    assert (settings.host, settings.port, settings.default_agent) == ("127.0.0.1", 8080, "assistant")
    assert [agent.kind for agent in settings.agents.values()] == ["demo"]
    assert (settings.telegram.token, settings.web.anonymous, settings.telegram.access) == (None, False, "linked")


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each level keeps what the higher one does not set."""
    written(tmp_path, 'port = 1\nhost = "::1"\n[turns]\nmax_attempts = 7\ntimeout_s = 5')
    monkeypatch.setenv("TURNGATE_PORT", "2")
    monkeypatch.setenv("TURNGATE_TURNS__TIMEOUT_S", "9")
    settings = load_settings(None, {"port": 3, "host": None})
    assert (settings.port, settings.host) == (3, "::1")
    assert (settings.turns.max_attempts, settings.turns.timeout_s) == (7, 9)


def test_lists_in_the_environment_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """Including numbers among Telegram ids."""
    monkeypatch.setenv("TURNGATE_WEB__ALLOWED_ORIGINS", '["https://Shop.example"]')
    monkeypatch.setenv("TURNGATE_TELEGRAM__ALLOW", '[123, "456=mia"]')
    settings = load_settings()
    assert settings.web.allowed_origins == ("https://shop.example",)
    assert settings.telegram.allow == ("123", "456=mia")


def test_the_first_agent_is_the_default_when_none_was_named(tmp_path: Path) -> None:
    """`assistant` exists only if no agents are set."""
    written(tmp_path, '[agents.helper]\nkind = "demo"')
    assert load_settings().default_agent == "helper"


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("colour = 1", "colour: is not a setting"),
        (
            '[agents.a]\nkind = "demo"\nfallback = "a"',
            "agents.a.fallback is 'a'; it should be left out: there is no other agent",
        ),
        (
            '[agents.a]\nkind = "demo"\nfallback = "c"\n[agents.b]\nkind = "demo"',
            "agents.a.fallback is 'c'; it should be one of: b",
        ),
        ('[agents.a]\nkind = "demo"\ntitle_agent = "b"', "agents.a.title_agent is 'b'; it should be left out"),
        ("colour = 1", "is not a setting; it should be one of: telegram, channels, database_url, data_dir"),
        ("[telegram]\ntokne = 'x'", "telegram.tokne: is not a setting; it should be one of: token, api_url"),
        ("[agents.a]\nkind = 'demo'\nspeed = 1", "agents.a.speed: is not a setting; it should be one of: multitask"),
        ("[agents.kind]\nkind = 'demo'\nhistory = -1", "agents.kind.history: should be at least 0"),
        ("[agents.demo]\nkind = 'demo'\ndemo = 1", "agents.demo.demo: is not a setting"),
        ("port = 'many'", "port: should be a whole number"),
        ("port = 70000", "port: "),
        ("database_url = 'mysql://host'", "database_url should begin with postgresql://"),
        ("default_agent = 'nobody'", "\n  default_agent is 'nobody'; it should be one of: assistant"),
        ("[agents.a]\nkind = 'magic'", "agents.a: "),
        ("[agents.a]\nkind = 'python'", "agents.a.target: is missing"),
        ("[agents.'a b']\nkind = 'demo'", "agents.a b: an agent's name should have at most 64 letters"),
        ("[agents.a]\nkind = 'python'\ntarget = 'x'", "agents.a.target: should be package.module:object"),
        ("[turns]\ntimeout_s = 0", "turns.timeout_s: should be greater than 0"),
        ("[turns]\nmax_attempts = 0", "turns.max_attempts: should be at least 1"),
        ("[telegram]\ntoken = 'nonsense'", "token should look like 123456:ABC-DEF"),
        ("[telegram]\naccess = 'allowlist'", "needs at least one entry in allow"),
        ("[telegram]\nmode = 'webhook'", "needs webhook_secret"),
        (f"[auth]\njwt_secret = '{'x' * 31}'", "auth.jwt_secret: should be at least 32 bytes long"),
        (f"secret_key = '{'x' * 31}'", "secret_key: should be at least 32 bytes long"),
        ("[telegram]\nwebhook_secret = 'too-short'", "telegram.webhook_secret: should be 16 to 256 characters"),
        (f"[telegram]\nwebhook_secret = '{'x' * 257}'", "telegram.webhook_secret: should be 16 to 256 characters"),
        (f"[telegram]\nwebhook_secret = '{'ü' * 20}'", "telegram.webhook_secret: should be 16 to 256 characters"),
        ("[telegram]\nallow = ['mia']", "each entry should be a Telegram id or id=user"),
        ("[web]\nallowed_origins = ['https://a.example/page']", "should be an origin such as https://example.com"),
        (f"[auth]\njwt_secret = '{'x' * 32}'\njwks_url = 'https://a'", "either jwt_secret or jwks_url, not both"),
        ("[replica]\nttl_s = 1", "ttl_s should be at least twice heartbeat_s"),
        ("public_url = 'foo'", "should be a URL such as https://chat.example.com"),
        ("[telegram]\napi_url = 'foo'", "should be a URL"),
        ("port = ", "is not valid TOML"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, toml: str, says: str) -> None:
    """The error says what it should be."""
    path = written(tmp_path, toml)
    with pytest.raises(SettingsError) as raised:
        load_settings(path)
    assert says in str(raised.value)


@pytest.mark.parametrize("name", ["TURNGATE_WEB__ALLOWED_ORIGINS", "TURNGATE_TELEGRAM__ALLOW"])
@pytest.mark.parametrize("value", ["https://example.com", "123", "[oops"])
def test_an_invalid_list_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """With an example list."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=rf"{name} is .*a JSON list such as"):
        load_settings()


def test_invalid_failpoints_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an example."""
    monkeypatch.setenv("TURNGATE_FAILPOINTS", "after_t1=kill")
    with pytest.raises(SettingsError, match=r"TURNGATE_FAILPOINTS is .*a JSON object such as"):
        load_settings()


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it were not set."""
    monkeypatch.setenv("TURNGATE_DATA_DIR", "")
    assert load_settings().data_dir == Path(".turngate")


def test_an_unknown_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error lists those that exist."""
    monkeypatch.setenv("TURNGATE_PROT", "80")
    with pytest.raises(SettingsError, match=r"TURNGATE_PROT is not a setting.*TURNGATE_PORT"):
        load_settings()


def test_a_named_file_must_exist() -> None:
    """The default one need not."""
    with pytest.raises(SettingsError, match=r"no settings file missing\.toml"):
        load_settings(Path("missing.toml"))


def test_secrets_are_never_printed(tmp_path: Path) -> None:
    """Neither in the settings' own text nor in errors about them."""
    path = written(
        tmp_path, "secret_key = 'my-secret-key-of-at-least-32-bytes'\n[telegram]\ntoken = '1234:my-bot-secret'"
    )
    assert "my-" not in repr(load_settings(path))
    path = written(tmp_path, "secret_key = ['my-secret-key']\n[telegram]\ntoken = 'my-bot-secret'")
    with pytest.raises(SettingsError) as raised:
        load_settings(path)
    assert "my-" not in str(raised.value)


def test_the_reference_page_is_current() -> None:
    """`docs/settings.md` is generated from the fields."""
    check = [sys.executable, str(ROOT / "docs" / "generate_settings.py"), "--check"]
    done = subprocess.run(check, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
