"""I8: where a note about safety tells of violence, what its document leaves out would give the violence away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.system.notes import RECORD, TOM, documents, make_note, saved
from tests.system.site import CLINICIAN, Site
from withness.core.note import NoteField, Section, Sensitivity
from withness.errors import EhrUnavailable, InvalidInput

SAFETY = ("safety", "directive-protocol")
INSIDE = "Signed, and kept inside Withness: the EHR does not enforce security labels."
STAYS = "What an earlier version put into the chart stays there as it is."


def violent(site: Site, template: str) -> list[str]:
    """The ids of the template's fields about violence."""
    return [one.id for _, one in template_fields(site, template) if one.sensitivity is Sensitivity.VIOLENCE]


def template_fields(site: Site, template: str) -> list[tuple[Section, NoteField]]:
    """The fields of a template."""
    return list(site.context.note_templates[template].fields())


def written(site: Site, template: str, field: str) -> Any:
    """Something to stand in a field about violence."""
    one = site.context.note_templates[template].field(field)
    assert one is not None
    assert one.sensitivity is Sensitivity.VIOLENCE
    if one.options:
        return [one.options[0].code] if one.kind == "choices" else one.options[0].code
    if one.kind == "entries":
        return [{part.id: "zebra" for part in one.parts if part.id != "who"}]
    return [{"who": TOM, "words": "zebra"}] if one.kind == "voices" else "zebra"


def told(site: Site, template: str, **changes: Any) -> dict[str, Any]:
    """Its example with every field about violence filled."""
    fields = {one: written(site, template, one) for one in violent(site, template)}
    return make_note(template, fields=fields, **changes)


def plain(site: Site, template: str, **changes: Any) -> dict[str, Any]:
    """Its example without anything about violence."""
    return make_note(template, fields=dict.fromkeys(violent(site, template)), **changes)


def sign(site: Site, id: str) -> dict[str, Any]:
    """Sign it."""
    return site.desk.sign_note(id, actor=CLINICIAN, shown="not-shown", why_not="He is next door.")


def outbox(site: Site) -> int:
    """How many documents were ever on their way."""
    with site.context.store.transaction() as tx:
        rows = [tx.note(id) for id in tx.note_ids()]
    return sum(len(one["signed"]["rows"]) for row in rows if row for one in row.content["versions"] if "signed" in one)


@pytest.mark.parametrize("template", SAFETY)
def test_any_word_of_violence_keeps_all_of_it_inside(site: Site, template: str) -> None:
    """Each field alone; signed and kept, and nothing has left: no document, no outbox row, no Bundle to hand over.

    Planted: the field left out and the rest sent, as before; caught.
    """
    assert violent(site, template)
    for field in violent(site, template):
        asks = [two.id for _, two in template_fields(site, template) if two.when and two.when.field == field]
        fields = {one: written(site, template, one) for one in (field, *asks)}
        note = make_note(template, fields={**dict.fromkeys(violent(site, template)), **fields})
        id = site.desk.save_note(note, actor=CLINICIAN)["note"]
        with pytest.raises(InvalidInput):
            site.desk.render_note(id, format="fhir")
        done = sign(site, id)
        assert (done["signed"], done["state"], done["delivery"], done["documents"]) == (True, "signed", {}, {}), field
        assert (done["sentence"], done["hint"], done["troubles"]) == (INSIDE, "", [])
        assert sign(site, id) == done
        with pytest.raises(InvalidInput):
            site.desk.render_note(id, format="fhir")
        [version] = site.desk.note(id)["versions"]
        assert (version["file"], version["kept_inside"]) == (note, True)
    assert site.chart("DocumentReference", "Provenance") == []
    assert outbox(site) == 0
    assert site.desk.sync(actor=CLINICIAN)["noted"] == 0
    site.desk.health()
    assert site.console("audit", "verify").returncode == 0


@pytest.mark.parametrize("template", SAFETY)
def test_the_trail_says_signed_and_no_more(site: Site, template: str) -> None:
    """Its record has the form of any other signature's. Planted: a reason "violence" in the record; caught."""
    for make in (plain, told):
        sign(site, site.desk.save_note(make(site, template), actor=CLINICIAN)["note"])
    one, other = [record for record in site.records() if record["outcome"] == "signed"]
    assert {name: one[name] for name in ("kind", "outcome", "reason", "patient", "policy")} == {
        name: other[name] for name in ("kind", "outcome", "reason", "patient", "policy")
    }
    assert one["details"].keys() == other["details"].keys()
    assert (one["reason"], one["details"]["documents"], other["details"]["documents"]) == (None, 1, 0)
    bare = json.dumps(site.records()).lower()
    assert not any(word in bare for word in ("zebra", "violence", "sdv", "label", "inside"))


