"""Loads the named queries of `storage/sql`: each has a line `-- name: …` and a line of purpose before it."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

HEAD = re.compile(r"^-- name: (\w+)\n(?:-- .*\n)+", re.MULTILINE)


@cache
def load_queries(story: str) -> dict[str, str]:
    """Returns the queries of `sql/<story>.sql` by name."""
    return named(files("storage").joinpath("sql", f"{story}.sql").read_text(encoding="utf-8"))


def named(text: str) -> dict[str, str]:
    """Returns the queries in the text of such a file by name."""
    heads = list(HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {head[1]: text[head.end() : end].strip().rstrip(";") for head, end in zip(heads, ends, strict=True)}
