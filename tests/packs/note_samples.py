"""One note template with a field of every kind, a note for it, and statements: for the tests of notes."""

from __future__ import annotations

from datetime import date
from typing import Any

from withness.core.note import Layout, Note, NoteTemplate
from withness.packs.note_templates import parse_note_template, parse_toml

ROSA, TOM, PAT = "Patient/rosa", "Patient/tom", "Practitioner/p1"

TOML = """\
# A template for tests.
id = "sample"
version = "0.1.0"
title = "Sample note"
purpose = "For tests."
audience = "clinical"
kept = "record"
needs_release = false
always_saves = false
units = ["individual", "couple"]
loinc = {code = "34904-3", text = "Mental health Progress note", source = "FHIR facts 4.5"}
statements = ["evidence"]
source = "tests"

[[section]]
id = "words"
title = "In the client's words"

[[section.field]]
id = "voices"
title = "What was said"
kind = "voices"
required = true
help = "Word for word."
source = "tests"

[[section.field]]
id = "theirs"
title = "A sentence of theirs"
kind = "text"
whose = "client"
help = "In their words."
source = "tests"

[[section]]
id = "work"
title = "The work"

[[section.field]]
id = "mine"
title = "What I saw"
kind = "text"
required = true
unless = "nothing"
prefill = "concern"
help = "In your words."
source = "tests"

[[section.field]]
id = "nothing"
title = "Nothing seen?"
kind = "flag"
help = "Where there is nothing to say."
source = "tests"

[[section.field]]
id = "thoughts"
title = "Thoughts shared"
kind = "entries"
part = [
  {id = "who", title = "With"},
  {id = "thought", title = "Thought", required = true},
  {id = "answer", title = "Answer", whose = "client"},
]
help = "Each with its answer."
source = "tests"

[[section.field]]
id = "teaching"
title = "Psychoeducation"
kind = "choice"
option = [{code = "given", text = "Given"}, {code = "deferred", text = "Deferred"}]
help = "Given or deferred."
source = "tests"

[[section.field]]
id = "why"
title = "Why deferred"
kind = "text"
required = true
when = {field = "teaching", any = ["deferred"]}
help = "The reason."
source = "tests"

[[section.field]]
id = "ways"
title = "Ways"
kind = "choices"
option = [{code = "pause", text = "Pause & silence"}, {code = "asking", text = "Asking *gently*"}]
help = "What there was."
source = "tests"

[[section]]
id = "frame"
title = "Frame"

[[section.field]]
id = "next_day"
title = "Next time"
kind = "date"
help = "The day."
source = "tests"

[[section.field]]
id = "minutes"
title = "Minutes"
kind = "number"
help = "How long."
source = "tests"

[[section.field]]
id = "alcohol"
title = "Alcohol and drugs"
kind = "text"
sensitivity = "ETH"
help = "What was said of it."
source = "tests"

[[layout.soap]]
title = "Subjective"
fields = ["voices", "theirs"]

[[layout.soap]]
title = "Rest"
fields = ["mine", "nothing", "thoughts", "teaching", "why", "ways", "next_day", "minutes", "alcohol"]
"""

BODY = '{{ sections() }}\n{{ statement("evidence") }}\n'
STATEMENTS = {"evidence": "No systematic analysis of its effects exists."}

FIELDS: dict[str, Any] = {
    "voices": [{"who": ROSA, "words": "I talk & nobody hears me.\nNobody."}],
    "theirs": "Sonntag.",
    "mine": "Rosa led.",
    "nothing": False,
    "thoughts": [
        {"who": ROSA, "thought": "I may be doing it, too.", "answer": "Ja."},
        {"thought": "One more."},
    ],
    "teaching": "deferred",
    "why": "Today she wanted to tell it.",
    "ways": ["asking", "pause"],
    "next_day": "2026-12-12",
    "minutes": 50,
}


def toml(*changes: tuple[str, str]) -> bytes:
    """The sample's file, each change made once; one that changes nothing fails."""
    text = TOML
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text.encode()


def template(body: str = BODY, *changes: tuple[str, str], origin: str = "shipped") -> NoteTemplate:
    """The sample template, checked."""
    return parse_note_template(toml(*changes), body, name="sample", origin=origin)


def unchecked(body: str, *changes: tuple[str, str], origin: str = "shipped") -> NoteTemplate:
    """The sample template with a body that nobody looked at."""
    return parse_toml(toml(*changes), body, name="sample", origin=origin)


def plain(body: str, fields: tuple[str, ...] = ("theirs", "mine"), *, origin: str = "shipped") -> NoteTemplate:
    """A template of two texts, voices and entries as far as `fields` names them: its body need show no more."""
    head, *blocks = TOML.split("[[section.field]]\n")
    kept = [one.split("\n[[")[0] for one in blocks if one.split('"')[1] in fields]
    head = head.replace('statements = ["evidence"]\n', "")
    text = "\n".join([head, *(f"[[section.field]]\n{one}" for one in kept)])
    text = text.replace('unless = "nothing"\n', "")
    return parse_note_template(text.encode(), body, name="sample", origin=origin)


def note(fields: dict[str, Any] | None = None, **given: Any) -> Note:
    """The sample note; `fields` are written over its own, None takes one out."""
    values = {id: value for id, value in {**FIELDS, **(fields or {})}.items() if value is not None}
    return only(values, **given)


def only(fields: dict[str, Any], **given: Any) -> Note:
    """A note of the sample template with these fields alone."""
    frame: dict[str, Any] = {
        "template": "sample",
        "version": "0.1.0",
        "layout": Layout.DIALOGIC,
        "members": (ROSA,),
        "author": PAT,
        "held_on": date(2026, 12, 5),
        "names": {ROSA: "Rosa"},
    }
    return Note(**{**frame, **given}, fields=fields)
