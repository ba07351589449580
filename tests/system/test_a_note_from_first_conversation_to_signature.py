"""Rosa's first conversation: begun with what is known, kept half finished, shown to her, signed, in her chart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.system.notes import ROSA, documents, make_note, released_plan, saved, texts
from tests.system.site import CLINICIAN, SUPERVISOR, WORDS, Site
from withness.errors import Conflict, InvalidInput, NoteNotReady, Refused
from withness.signing import Signer, new_signer

PERSON = {"resourceType": "Patient", "id": "rosa", "name": [{"use": "official", "given": ["Rosa"], "family": "Vidal"}]}


def test_it_begins_with_what_is_known_and_says_where_from(site: Site) -> None:
    """Every value has its origin, and what is not known is said. Planted: the origin left out; caught."""
    site.write_to_chart(PERSON)
    plan = released_plan(site)
    begun = site.desk.start_note("session", [ROSA], actor=CLINICIAN, plan=plan, encounter="Encounter/e1")
    file = begun["file"]
    assert file["names"] == {ROSA: "Rosa Vidal"}
    assert file["fields"]["goals_touched"] == [{"words": WORDS}]
    assert file["fields"]["risk_screen"].startswith("Risk screen of ")
    assert file["prefilled"]["goals_touched"]["from"] == f"plan {plan}, version 1"
    assert set(file["prefilled"]) == {"goals_touched", "risk_screen"}
    assert begun["left"] == {"last_check_in": "None was found."}
    assert site.desk.save_note(file, actor=CLINICIAN)["saved"] is True


def test_a_half_finished_note_is_kept_and_names_all_that_is_missing(site: Site) -> None:
    """All at once, each with its section and help; and nothing has gone into the chart.

    Planted: a draft refused for what is missing; only the first missing field named; both caught.
    """
    answer = site.desk.save_note(make_note("first-conversation", fields={"client_words": None}), actor=CLINICIAN)
    assert (answer["saved"], answer["state"], answer["version"]) == (True, "draft", 1)
    bare = site.desk.save_note({**make_note("first-conversation"), "fields": {}}, actor=CLINICIAN)
    template = site.desk.note_templates("first-conversation")[0]
    asked = [
        field["id"]
        for section in template["sections"]
        for field in section["fields"]
        if field["required"] and not field["when"]
    ]
    assert len(asked) > 3
    assert [one["field"] for one in bare["missing"]] == asked
    assert all(one["section"] and one["title"] and one["help"] for one in bare["missing"])
    with pytest.raises(NoteNotReady) as refused:
        site.desk.sign_note(bare["note"], actor=CLINICIAN, shown="shown")
    assert [one["field"] for one in refused.value.as_dict()["missing"]] == asked
    assert refused.value.field == asked[0]
    assert documents(site) == []


def test_what_was_shown_is_what_was_signed_and_what_the_chart_holds(site: Site) -> None:
    """Rosa reads the page before Pat signs; her comment is kept byte for byte.

    Planted: the comment stripped; the page rendered anew for the chart without the attestation; both caught.
    """
    site.enrol()
    id = saved(site, "first-conversation")
    before = site.desk.render_note(id, format="text")
    comment = " Ja, so war es.\r\n\tY la radio. 📻 "
    done = site.desk.sign_note(
        id, actor=CLINICIAN, shown="shown", comments={ROSA: comment}, written_together=True, credentials="LPC L-200"
    )
    assert (done["signed"], done["state"], done["delivery"]) == (True, "signed", {ROSA: "delivered"})
    [document] = documents(site)
    assert f"DocumentReference/{document['id']}" == done["documents"][ROSA]
    forms = texts(document)
    assert forms["text/plain"] == site.desk.render_note(id, format="text")
    assert forms["text/html"] == site.desk.render_note(id, format="html")
    assert forms["text/plain"].splitlines()[:12] == before.splitlines()[:12]
    assert "Y la radio. 📻" in forms["text/plain"]
    [version] = site.desk.note(id, actor=CLINICIAN)["versions"]
    assert version["attestation"] == {
        "shown": "shown",
        "why_not_shown": "",
        "why_code": "",
        "comments": {ROSA: comment},
        "comments_before": {},
        "written_together": True,
        "credentials": "LPC L-200",
    }
    [by] = [one.resource for one in site.chart("Provenance")]
    assert [one["who"]["reference"] for one in by["agent"]] == [CLINICIAN, ROSA]
    assert json.loads(site.desk.render_note(id, format="fhir"))["entry"][0]["resource"]["id"] == document["id"]
    site.desk.health()


def test_only_its_own_author_signs_it_and_only_once(site: Site) -> None:
    """The same signature answers again, another is refused, another person's too and on record.

    Planted: any clinician may sign; a signed note signed over; both caught.
    """
    id = saved(site)
    with pytest.raises(Refused):
        site.desk.sign_note(id, actor=SUPERVISOR, shown="shown")
    assert [(one["kind"], one["outcome"], one["reason"]) for one in site.records()][-1] == (
        "note.saved",
        "refused",
        "not-the-author",
    )
    first = site.desk.sign_note(id, actor=CLINICIAN, shown="shown")
    site.pass_time(minutes=5)
    assert site.desk.sign_note(id, actor=CLINICIAN, shown="shown") == first
    with pytest.raises(Conflict):
        site.desk.sign_note(id, actor=CLINICIAN, shown="declined")
    with pytest.raises(InvalidInput):
        site.desk.save_note(make_note(), actor=CLINICIAN, note=id)
    assert len(documents(site)) == 1


@pytest.mark.parametrize(
    ("attested", "field"),
    [
        ({}, "shown"),
        ({"shown": "yes"}, "shown"),
        ({"shown": "not-shown"}, "why_not"),
        ({"shown": "shown", "why_not": "because"}, "why_not"),
        ({"shown": "shown", "comments": {"Patient/tom": "Hm"}}, "comments"),
        ({"shown": "shown", "comments": {ROSA: " "}}, "comments"),
    ],
)
def test_whoever_signs_says_whether_the_client_saw_it(site: Site, attested: dict[str, Any], field: str) -> None:
    """Planted: a missing answer taken for yes; caught."""
    id = saved(site)
    with pytest.raises(InvalidInput) as refused:
        site.desk.sign_note(id, actor=CLINICIAN, **attested)
    assert refused.value.field == field
    assert documents(site) == []


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("", "The clinician can say more."),
        ("no-time", "there was no time."),
        ("client-not-present", "the client was not present."),
    ],
)
def test_why_it_was_not_shown_stays_inside(site: Site, code: str, sentence: str) -> None:
    """I8: the reason may say what must not leave; a page says a neutral one, and `note show` the reason itself.

    Planted: the reason on the page, as before; the reason left out of `note show`; both caught.
    """
    id = saved(site)
    why = "zebra: he reads over her shoulder"
    site.desk.sign_note(id, actor=CLINICIAN, shown="not-shown", why_not=why, why_code=code)
    [document] = documents(site)
    forms = [site.desk.render_note(id, format=kind) for kind in ("md", "html", "text", "fhir")]
    assert "zebra" not in "".join((*forms, *texts(document).values(), json.dumps(document)))
    said = " ".join(texts(document)["text/plain"].split())
    assert "The client did not see their own page of this note before it was signed" in said
    assert sentence in said
    [version] = site.desk.note(id, actor=CLINICIAN)["versions"]
    assert version["attestation"]["why_not_shown"] == why
    assert "zebra" in site.console("note", "show", id).stdout
    assert "zebra" not in site.console("note", "show").stdout
    assert "zebra" not in json.dumps(site.records())
    site.desk.health()


class Forged(Signer):
    """Somebody who knows the public key of the signer, and has another private one."""

    def sign(self, statement: bytes) -> str:
        """Sign with another key."""
        return new_signer(self.who).sign(statement)


def test_a_key_of_the_authors_own_signs_and_is_verified(site: Site) -> None:
    """An enrolled author may sign with their key; the record is then not merely asserted, and a forged one is found.

    Planted: the signature not verified; caught.
    """
    site.enrol()
    id = saved(site)
    site.desk.sign_note(id, actor=CLINICIAN, shown="shown", signer=site.pat)
    [record] = [one for one in site.records() if one["outcome"] == "signed"]
    assert record["asserted"] is False
    other = saved(site)
    with pytest.raises(Refused):
        site.desk.sign_note(other, actor=CLINICIAN, shown="shown", signer=site.sam)
    site.desk.health()
    site.desk.sign_note(other, actor=CLINICIAN, shown="shown", signer=Forged(site.pat.who, site.pat.key))
    code, said = site.console_json("audit", "verify")
    assert code == 4
    assert "not signed by its author's key" in said["damages"][0]["what"]


def test_the_console_tells_it_in_sentences_and_in_one_document(site: Site, tmp_path: Path) -> None:
    """Begin, save, render, sign and show, as a person would. Planted: the missing fields not shown; caught."""
    file = tmp_path / "note.json"
    begun = site.console("note", "start", "session", "--for", ROSA, "--actor", CLINICIAN)
    assert begun.returncode == 0
    assert json.loads(begun.stdout)["template"] == "session"
    assert "Not filled in: goals_touched. No plan was named." in begun.stderr
    file.write_text(json.dumps({**make_note(), "fields": {}}), encoding="utf-8")
    half = site.console("note", "save", str(file))
    assert half.returncode == 0
    assert "Still missing" in half.stdout
    file.write_text(json.dumps(make_note()), encoding="utf-8")
    code, done = site.console_json("note", "save", str(file), "--actor", CLINICIAN)
    assert (code, done["state"]) == (0, "draft")
    page = tmp_path / "note.html"
    assert site.console("note", "render", done["note"], "--format", "html", "--out", str(page)).returncode == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    code, said = site.console_json("note", "sign", done["note"], "--actor", CLINICIAN)
    assert (code, said["field"]) == (2, "shown")
    told = site.console("note", "sign", done["note"], "--shown", "shown", "--actor", CLINICIAN)
    assert (told.returncode, "Signed." in told.stdout) == (0, True)
    assert "delivered" in told.stdout
    assert done["note"] in site.console("note", "show").stdout
    shown = site.console("note", "show", done["note"])
    assert "Session note" in shown.stdout
    assert site.console("note", "render", str(file), "--layout", "soap").returncode == 0
    assert site.console("note", "render", done["note"], "--layout", "sonnet").returncode == 2
