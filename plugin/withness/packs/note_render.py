"""Notes rendered: the one front door to Markdown, and from there to a page and to plain text.

Around a body that a template writes stands what no template can leave out: what the note is, with whom, when and by
whom; that it is only a preview; what was filled in beforehand; what clients said of it; who signed; the notice that
goes with substance use. Deterministic bytes: the same note makes the same text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, ClassVar, Final

from withness.core.note import (
    NOT_SHOWN,
    Attestation,
    Layout,
    Missing,
    Note,
    NoteTemplate,
    Sensitivity,
    filled,
    missing,
)
from withness.core.origin import plan_in
from withness.errors import InvalidInput
from withness.packs.note_body import PerTemplate, Said, body
from withness.packs.note_page import page, text
from withness.packs.note_text import escaped, quoted
from withness.packs.note_texts import note_texts

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
    round_it = _round(template)
    lacking = () if partial else missing(template, note.fields)
    if lacking:
        raise NoteIncomplete(template, lacking)
    if template.origin == "shipped":
        written = body(template, note, statements, _said())
    else:
        from withness.packs.note_child import body_in_child

        written = body_in_child(template, note, statements, _said())
    parts = (*_above(round_it, note, preview), written, *_below(round_it, note))
    return "\n\n".join([part.strip("\n") for part in parts if part]) + "\n"


class _Round:
    """What a template alone says round its notes: the heading, its fields' titles, and which tell of substance use."""

    def __init__(self, template: NoteTemplate) -> None:
        self.heading = f"# {escaped(template.title)}"
        self.titles = {one.id: one.title for _, one in template.fields()}
        self.substances = [one.id for _, one in template.fields() if one.sensitivity is Sensitivity.SUBSTANCE_USE]


_round: Final = PerTemplate(_Round)


@cache
def _said() -> Said:
    texts = note_texts()
    return Said(texts("yes"), texts("no"))


@cache
def _fixed(key: str) -> str:
    """Return a text without holes, as Markdown."""
    return escaped(note_texts()(key))


def _above(template: _Round, note: Note, preview: str) -> Iterator[str]:
    yield template.heading
    if preview:
        yield f"**{escaped(preview)}**"
    facts = (
        ("with", ", ".join([_named(note, who) for who in note.members])),
        ("date", note.held_on.isoformat()),
        ("clinician", _named(note, note.author)),
        ("encounter", note.encounter),
        ("layout", "" if note.layout is Layout.DIALOGIC else note_texts()(f"layout-{note.layout.value}")),
    )
    yield "\n".join([f"{_label(key)}{escaped(fact, '  ')}" for key, fact in facts if fact])


@cache
def _label(key: str) -> str:
    return f"- **{_fixed(key)}:** "


def _below(template: _Round, note: Note) -> Iterator[str]:
    if note.prefilled:
        yield _prefilled(template, note)
    if note.attestation is not None:
        yield _comments(note, "comments", note.attestation.comments)
        yield _comments(note, "comments-before", note.attestation.comments_before)
    yield f"## {_fixed('signature')}"
    yield from _signature(note, note.attestation)
    if any(filled(note.fields.get(id)) for id in template.substances):
        yield f"**{_fixed('redisclosure')}**"


def _comments(note: Note, heading: str, comments: Mapping[str, str]) -> str:
    said = [f"**{escaped(_named(note, who))}:**{quoted(words)}" for who, words in comments.items() if filled(words)]
    return f"## {_fixed(heading)}\n\n{''.join(said)}" if said else ""


def _prefilled(template: _Round, note: Note) -> str:
    """Say of each value that was filled in beforehand where it came from, in the template's order."""
    lines = [
        _origin_line(title, note.prefilled[id], changed=id in note.changed)
        for id, title in template.titles.items()
        if id in note.prefilled and filled(note.fields.get(id))
    ]
    return "\n".join((f"## {_fixed('prefilled')}\n", *lines)) if lines else ""


@lru_cache(maxsize=256)
def _origin_line(title: str, origin: str, *, changed: bool) -> str:
    """Return the line of one value; an origin is one of `core.origin`, and names nobody."""
    texts, plan = note_texts(), plan_in(origin)
    said = texts("origin-plan", version=plan[1]) if plan else origin
    line = "prefilled-changed-line" if changed else "prefilled-line"
    return f"- {escaped(texts(line, title=title, origin=said), '  ')}"


def _signature(note: Note, signed: Attestation | None) -> Iterator[str]:
    """Yield who signed, and on one member's own page what was said of that member: never of another."""
    if signed is None:
        yield _fixed("unsigned")
        return
    texts = note_texts()
    yield escaped(texts("signed", who=_named(note, signed.signed_by), when=signed.signed_at))
    if signed.credentials:
        yield escaped(texts("credentials", credentials=signed.credentials))
    if len(note.members) != 1:
        return
    mine = signed.of(note.members[0])
    for how in mine.shown.values():
        yield _fixed(f"not-shown-{mine.why_code or NOT_SHOWN[0]}" if how == "not-shown" else how)
    if mine.written_together:
        yield _fixed("together")


def _named(note: Note, who: str) -> str:
    return note.names.get(who) or who
