"""Notes rendered with the claim guard, against the same compiled templates alone; and the whole way into a chart."""

from __future__ import annotations

import json

from benchmarks.figure import Figure, in_turn
from withness import content
from withness.core.claims import claims_in_note
from withness.core.note import Note, NoteTemplate
from withness.packs.claims import load_claims
from withness.packs.note_body import Said, body
from withness.packs.note_file import read_note
from withness.packs.note_render import markdown, page, text
from withness.packs.note_templates import load_note_templates

TARGET = 1.5


def figures() -> list[Figure]:
    """Return the milliseconds of one note, over the examples of all shipped templates."""
    examples = _examples()
    claims = load_claims(None)
    statements = {id: one.text for id, one in claims.statements.items()}
    said = Said()

    def guarded() -> None:
        for template, note in examples:
            markdown(template, note, statements)
            claims_in_note(template, note, claims.claims)

    def bare() -> None:
        for template, note in examples:
            body(template, note, statements, said)

    def whole() -> None:
        for template, note in examples:
            written = markdown(template, note, statements)
            claims_in_note(template, note, claims.claims)
            page(written, title=template.title)
            text(written)

    seconds, floor = (one / len(examples) for one in in_turn(guarded, bare, rounds=25, times=3))
    means = f"a note as Markdown, checked and guarded: {1 / seconds:,.0f} a second; floor: its compiled template alone"
    full, _ = (one / len(examples) for one in in_turn(whole, bare, rounds=10))
    also = f"the same, and as a page and plain text: {1 / full:,.0f} a second; floor: its compiled template alone"
    return [
        Figure("note.render", seconds * 1e3, "ms", floor * 1e3, TARGET, means),
        Figure("note.whole", full * 1e3, "ms", floor * 1e3, None, also),
    ]


def _examples() -> list[tuple[NoteTemplate, Note]]:
    found = []
    for id, template in load_note_templates(None).items():
        example = content.folder("note_templates") / id / "example.json"
        found.append((template, read_note(json.loads(example.read_text(encoding="utf-8")), template)))
    return found
