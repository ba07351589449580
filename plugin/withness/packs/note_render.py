"""Notes rendered: the one front door to Markdown, and from there to a page and to plain text.

Around a body that a template writes stands what no template can leave out: what the note is, with whom, when and by
whom; that it is only a preview; what was filled in beforehand; what clients said of it; who signed; the notice that
goes with substance use. Deterministic bytes: the same note makes the same text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from withness.core.note import (
    NOT_SHOWN,
    Attestation,
    Layout,
    Missing,
    Note,
    NoteTemplate,
    Sensitivity,
    filled,
    labels,
    missing,
)
from withness.errors import InvalidInput
from withness.packs.note_body import Said, body
from withness.packs.note_page import page, text
from withness.packs.note_text import escaped, quoted
from withness.packs.note_texts import NoteTexts, note_texts

__all__ = ["NoteIncomplete", "markdown", "page", "text"]


class NoteIncomplete(InvalidInput):
    """A note that lacks required fields: all of them named at once, with section and help (exit 2)."""

    code: ClassVar[str] = "note-incomplete"

    def __init__(self, template: NoteTemplate, lacking: tuple[Missing, ...]) -> None:
        said = " ".join(f"{one.title} (in {one.section}): {one.help}" for one in lacking)
        number = "one thing is" if len(lacking) == 1 else f"{len(lacking)} things are"
        super().__init__(f"{template.title}: {number} still missing. {said}", field=f"fields.{lacking[0].field}")
        self.missing = lacking

    def as_dict(self) -> dict[str, Any]:
        """Return the error as a JSON-ready mapping, with everything that is missing."""
        return {**super().as_dict(), "missing": [vars(one) for one in self.missing]}


def markdown(
    template: NoteTemplate,
    note: Note,
    statements: Mapping[str, str],
    *,
    preview: str = "",
    partial: bool = False,
) -> str:
    """Return the note as Markdown: a shipped template in this process, a site's own in a child with limits.

    `statements` are the honest statements by id; `preview` stands above a note that is not what it will be;
    `partial` is for one member's share of a note, in which required fields may be another's. Raises NoteIncomplete
    with all that is missing, InvalidContent naming the template.
    """
    lacking = () if partial else missing(template, note.fields)
    if lacking:
        raise NoteIncomplete(template, lacking)
    texts = note_texts()
    said = Said(texts("yes"), texts("no"))
    if template.origin == "shipped":
        written = body(template, note, statements, said)
    else:
        from withness.packs.note_child import body_in_child

        written = body_in_child(template, note, statements, said)
    parts = (*_above(template, note, texts, preview), written, *_below(template, note, texts))
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _above(template: NoteTemplate, note: Note, texts: NoteTexts, preview: str) -> Iterator[str]:
    yield f"# {escaped(template.title)}"
    if preview:
        yield f"**{escaped(preview)}**"
    facts = {
        "with": ", ".join(_named(note, who) for who in note.members),
        "date": note.held_on.isoformat(),
        "clinician": _named(note, note.author),
        "encounter": note.encounter,
        "layout": "" if note.layout is Layout.DIALOGIC else texts(f"layout-{note.layout.value}"),
    }
    yield "\n".join(f"- **{escaped(texts(key))}:** {escaped(fact, '  ')}" for key, fact in facts.items() if fact)


def _below(template: NoteTemplate, note: Note, texts: NoteTexts) -> Iterator[str]:
    yield _prefilled(template, note, texts)
    comments = note.attestation.comments if note.attestation else {}
    said = [f"**{escaped(_named(note, who))}:**{quoted(words)}" for who, words in comments.items() if filled(words)]
    if said:
        yield f"## {escaped(texts('comments'))}\n\n{''.join(said)}"
    yield f"## {escaped(texts('signature'))}"
    yield from (escaped(one) for one in _signature(note, note.attestation, texts))
    if Sensitivity.SUBSTANCE_USE in labels(template, note):
        yield f"**{escaped(texts('redisclosure'))}**"


def _prefilled(template: NoteTemplate, note: Note, texts: NoteTexts) -> str:
    """Say of each value that was filled in beforehand where it came from, in the template's order."""
    if not note.prefilled:
        return ""
    lines = [
        f"- {escaped(texts('prefilled-line', title=one.title, origin=note.prefilled[one.id]), '  ')}"
        for _, one in template.fields()
        if one.id in note.prefilled and filled(note.fields.get(one.id))
    ]
    return "\n".join((f"## {escaped(texts('prefilled'))}\n", *lines)) if lines else ""


def _signature(note: Note, signed: Attestation | None, texts: NoteTexts) -> Iterator[str]:
    """Yield who signed, and on one member's own page what was said of that member: never of another."""
    if signed is None:
        yield texts("unsigned")
        return
    yield texts("signed", who=_named(note, signed.signed_by), when=signed.signed_at)
    if signed.credentials:
        yield texts("credentials", credentials=signed.credentials)
    if len(note.members) != 1:
        return
    mine = signed.of(note.members[0])
    for how in mine.shown.values():
        yield texts(f"not-shown-{mine.why_code or NOT_SHOWN[0]}" if how == "not-shown" else how)
    if mine.written_together:
        yield texts("together")


def _named(note: Note, who: str) -> str:
    return note.names.get(who) or who
