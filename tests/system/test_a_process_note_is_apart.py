"""Psychotherapy process notes (45 CFR 164.501): their author's alone, in no list, no export and no outbox."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest

from tests.makers import make_screen
from tests.system.notes import ROSA, make_note, signed
from tests.system.site import CLINICIAN, SUPERVISOR, Site, make_draft
from withness.errors import InvalidInput, Refused

WORDS = "I noticed that I leaned back. zebra\r\n{not data} [1] — \U0001f331"


def make_process_note(**changes: Any) -> dict[str, Any]:
    """A process note of Pat's; None takes a key away."""
    made = {"members": [ROSA], "author": CLINICIAN, "held_on": "2026-11-21", "words": WORDS, **changes}
    return {name: value for name, value in made.items() if value is not None}


def test_its_author_reads_it_byte_for_byte_and_each_view_is_recorded(site: Site) -> None:
    """No record names the client. Planted: the view not recorded; the patient in the record; both caught."""
    id = site.desk.save_process_note(make_process_note(), actor=CLINICIAN)["process_note"]
    shown = site.desk.process_note(id, actor=CLINICIAN)
    assert (shown["words"], shown["members"], shown["held_on"]) == (WORDS, [ROSA], "2026-11-21")
    records = [one for one in site.records() if one["outcome"] == "process-note"]
    assert [one["kind"] for one in records] == ["note.saved", "trail.viewed"]
    assert [one["patient"] for one in records] == [None, None]
    assert ROSA not in json.dumps(records)
    assert [one["process_note"] for one in site.desk.process_notes(actor=CLINICIAN)] == [id]
    site.desk.health()


def test_nobody_else_sees_it_or_that_it_is_there(site: Site) -> None:
    """Planted: a supervisor let in; another's listed; both caught."""
    id = site.desk.save_process_note(make_process_note(), actor=CLINICIAN)["process_note"]
    for who in (SUPERVISOR, "Patient/rosa", "Device/withness"):
        with pytest.raises(Refused):
            site.desk.process_note(id, actor=who)
        assert site.desk.process_notes(actor=who) == []
    refused = [one for one in site.records() if one["outcome"] == "refused"]
    assert {(one["kind"], one["reason"]) for one in refused} == {("trail.viewed", "not-the-author")}
    with pytest.raises(Refused):
        site.desk.save_process_note(make_process_note(), actor=SUPERVISOR)


def test_it_is_in_no_list_no_chart_and_no_outbox(site: Site) -> None:
    """Planted: process notes listed with the notes; caught."""
    site.desk.save_process_note(make_process_note(), actor=CLINICIAN)
    signed(site)
    assert "zebra" not in json.dumps(site.desk.notes(actor=CLINICIAN))
    assert len(site.desk.notes(actor=CLINICIAN)) == 1
    resources = [one.resource for one in site.chart("DocumentReference", "Provenance")]
    assert "zebra" not in json.dumps(resources)
    assert site.desk.sync(actor=CLINICIAN)["waiting"] == 0
    code, listed = site.console_json("note", "show", "--actor", CLINICIAN)
    assert (code, len(listed)) == (0, 1)


REFUSED = {
    "a plan draft": lambda site: json.dumps(make_draft()),
    "a plan draft in the middle": lambda site: f"Look: {json.dumps(make_draft(), indent=2)} and so on",
    "a risk screen": lambda site: json.dumps(make_screen(site.policy, authored=site.at)),
    "a part of a screen": lambda site: '… "linkId": "suicide.now", "answer": [ …',
    "a FHIR resource as XML": lambda site: '<CarePlan xmlns="http://hl7.org/fhir"><status value="active"/></CarePlan>',
    "a resource with an escaped key": lambda site: '{"\\u0072esourceType": "CarePlan"}',
    "a list of resources": lambda site: '[{"a": {"resourceType": "Goal"}}]',
    "a note file": lambda site: json.dumps(make_note()),
    "an answer of ours": lambda site: json.dumps({"decision": "released", "findings": []}),
    "nothing": lambda site: " \n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_plan_or_a_screen_can_never_be_put_into_one(site: Site, name: str) -> None:
    """Planted: only JSON that stands alone looked at; XML let through; both caught."""
    with pytest.raises(InvalidInput) as refused:
        site.desk.save_process_note(make_process_note(words=REFUSED[name](site)), actor=CLINICIAN)
    assert refused.value.field == "words"
    assert site.desk.process_notes(actor=CLINICIAN) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"plan": "p1"}, "plan"),
        ({"fields": {}}, "fields"),
        ({"screen": "s1"}, "screen"),
        ({"words": None}, "words"),
        ({"words": ["a"]}, "words"),
        ({"members": []}, "members"),
        ({"members": ["Practitioner/p1"]}, "members[0]"),
        ({"held_on": "yesterday"}, "held_on"),
        ({"author": "Patient/rosa"}, "author"),
        ({"words": "x" * 50_001}, "words"),
    ],
)
def test_it_holds_four_things_and_nothing_else(site: Site, changes: dict[str, Any], field: str) -> None:
    """Planted: an unknown key ignored; caught."""
    with pytest.raises(InvalidInput) as refused:
        site.desk.save_process_note(make_process_note(**changes), actor=CLINICIAN)
    assert refused.value.field == field


def test_a_text_of_nothing_but_brackets_is_looked_through_in_time(site: Site) -> None:
    """No pattern of brackets makes the look take long."""
    for words in ("{" * 50_000, "[" * 50_000, '{"a":' * 10_000, "[1]," * 12_500):
        assert site.desk.save_process_note(make_process_note(words=words), actor=CLINICIAN)


def test_it_never_changes_and_a_changed_one_is_found(site: Site) -> None:
    """By any tool: the table is append-only, and verify opens each. Planted: process notes not verified; caught."""
    site.desk.save_process_note(make_process_note(), actor=CLINICIAN)
    site.desk.close()
    database = sqlite3.connect(site.settings.database)
    for change in ("DELETE FROM process_note", "UPDATE process_note SET author = 'Practitioner/s1'"):
        with pytest.raises(sqlite3.DatabaseError, match="append-only"):
            database.execute(change)
    [kept] = database.execute("SELECT sql FROM sqlite_master WHERE name = 'process_note_no_update'").fetchone()
    database.execute("DROP TRIGGER process_note_no_update")
    database.execute("UPDATE process_note SET content = zeroblob(200)")
    database.execute(kept)
    database.commit()
    database.close()
    code, said = site.console_json("audit", "verify")
    assert code == 4
    assert "process note" in said["damages"][0]["what"]
