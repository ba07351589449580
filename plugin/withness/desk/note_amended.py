"""What the page of an amendment says of itself."""

from __future__ import annotations

from withness.audit.record import moment
from withness.core.note import Note
from withness.desk.context import Context
from withness.errors import SealBroken


def marked(context: Context, note: Note, markdown: str, *, preview: bool) -> str:
    """Return the page with one more fact below its title where this version amends what was signed before.

    It says no reason: that stays inside Withness. Nor does it tell of a version that stays inside as a whole: its
    place in the chart is empty, and nothing may point there (contracts I8).
    """
    from withness.packs.note_text import escaped
    from withness.packs.note_texts import note_texts

    found = _amendment(context, note)
    if found is None:
        return markdown
    day, version = found
    fact = note_texts()("amended-line", day=day, version=str(version))
    place = 1 + preview  # title, preview, facts
    parts = markdown.split("\n\n", place + 1)
    parts[place] += f"\n- **{escaped(note_texts()('amended'))}:** {escaped(fact, '  ')}"
    return "\n\n".join(parts)


def _amendment(context: Context, note: Note) -> tuple[str, int] | None:
    """Return day and number of the saved version that this note is, None where it amends nothing that left Withness."""
    if not note.request_id:
        return None
    with context.store.transaction() as tx:
        id = tx.note_of(note.request_id)
        try:
            row = tx.note(id) if id else None
        except SealBroken:
            return None
    signed_before = False
    for one in row.content["versions"] if row else ():
        if one["request_id"] == note.request_id and signed_before:
            return moment(one["at"]).astimezone(context.settings.zone).date().isoformat(), one["number"]
        signed_before = signed_before or ("signed" in one and not one["signed"].get("inside"))
    return None
