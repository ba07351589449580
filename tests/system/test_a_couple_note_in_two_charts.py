"""Rosa and Tom were talked with together: two documents, and in neither of them anything of the other (I8)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.system.notes import ROSA, TOM, documents, make_note, texts
from tests.system.site import CLINICIAN, Site
from withness.errors import InvalidInput, NoteNotReady

MINE = {ROSA: "zebra-rosa", TOM: "zebra-tom"}
NAMES = {ROSA: "Rosalind", TOM: "Tomasz", CLINICIAN: "Pat Roe"}
COMMENTS = {ROSA: "zebra-rosa, to the letter", TOM: "zebra-tom, mostly"}
TRACES = {ROSA: ("zebra-rosa", "Rosalind", "Patient/rosa"), TOM: ("zebra-tom", "Tomasz", "Patient/tom")}


def couple_note(site: Site, **changes: Any) -> dict[str, Any]:
    """A note of both, with a word of each in everything that names somebody."""
    template = site.desk.note_templates("couple-family-session")[0]
    fields: dict[str, Any] = {}
    for section in template["sections"]:
        for one in section["fields"]:
            parts = [part["id"] for part in one["parts"]]
            if one["kind"] == "voices":
                fields[one["id"]] = [{"who": who, "words": words} for who, words in MINE.items()]
            elif one["kind"] == "entries" and "who" in parts:
                fields[one["id"]] = [
                    {"who": who, **{part: words for part in parts if part != "who"}} for who, words in MINE.items()
                ]
    made = make_note("couple-family-session", fields=fields, names=NAMES, **changes)
    shared = {id: value for id, value in made["fields"].items() if isinstance(value, str)}
    made["fields"] |= {
        id: value if len(value) < 20 else "What we looked into together." for id, value in shared.items()
    }
    return made


def signed_couple(site: Site) -> tuple[str, dict[str, Any]]:
    """Save and sign it, each with a comment of their own."""
    answer = site.desk.save_note(couple_note(site), actor=CLINICIAN)
    assert (answer["missing"], answer["named"]) == ([], [])
    done = site.desk.sign_note(answer["note"], actor=CLINICIAN, shown="shown", comments=COMMENTS)
    return answer["note"], done


def leaks(text: str, who: str) -> list[str]:
    """Whatever in a text is the other one's."""
    [other] = [one for one in TRACES if one != who]
    return [trace for trace in TRACES[other] if trace in text]


def test_each_chart_holds_its_own_member_alone(site: Site) -> None:
    """Everything that was written is looked through: documents, what is in them, Provenance.

    Planted: the comments of both handed on; the encounter kept; the names of all; each caught.
    """
    _, done = signed_couple(site)
    assert done["delivery"] == {ROSA: "delivered", TOM: "delivered"}
    for who in (ROSA, TOM):
        [document] = documents(site, who)
        whole = json.dumps(document, ensure_ascii=False) + "".join(texts(document).values())
        assert leaks(whole, who) == []
        assert all(trace in whole for trace in TRACES[who])
        assert COMMENTS[who] in texts(document)["text/plain"]
        assert "Encounter" not in whole
    provenances = [one.resource for one in site.chart("Provenance")]
    assert len(provenances) == 2
    for one in provenances:
        text = json.dumps(one)
        assert sum(bool(leaks(text, who)) for who in TRACES) <= 1
    shared = set.intersection(*({one["value"] for one in documents(site, who)[0]["identifier"]} for who in TRACES))
    assert shared == set()


def test_no_record_page_message_or_bundle_names_both(site: Site) -> None:
    """The audit trail, each member's extract, the pages and what the console says of one member.

    Planted: the record of a couple's note with both members in its details; caught.
    """
    id, _ = signed_couple(site)
    for record in site.records():
        body = json.dumps(record)
        assert not (ROSA in body and TOM in body)
        assert "zebra" not in body
    for who in TRACES:
        assert leaks(json.dumps(site.records(patient=who)), who) == []
        for kind in ("md", "html", "text", "fhir"):
            assert leaks(site.desk.render_note(id, format=kind, member=who), who) == []
        shown = site.console("note", "render", id, "--for", who, "--format", "html")
        assert leaks(shown.stdout + shown.stderr, who) == []
    with pytest.raises(InvalidInput):
        site.desk.render_note(id)
    site.desk.health()


