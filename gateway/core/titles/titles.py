"""A session's title: from its first message, or as suggested by an agent."""

from __future__ import annotations

import re
from unicodedata import category

TITLE_LIMIT = 60
QUOTES = "\"'`*_# \u00ab\u00bb\u2018\u2019\u201c\u201d\u201e\u201f\u2039\u203a"
"""Characters that models like to put around a title."""
LABEL = re.compile(r"(?:conversation |chat )?(?:title|name|topic|subject)\s*:", re.IGNORECASE)
THOUGHTS = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.IGNORECASE | re.DOTALL)
"""What reasoning models say before the answer; if they were cut off, there is nothing else."""
ROLE = re.compile(
    r"<[|\uff5c](?:im_start|start_header_id)[|\uff5c]>\s*\w*\s*(?:<[|\uff5c]end_header_id[|\uff5c]>)?|<start_of_turn>\s*\w*"
)
"""Speaker labels of chat templates."""
END = re.compile(
    r"<[|\uff5c](?:im_end|endoftext|eot_id|end|end_of_text|end\u2581of\u2581sentence)[|\uff5c]>|</s>|<eos>|<end_of_turn>"
)
"""Ends a message in a chat template; models that miss it write the other speaker's part, too."""
TOKEN = re.compile(r"<[|\uff5c][^<>\n]{0,40}[|\uff5c]>|</?s>|</?(?:bos|eos|pad|unk)>|\[/?INST\]|<</?SYS>>")
"""Any other piece of a chat template."""
REFUSAL = re.compile(
    r"(?:i\s*(?:['\u2019]m|am)\s+(?:\w+\s+)?(?:sorry|unable|not able|afraid)|(?:i['\u2019]m\s+)?sorry\s*,|i\s+(?:can\s*not|can['\u2019]?t|could\s*n['\u2019]t)"
    r"|i\s+(?:do\s+not|don['\u2019]t)\s+have|i\s+apologi[sz]e|my apologies|as an ai\b|unfortunately\s*,|(?:there is )?no conversation\b)",
    re.IGNORECASE,
)
"""How models begin a reply that contains no title."""
STEERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that change the direction of the surrounding text (UAX 9, explicit formatting characters)."""


def title_from(text: str) -> str | None:
    """Returns the text's first words, at most 60 characters, cut between words if possible; None for blank text."""
    line = " ".join(text.split())
    if len(line) <= TITLE_LIMIT:
        return line or None
    cut = line[: TITLE_LIMIT - 1]
    words, space, _ = line[:TITLE_LIMIT].rpartition(" ")
    return (words if space and len(words) >= TITLE_LIMIT // 2 else cut).rstrip(" ,.;:–-") + "…"


def title_given(text: str) -> str:
    """Returns a title given by a person on one line, without characters that affect terminals or the direction of other text."""
    line = " ".join(text.split())
    shown = "".join(sign for sign in line if category(sign) != "Cc" and sign not in STEERING)
    return " ".join(shown.split())


def title_said(text: str) -> str | None:
    """Turns an agent's answer into a title: one line without quotes, labels, full stops and tokens of chat templates.

    Returns None if nothing is left, or the agent declined.
    """
    said = END.split(ROLE.sub("\n", THOUGHTS.sub("\n", text)).lstrip())[0]
    lines = [line for line in map(_bare, TOKEN.sub(" ", said).splitlines()) if line]
    # A line such as "Here is a title for it:" introduces the next one.
    line = next((line for line in lines if not line.endswith(":")), "")
    printable = "".join(character if character.isprintable() else " " for character in line)
    return None if REFUSAL.match(printable) else title_from(printable)


def _bare(line: str) -> str:
    line = line.strip(QUOTES)
    line = LABEL.sub("", line, count=1).strip(QUOTES) if LABEL.match(line) else line
    return line.removesuffix(".").strip(QUOTES) if not line.endswith("..") else line
