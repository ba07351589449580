"""I6: no word of a note, a comment, a reason or a process note can be found in any file that Withness writes."""

from __future__ import annotations

import pytest

from tests.system.at_rest import Look
from tests.system.notes import ROSA, make_note
from tests.system.site import CLINICIAN, Site

SECRETS = ["zebra-note", "zebra-earlier", "zebra-comment", "zebra-reason", "zebra-why", "zebra-process", "zebra-held"]


def _live(site: Site) -> None:
    """A note saved twice, signed, amended; one that is held; a process note."""
    words = [{"who": ROSA, "words": "zebra-note"}]
    first = make_note(fields={"client_words": [{"who": ROSA, "words": "zebra-earlier"}]})
    id = site.desk.save_note(first, actor=CLINICIAN)["note"]
    site.desk.save_note(make_note(fields={"client_words": words}), actor=CLINICIAN, note=id)
    site.desk.sign_note(id, actor=CLINICIAN, shown="not-shown", why_not="zebra-why", comments={ROSA: "zebra-comment"})
    site.desk.amend_note(id, make_note(fields={"client_words": words}), reason="zebra-reason", actor=CLINICIAN)
    site.screen(answers={"eating.rapid-loss": None})
    plan = site.save()["plan"]
    held = make_note("plan-for-client", plan=plan, fields={"concern": "zebra-held"})
    assert site.desk.save_note(held, actor=CLINICIAN)["saved"] is False
    process = {"members": [ROSA], "author": CLINICIAN, "held_on": "2026-11-21", "words": "zebra-process"}
    site.desk.save_process_note(process, actor=CLINICIAN)


def test_database_wal_chart_and_temp_files_hold_no_word(nothing_is_left: Look) -> None:
    """Planted: notes stored as plain JSON; caught, in the database and in its WAL."""
    nothing_is_left(_live, SECRETS)


def test_what_was_held_is_stored_nowhere_at_all(site: Site) -> None:
    """Not even sealed: a document without its plan is a preview. Planted: kept as a working copy; caught."""
    _live(site)
    everything = [site.desk.note(one["note"], actor=CLINICIAN) for one in site.desk.notes(actor=CLINICIAN)]
    assert len(everything) == 1
    assert "zebra-held" not in str(everything)
    with site.context.store.transaction() as tx:
        assert len(tx.note_ids()) == 1


def test_no_error_repeats_what_was_written(site: Site) -> None:
    """I9: a sentence names the field. Planted: the value in a refusal; caught."""
    for broken in (
        make_note(held_on="zebra-note"),
        make_note(fields={"modality": "zebra-note"}),
        make_note(members=["zebra-note"]),
        {**make_note(), "zebra note": 1},
    ):
        with pytest.raises(Exception) as refused:  # noqa: PT011  whatever it is, it says no word
            site.desk.save_note(broken, actor=CLINICIAN)
        assert "zebra" not in str(refused.value)