def test_what_goes_to_everybody_names_nobody(site: Site) -> None:
    """It is kept as a draft with the field named, and not signed; the members' own words may name whom they like.

    Planted: the check of shared texts left out; caught.
    """
    note = couple_note(site)
    note["fields"] |= {"explored": "Tomasz said it first, and Rosalind laughed."}
    note["fields"]["client_words"][0]["words"] = "Tomasz never asks."
    answer = site.desk.save_note(note, actor=CLINICIAN)
    assert (answer["saved"], [one["field"] for one in answer["named"]]) == (True, ["explored"])
    with pytest.raises(NoteNotReady) as refused:
        site.desk.sign_note(answer["note"], actor=CLINICIAN, shown="shown")
    assert refused.value.field == "explored"
    assert "Tomasz" not in json.dumps(refused.value.as_dict())
    assert documents(site, ROSA) == documents(site, TOM) == []


def test_somebody_who_is_no_patient_has_no_chart(site: Site) -> None:
    """The mother's share stays inside. Planted: every member made a document; caught."""
    mother = "RelatedPerson/mum"
    note = json.loads(json.dumps(couple_note(site)).replace(TOM, mother))
    answer = site.desk.save_note(note, actor=CLINICIAN)
    done = site.desk.sign_note(answer["note"], actor=CLINICIAN, shown="shown")
    assert done["delivery"] == {ROSA: "delivered"}
    [document] = [one.resource for one in site.chart("DocumentReference")]
    assert document["subject"]["reference"] == ROSA
    assert "zebra-tom" not in json.dumps(texts(document))
    assert "zebra-tom" in site.desk.render_note(answer["note"], member=mother, format="text")


SAW = "The client saw their own page of this note before it was signed."
ASKED = "The client was asked to look at their own page"
TOGETHER = "This page was written together"


def test_what_one_of_them_saw_is_never_said_of_the_other(site: Site) -> None:
    """Rosa saw hers and wrote it with Pat; Tom did not want to see his.

    Planted: one member's answer for all of them; caught.
    """
    id = site.desk.save_note(couple_note(site), actor=CLINICIAN)["note"]
    shown = {ROSA: "shown", TOM: "declined"}
    site.desk.sign_note(id, actor=CLINICIAN, shown=shown, written_together=[ROSA])
    for who, says, never in ((ROSA, (SAW, TOGETHER), (ASKED,)), (TOM, (ASKED,), (SAW, TOGETHER))):
        [document] = documents(site, who)
        text = " ".join(texts(document)["text/plain"].split())
        assert [one in text for one in (*says, *never)] == [True] * len(says) + [False] * len(never)
    authors = [[one["who"]["reference"] for one in made.resource["agent"]] for made in site.chart("Provenance")]
    assert sorted(authors) == [[CLINICIAN], [CLINICIAN, ROSA]]


def test_who_is_not_named_is_not_spoken_for(site: Site) -> None:
    """Neither by an answer that names nobody nor by the other's. Planted: "shown" said of everybody; caught."""
    for shown, says in (("shown", {ROSA: False, TOM: False}), ({TOM: "shown"}, {ROSA: False, TOM: True})):
        id = site.desk.save_note(couple_note(site), actor=CLINICIAN)["note"]
        site.desk.sign_note(id, actor=CLINICIAN, shown=shown, written_together=True)
        pages = {who: " ".join(site.desk.render_note(id, member=who, format="text").split()) for who in says}
        assert {who: SAW in page for who, page in pages.items()} == says
        assert not any(TOGETHER in page for page in pages.values())


def test_nothing_about_violence_is_in_the_chart_unless_the_ehr_keeps_it_apart(site: Site) -> None:
    """One person's note: the field stays inside, and so does every trace of it. Planted: labels alone; caught."""
    note = make_note(fields={"violence_told": "zebra-fear", "substance_use": "Two glasses."})
    answer = site.desk.save_note(note, actor=CLINICIAN)
    site.desk.sign_note(answer["note"], actor=CLINICIAN, shown="shown")
    [document] = documents(site)
    whole = json.dumps(document) + "".join(texts(document).values())
    assert "zebra-fear" not in whole
    assert "SDV" not in whole
    assert [one["coding"][0]["code"] for one in document["securityLabel"]] == ["ETH"]
    assert "42 CFR part 2" in texts(document)["text/plain"]
    [version] = site.desk.note(answer["note"], actor=CLINICIAN)["versions"]
    assert version["file"]["fields"]["violence_told"] == "zebra-fear"
