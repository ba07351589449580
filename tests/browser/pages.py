"""Every page that Withness makes for people, by name: the notes' examples, and what is printed on paper."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any

from tests.packs import report_samples, review_samples
from withness.core.note import Attestation, FieldKind, Note, NoteField, NoteTemplate
from withness.core.plan import charts
from withness.desk import report_formats
from withness.desk.draft import read_draft
from withness.packs import note_render
from withness.packs.claims import load_claims
from withness.packs.forms import load_forms
from withness.packs.load import load_problems, load_templates
from withness.packs.note_file import read_note
from withness.packs.note_templates import load_note_templates
from withness.packs.paper import paper_plan, paper_plan_blank, paper_screen
from withness.packs.paper_form import paper_form
from withness.packs.paper_review import paper_review
from withness.packs.policy import load_policy

ROOT = Path(__file__).resolve().parents[2]
NOTES = ROOT / "note_templates"

HOSTILE = (
    "</p></blockquote></style></title></textarea><script>window.__ran = 1; alert(1)</script>",
    '<img src="http://evil.example/x.png" onerror="window.__ran = 2; alert(2)">',
    "<svg/onload=alert(3)><iframe src=javascript:alert(4)></iframe><details open ontoggle=alert(5)>",
    '"><a href="javascript:window.__ran=6;alert(6)" autofocus onfocus=alert(7)>here</a>',
    "[here](javascript:alert(8)) ![](http://evil.example/y.png) <http://evil.example/z> [ref]: http://evil.example",
    "<meta http-equiv=refresh content='0;url=http://evil.example/'><link rel=stylesheet href=//evil.example/a.css>",
    "<style>@import url(http://evil.example/b.css); body { display: none }</style><base href=http://evil.example/>",
    "{{ 7 * 7 }} {% raw %} ${7*7} `</script>` &#60;script&#62;alert(9)&#60;/script&#62; \x00 \x1b]0;x\x07 \x7f",
    "\u202egnp.exe\u202c \u2066isolated\u2069 \u200f right \u200e left \ufeff \u2028 line \u2029 paragraph",
    "```\n</pre><script>alert(10)</script>\n``` \n~~~\n# heading\n\n---\n| a | b |\n|---|---|\n| <b onclick=a()> |",
    "W" * 300 + "\u00a0" + "ﷺ" * 40,
)
"""What nobody's words may make a page do."""


PREVIEW = "PREVIEW – not released"


@cache
def pages() -> dict[str, Callable[[], str]]:
    """Return what makes each page, by a name that may be a file's."""
    made: dict[str, Callable[[], str]] = {
        "paper-risk-screen": lambda: paper_screen(load_policy()),
        "paper-plan": lambda: plan_page(released=True),
        "paper-plan-preview": lambda: plan_page(released=False),
        "paper-plan-blank": lambda: paper_plan_blank(load_templates(), title_of_problem=_titles(), notice="A notice."),
    }
    made |= {
        "review": lambda: paper_review(review_samples.own()),
        "review-shared": lambda: paper_review(review_samples.shared()),
        "review-shared-without-answers": lambda: paper_review(review_samples.shared(courses=())),
        "review-every-state": lambda: paper_review(review_samples.every_state()),
    }
    made |= {
        "report": lambda: report_formats.html(report_samples.sample(), UTC),
        "report-quiet": lambda: report_formats.html(report_samples.quiet(), UTC),
    }
    made |= {f"paper-{form.id}": lambda form=form: paper_form(form) for form in load_forms()}
    for folder in _folders():
        made[f"note-{folder.name}"] = lambda folder=folder: note_page(folder.name)
        for layout in _layouts(folder):
            made[f"note-{folder.name}-{layout}"] = lambda folder=folder, layout=layout: note_page(folder.name, layout)
    made["note-signed"] = lambda: note_page("session", signed=True)
    made["note-preview"] = lambda: note_page("plan-for-client", preview=PREVIEW)
    return made


@cache
def hostile() -> dict[str, Callable[[], str]]:
    """Return what makes each page with hostile words wherever somebody writes freely, by name."""
    words = "\n".join(HOSTILE).replace("\x00", "")
    made: dict[str, Callable[[], str]] = {
        "hostile-plan": lambda: plan_page(released=False, words=words),
        "hostile-report": lambda: report_formats.html(report_samples.sample(words), UTC),
        "hostile-review": lambda: paper_review(review_samples.own(words, name=words)),
        "hostile-review-shared": lambda: paper_review(review_samples.shared(words, (words, f"{words} too"))),
    }
    return made | {f"hostile-{folder.name}": lambda folder=folder: _hostile_note(folder) for folder in _folders()}


