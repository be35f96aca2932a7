"""The wordings of instructions to the demo agent."""

from __future__ import annotations

import re
from collections.abc import Iterator

COUNTING_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMBER_WORDS = {word: number for number, word in enumerate(COUNTING_WORDS)} | {"once": 1, "twice": 2, "thrice": 3}
NUMBER = rf"\d[\d,]*(?:\.\d+)?|{'|'.join(NUMBER_WORDS)}"
ANSWER = r"(?:answer|reply|respond|write|talk|speak|type|go|be|say it|say something)"

CLAUSES = re.compile(r"[!?;:\n]+|\.(?!\d)|,(?!\d)|\b(?:and then|and|then|but|before|after that)\b", re.IGNORECASE)
POLITE = re.compile(
    r"^(?:(?:please|now|just|also|hey|ok|okay|again|(?:can|could|would|will) you|i want you to|i would like you to)\s+)+",
    re.IGNORECASE,
)
POLITE_END = re.compile(r"\s+(?:please|now|for me|again|this time|on purpose|this turn|once more)$", re.IGNORECASE)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


WAIT = _pattern(
    # Digits or a plain number word: "wait a minute" is something people just say.
    rf"(?:wait|sleep|pause)(?: for)?(?: about)? (?P<n>\d[\d,]*(?:\.\d+)?|{'|'.join(COUNTING_WORDS)}) ?"
    r"(?P<unit>ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?)(?: first| (?:before|with) .*)?"
)
SLOW = _pattern(
    rf"(?:slow|slowly|very slowly|slow down|take your time|(?:give|make) (?:me )?a slow (?:answer|reply|response)|a slow (?:answer|reply|response)"
    rf"|{ANSWER}(?: me| this| it)?(?: very| really)? (?:slow|slowly)|(?:count|tell|use|repeat|explain)\b.* slowly)"
)
FAIL = _pattern(
    rf"(?P<how>fail|crash|raise an error|throw an error)(?: (?P<where>halfway|midway|in the middle))?"
    rf"(?: (?:(?P<n>{NUMBER}|always|every time|for good)(?: times?)?))?(?: (?:with|by raising) an? (?:error|exception))?"
)
SIZED = r"(?:answer|reply|response|text|message|story|one)"
LONG = _pattern(
    rf"(?:(?:{ANSWER}|give|make|send|tell|in|with|about|exactly)(?: me| it| in| with| about| exactly| an?)* )?"
    rf"(?P<n>\d+k|{NUMBER})[ -](?P<unit>characters?|chars?|words?)(?: long)?(?: {SIZED})?"
)
LONG_PLAIN = _pattern(
    rf"(?:(?:{ANSWER}|give|send|make|tell)(?: me| it)? )?(?:with )?(?:a )?(?:very |really )?long(?: {SIZED})?"
    rf"|{ANSWER} at length"
)
COUNT = _pattern(rf"count (?:from 1 |from one )?(?:up )?to (?P<n>{NUMBER})(?: slowly)?")
MARKDOWN = _pattern(
    rf"(?:use|show|show me|demonstrate|try|{ANSWER}(?: with| in| using)?|give me)(?: some| a bit of)? (?:markdown|formatting)(?: .*)?|markdown"
)
TOOL = _pattern(r"(?:use|call|try|run|show|show me) (?:a|any|some|the|your) tools?(?: .*)?")
NOTE = _pattern(r"(?:please )?note: *(?P<note>\S[\s\S]*)")
NOTES = _pattern(r"(?:(?:what are|show|show me|list|tell me|read)(?: all)? )?my notes")
HELP = _pattern(
    r"/?help(?: me)?|what can you do|what do you do|how do (?:you|i) (?:work|use you)|what are you|who are you"
)
GREETING = _pattern(
    r"(?:hi|hello|hey|good (?:morning|day|evening)|hallo|moin|servus)(?: there| you| bot| again| world)*"
)
ASK = _pattern(r"ask (?:me )?(?:first|for (?:my )?(?:permission|approval))(?: .*)?")
CHOICES = _pattern(r"(?:offer|give|show)(?: me)? (?:some )?(?:choices|options|quick replies)")
QUOTE = _pattern(
    r"\b(?:what|which|repeat|quote|say|tell|show|recall|remember|know|give)\b.*\b(?:my|the) (?:last|latest|previous|earlier|prior)"
    r" (?:\w+ )?(?:question|message|text|sentence|words|input|prompt|request|thing i (?:said|asked|wrote))\b"
    r"|\bwhat (?:did|have) i (?:just |last )?(?:say|said|ask|asked|write|wrote|written|tell|told|type|typed|send|sent)\b(?!.*\btomorrow\b)"
    r"|\b(?:remember|repeat|quote|recall) what i (?:just |last )?(?:said|asked|wrote|told|typed|sent)\b"
    r"|\bwhat was (?:it )?(?:that )?i (?:just |last )?(?:said|asked|wrote)\b"
)


def clauses_of(text: str) -> Iterator[str]:
    """Splits a message into clauses without polite phrases; drops empty ones."""
    return (plain for clause in CLAUSES.split(text) if (plain := _plain(clause)))


def _plain(clause: str) -> str:
    words = " ".join(clause.split()).strip(" \"'“”()…-")
    words = POLITE.sub("", words + " ").strip()
    while (shorter := POLITE_END.sub("", words)) != words:
        words = shorter
    return words


def number_of(text: str) -> float:
    """`3`, `5,000`, `5k`, `three`, `twice`."""
    plain = text.lower().replace(",", "")
    if plain in NUMBER_WORDS:
        return NUMBER_WORDS[plain]
    return float(plain[:-1]) * 1_000 if plain.endswith("k") else float(plain)


def seconds_of(number: str, unit: str) -> float:
    """Converts a number and its unit to seconds."""
    if unit.lower().startswith(("ms", "milli")):
        return number_of(number) / 1_000
    return number_of(number) * (60 if unit.lower().startswith("m") else 1)
