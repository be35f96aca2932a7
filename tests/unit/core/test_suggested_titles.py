"""Titles suggested by agents."""

from __future__ import annotations

import pytest

from gateway.core.titles.titles import TITLE_LIMIT, title_said


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Holiday plans", "Holiday plans"),
        ('"Holiday plans"', "Holiday plans"),
        ("“Holiday plans.”", "Holiday plans"),
        ("Title: Holiday plans", "Holiday plans"),
        ("**Holiday plans**", "Holiday plans"),
        ("# Holiday plans\n\nBecause you asked about holidays.", "Holiday plans"),
        ("\n\n  Holiday \t plans  \n", "Holiday plans"),
        ("What now?", "What now?"),
        ("And then...", "And then..."),
        ("bell\u0007 and \u202eflip", "bell and flip"),
        ("Holiday plans<|im_end|>", "Holiday plans"),
        ("Holiday plans</s>", "Holiday plans"),
        ("<s> Holiday plans <|endoftext|>", "Holiday plans"),
        ("<|im_start|>assistant\nHoliday plans<|im_end|>\n<|im_start|>user\nThanks!", "Holiday plans"),
        ("<|start_header_id|>assistant<|end_header_id|>\n\nHoliday plans<|eot_id|>", "Holiday plans"),
        ("<start_of_turn>model\nHoliday plans<end_of_turn>", "Holiday plans"),
        ("Holiday plans<\uff5cend\u2581of\u2581sentence\uff5c>", "Holiday plans"),
        ("<think>They talk of holidays.\nSo</think>\n\nHoliday plans", "Holiday plans"),
        ("[/INST] Holiday plans", "Holiday plans"),
        ("**Title:** Holiday plans", "Holiday plans"),
        ("Conversation title: “Holiday plans”", "Holiday plans"),
        ("Sure! Here is a title for it:\n\n**Holiday plans**", "Holiday plans"),
        ("Plans: a holiday", "Plans: a holiday"),
        ("I <3 holidays", "I <3 holidays"),
        ("I'm sorry, but I can't name this conversation.", None),
        ("I’m unable to help with that.", None),
        ("Sorry, I cannot do that", None),
        ("As an AI language model, I have no name for it", None),
        ("I can’t sleep at night", None),
        ("Sorry for the delay", "Sorry for the delay"),
        ("<think>They talk of holidays and", None),
        ("<|im_end|>", None),
        ("", None),
        (' \n"" \n', None),
    ],
)
def test_only_the_title_is_left(said: str, title: str | None) -> None:
    """M-5: without quotes, labels, other lines, tokens of chat templates, or terminal control characters; a refusal is no title."""
    assert title_said(said) == title


def test_a_long_one_is_cut() -> None:
    """Between words."""
    title = title_said("word " * 100) or ""
    assert len(title) <= TITLE_LIMIT
    assert title.endswith("word…")