def note_page(name: str, layout: str = "", *, signed: bool = False, preview: str = "") -> str:
    """Return the page of a note template's example."""
    template, note = example(name, layout)
    if signed:
        note = replace(note, attestation=_attested(note, "That is how I said it – سمعتُ نفسي."))
    return _page(template, note, preview)


def example(name: str, layout: str = "") -> tuple[NoteTemplate, Note]:
    """Return a note template and its example, in a layout if one is named."""
    templates = load_note_templates(None)
    file = json.loads((NOTES / name / "example.json").read_text(encoding="utf-8"))
    return templates[name], read_note(file | ({"layout": layout} if layout else {}), templates)


def _page(template: NoteTemplate, note: Note, preview: str) -> str:
    statements = {id: one.text for id, one in load_claims(None).statements.items()}
    written = note_render.markdown(template, note, statements, preview=preview)
    return note_render.page(written, title=template.title, mark=preview)


def _folders() -> list[Path]:
    return sorted(file.parent for file in NOTES.glob("*/template.toml"))


def _layouts(folder: Path) -> list[str]:
    return list(tomllib.loads((folder / "template.toml").read_text(encoding="utf-8")).get("layout", {}))


def _attested(note: Note, words: str) -> Attestation:
    return Attestation(
        signed_by=note.author,
        signed_at="2026-11-21T17:00:00Z",
        credentials="LMFT",
        shown=dict.fromkeys(note.members, "shown"),
        comments=dict.fromkeys(note.members, words),
        written_together=note.members,
    )


def _hostile_note(folder: Path) -> str:
    template, note = example(folder.name)
    fields = {one.id: _hostile(one, note.fields[one.id]) for _, one in template.fields() if one.id in note.fields}
    words = "\n".join(HOSTILE)
    names = dict.fromkeys(note.members, "<script>alert(12)</script>")
    prefilled = dict.fromkeys(note.prefilled, words)
    given = replace(note, fields=fields, names=names, prefilled=prefilled, attestation=_attested(note, words))
    return _page(template, given, "</title><script>alert(13)</script>")


def _hostile(field: NoteField, value: Any) -> Any:
    """Return the value with hostile words wherever somebody writes freely; a choice, a day and a number stay."""
    words = "\n".join(HOSTILE)
    if field.kind is FieldKind.TEXT:
        return words
    if field.kind is FieldKind.VOICES:
        return [{**one, "words": words} for one in value]
    if field.kind is FieldKind.ENTRIES:
        return [{part: text if part == "who" else words for part, text in one.items()} for one in value]
    return value


def _titles() -> dict[str, str]:
    return {one.id: one.title for one in load_problems().values()}


def plan_page(*, released: bool, words: str = "I want somebody to get it – أريد أن يفهمني أحد") -> str:
    """Return one member's share of a plan as a page; `words` stand wherever somebody writes freely."""
    templates = load_templates()
    goal = {
        "template": "heard",
        "words": words,
        "within": {"sessions": 4},
        "target": {"count": 3, "of": 4},
        "responsible": "client",
        "acceptance": [{"who": "Patient/rosa", "status": "agree", "reason": words}],
        "payer_words": words,
    }
    draft = {
        "unit": {"kind": "individual", "members": ["Patient/rosa"]},
        "encounter": "Encounter/e1",
        "author": "Practitioner/p1",
        "lead": "client-led",
        "concern": {"words": words, "problems": ["feeling-unheard"]},
        "frame": {
            "start": "2026-11-21",
            "review_by": "2027-02-19",
            "frequency_weeks": 1,
            "session_minutes": 50,
            "diagnoses": [{"who": "Patient/rosa", "text": words}],
            "other_treatment": words,
        },
        "goals": [goal],
        "resources_named_by_client": [words],
        "psychoeducation": {"given": words},
        "supersedes": None,
        "request_id": "5f0c1a52-1f0a-4a57-9d2a-0f6b0a6f9b11",
    }
    [share] = charts(read_draft(draft, templates))
    return paper_plan(share, title_of_problem=_titles(), released=released, notice="")