@pytest.mark.parametrize("template", SAFETY)
def test_where_labels_are_enforced_it_goes_out_with_its_label(tmp_path: Path, template: str) -> None:
    """Planted: kept inside everywhere; caught."""
    with Site(tmp_path / "home", tmp_path / "site.key", ehr_enforces_labels=True) as site:
        done = sign(site, site.desk.save_note(told(site, template), actor=CLINICIAN)["note"])
        assert (done["sentence"], done["delivery"]) == ("Signed.", {TOM: "delivered"})
        [document] = documents(site, TOM)
        assert "SDV" in [one["coding"][0]["code"] for one in document["securityLabel"]]
        [version] = site.desk.note(done["note"])["versions"]
        assert version["kept_inside"] is False


@pytest.mark.parametrize("template", SAFETY)
def test_without_a_word_of_violence_it_is_in_the_chart(site: Site, template: str) -> None:
    """Planted: every note about safety kept inside; caught."""
    done = sign(site, site.desk.save_note(plain(site, template), actor=CLINICIAN)["note"])
    assert (done["sentence"], done["delivery"]) == ("Signed.", {TOM: "delivered"})
    assert len(documents(site, TOM)) == 1


def test_other_notes_leave_the_field_out_as_before(site: Site) -> None:
    """What they say is much else. Planted: every template kept inside; caught."""
    for template in RECORD:
        if template in SAFETY or not violent(site, template):
            continue
        done = sign(site, saved(site, template, fields={"violence_told": "zebra"}))
        assert set(done["delivery"].values()) == {"delivered"}
    assert "zebra" not in json.dumps([one.resource for one in site.chart("DocumentReference")])


class TestAnAmendment:
    def amended(self, site: Site, id: str, note: dict[str, Any]) -> dict[str, Any]:
        """Save and sign an amendment."""
        site.pass_time(minutes=10)
        site.desk.amend_note(id, note, reason="She told me more.", actor=CLINICIAN)
        return sign(site, id)

    def test_changes_nothing_of_what_is_in_the_chart(self, site: Site) -> None:
        """The first version stays as it is, and the clinician is told; a later one without it takes its place.

        Planted: the stay not said; caught.
        """
        id = site.desk.save_note(plain(site, "safety"), actor=CLINICIAN)["note"]
        sign(site, id)
        before = site.chart("DocumentReference", "Provenance")
        done = self.amended(site, id, told(site, "safety"))
        assert (done["state"], done["version"], done["delivery"]) == ("amended", 2, {})
        assert (done["sentence"], done["hint"]) == (INSIDE, STAYS)
        assert sign(site, id) == done
        assert site.chart("DocumentReference", "Provenance") == before
        shown = site.console("note", "show", id).stdout
        assert "kept inside" in " ".join(shown.split())
        self.amended(site, id, plain(site, "safety"))
        assert [one["status"] for one in documents(site, TOM)] == ["superseded", "current"]
        assert site.console("audit", "verify").returncode == 0

    def test_what_still_waits_of_the_first_is_sent_as_it_would_have_been(self, site: Site) -> None:
        """The chart is the same whether the EHR was away or not. Planted: the waiting one stopped; caught."""
        site.remote()
        real = site.context.ehr.transact

        def away(_: object) -> None:
            raise EhrUnavailable("The EHR did not answer.")

        site.context.ehr.transact = away  # type: ignore[method-assign,assignment]
        id = site.desk.save_note(plain(site, "safety"), actor=CLINICIAN)["note"]
        assert sign(site, id)["delivery"] == {TOM: "sending"}
        assert self.amended(site, id, told(site, "safety"))["hint"] == STAYS
        site.context.ehr.transact = real  # type: ignore[method-assign]
        assert site.desk.sync(actor=CLINICIAN)["noted"] == 1
        assert [one["status"] for one in documents(site, TOM)] == ["current"]


def test_the_console_says_it_in_one_sentence(site: Site) -> None:
    """Exit 0: it is signed, and nothing waits."""
    id = site.desk.save_note(told(site, "safety"), actor=CLINICIAN)["note"]
    done = site.console(
        "note", "sign", id, "--shown", "not-shown", "--why-not", "He is next door.", "--actor", CLINICIAN
    )
    assert done.returncode == 0
    assert INSIDE in " ".join(done.stdout.split())
