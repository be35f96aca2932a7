"""docs/telegram.md is correct."""

import re
import tomllib
from pathlib import Path

from channels.telegram.receiving.access import Admitted, admit
from channels.telegram.settings import Telegram
from gateway.core.model import UserId

PAGE = (Path(__file__).parents[3] / "docs" / "telegram.md").read_text(encoding="utf-8")


def test_the_settings_shown_are_settings() -> None:
    """They do what their comments say."""
    [block] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    settings = Telegram.model_validate(tomllib.loads(block)["telegram"])
    assert admit(settings, 1001, None) == Admitted(UserId("telegram:1001"))
    assert admit(settings, 1002, None) == Admitted(UserId("ada"))


def test_every_setting_is_explained() -> None:
    """By its name."""
    assert [name for name in Telegram.model_fields if f"`{name}`" not in PAGE] == []
