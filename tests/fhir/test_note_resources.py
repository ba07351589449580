"""One member's share of a note → its DocumentReference and Provenance, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from tests.servers.validator import Validator

from withness.core.note import Attestation, Layout, Note, NoteTemplate, for_chart
from withness.errors import InvalidInput
from withness.fhir import codes
from withness.fhir.check import require_valid
from withness.fhir.note_resources import (
    Document,
    document_id,
    note_identifier,
    note_transaction,
    require_note,
    superseding,
)
from withness.packs.note_templates import load_note_templates
from withness.settings import US_CORE_VERSIONS

AT = datetime(2026, 11, 28, 11, 30, tzinfo=UTC)
ID = "5f0a3c1e-0000-4000-8000-000000000001"
WORDS = "أريد أن يفهمني أحد 🌱 — <b>&amp;\r\n"
TEMPLATES = load_note_templates()
IN_THE_RECORD = [id for id, one in TEMPLATES.items() if one.loinc is not None]
SDV, ETH = {"system": codes.ACT_CODE, "code": "SDV"}, {"system": codes.ACT_CODE, "code": "ETH"}


def make_note(template: str = "session", **changes: Any) -> Note:
    """Rosa's note, signed by Pat."""
    fields = {"client_words": [{"who": "Patient/rosa", "words": WORDS}]} if template == "session" else {}
    note = Note(
        template=template,
        version="0.1.0",
        layout=Layout.DIALOGIC,
        members=("Patient/rosa",),
        author="Practitioner/p1",
        held_on=date(2026, 11, 28),
        fields=fields,
        encounter="Encounter/e1",
        attestation=Attestation("Practitioner/p1", "2026-11-28 11:30 (UTC)", shown={"Patient/rosa": "shown"}),
    )
    return replace(note, **changes)


def make_document(template: NoteTemplate | str = "session", note: Note | None = None, **changes: Any) -> Document:
    """What the desk hands over for Rosa's chart."""
    known = TEMPLATES[template] if isinstance(template, str) else template
    document = Document(
        id=ID,
        version=1,
        template=known,
        note=note or make_note(known.id),
        html=f"<p>{WORDS}</p>",
        text=WORDS,
        made_at=AT,
        signed_at=AT,
        organization="Organization/demo",
        us_core="6.1.0",
        demo=True,
    )
    return replace(document, **changes)


def resources(document: Document) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document and its Provenance."""
    first, second = (entry["resource"] for entry in note_transaction(document)["entry"])
    return first, second


def test_the_note_travels_byte_for_byte_in_both_forms() -> None:
    """Bytes, size and hash agree. Planted: the text normalised; the size of the base64; SHA-256; all caught."""
    made, _ = resources(make_document())
    forms = {one["attachment"]["contentType"]: one["attachment"] for one in made["content"]}
    for kind, rendered in (("text/html", f"<p>{WORDS}</p>"), ("text/plain", WORDS)):
        held = base64.b64decode(forms[kind]["data"], validate=True)
        assert held == rendered.encode()
        assert forms[kind]["size"] == len(held)
        assert base64.b64decode(forms[kind]["hash"]) == hashlib.sha1(held, usedforsecurity=False).digest()
        assert (forms[kind]["title"], forms[kind]["creation"]) == ("Session note", "2026-11-28T11:30:00Z")


def test_a_signed_note_is_a_clinical_note_of_its_type() -> None:
    """Planted: the category left out; the template's code for another's; docStatus always final; all caught."""
    made, _ = resources(make_document())
    assert (made["status"], made["docStatus"]) == ("current", "final")
    assert made["type"]["coding"] == [{"system": codes.LOINC, "code": "34904-3"}]
    assert made["category"] == [codes.CLINICAL_NOTE_CATEGORY]
    assert made["meta"]["profile"] == [
        codes.us_core("us-core-documentreference", "6.1.0"),
        codes.versioned(codes.CLINICAL_NOTE),
    ]
    assert (made["subject"], made["author"]) == ({"reference": "Patient/rosa"}, [{"reference": "Practitioner/p1"}])
    assert (made["date"], made["custodian"]) == ("2026-11-28T11:30:00Z", {"reference": "Organization/demo"})
    assert made["context"]["encounter"] == [{"reference": "Encounter/e1"}]
    assert made["identifier"] == [{"system": codes.NOTE, "value": note_identifier(ID, "Patient/rosa")}]


def test_a_draft_is_preliminary_and_nobody_has_signed_it() -> None:
    """A preview is no signature. Planted: the signature made whatever `signed_at` is; caught."""
    made, by = resources(make_document(signed_at=None))
    assert made["docStatus"] == "preliminary"
    assert "signature" not in by


def test_an_amended_note_replaces_the_one_before_it() -> None:
    """Planted: relatesTo left out; the identifier made of the version; both caught."""
    first, _ = resources(make_document())
    second, by = resources(make_document(version=2, replaces=f"DocumentReference/{first['id']}"))
    assert second["id"] != first["id"]
    assert second["identifier"] == first["identifier"]
    target = {"reference": f"DocumentReference/{first['id']}"}
    assert (second["docStatus"], second["relatesTo"]) == ("amended", [{"code": "replaces", "target": target}])
    assert by["activity"]["coding"][0]["code"] == "UPDATE"
    assert {"role": "revision", "what": target} in by["entity"]


def test_who_wrote_it_is_said_and_who_wrote_it_with_them() -> None:
    """The client is an author only where they wrote it together. Planted: the client always; caught."""
    _, alone = resources(make_document())
    [author] = alone["agent"]
    assert author["who"] == {"reference": "Practitioner/p1"}
    assert author["onBehalfOf"] == {"reference": "Organization/demo"}
    assert alone["signature"][0]["who"] == {"reference": "Practitioner/p1"}
    assert alone["signature"][0]["type"][0]["code"] == "1.2.840.10065.1.12.1.1"
    together = Attestation("Practitioner/p1", "", written_together=("Patient/rosa",))
    _, both = resources(make_document(note=make_note(attestation=together)))
    assert [one["who"]["reference"] for one in both["agent"]] == ["Practitioner/p1", "Patient/rosa"]
    assert len(both["signature"]) == 1


def test_it_points_at_the_plan_that_it_belongs_to() -> None:
    """Planted: the related references left out; caught."""
    related = ("CarePlan/c1", "Goal/g1", "RiskAssessment/r1")
    made, by = resources(make_document(related=related))
    assert [one["reference"] for one in made["context"]["related"]] == list(related)
    assert by["entity"] == [{"role": "source", "what": {"reference": "CarePlan/c1"}}]


@pytest.mark.parametrize("enforces", [False, True])
def test_what_is_written_says_which_label_it_bears(enforces: bool) -> None:
    """ETH wherever substance use is written; SDV only where the EHR keeps it apart, and then the words too.

    Planted: labels of the whole note for those of this chart's share; caught.
    """
    fields = {"substance_use": "Two glasses.", "violence_told": "zebra"}
    note = for_chart(TEMPLATES["session"], make_note(fields=fields), "Patient/rosa", enforces_labels=enforces)
    made, _ = resources(make_document(note=note))
    wanted = [SDV, ETH] if enforces else [ETH]
    assert [one["coding"][0] for one in made["securityLabel"]] == wanted
    assert made["meta"]["security"] == [codes.TEST_DATA, *wanted]
    plain, _ = resources(make_document(note=make_note()))
    assert "securityLabel" not in plain
    assert plain["meta"]["security"] == [codes.TEST_DATA]


def test_charts_of_one_unit_share_no_id() -> None:
    """I8: who sees two charts learns nothing from their ids. Planted: the note's own id as identifier; caught."""
    ids = [
        {document_id(ID, version, who), note_identifier(ID, who)}
        for who in ("Patient/rosa", "Patient/tom")
        for version in (1, 2)
    ]
    assert not (ids[0] | ids[1]) & (ids[2] | ids[3])
    assert ID not in json.dumps(note_transaction(make_document()))


class TestNothingElse:
    @pytest.mark.parametrize("members", [(), ("Patient/rosa", "Patient/tom"), ("RelatedPerson/mum",)])
    def test_a_document_is_one_patients(self, members: tuple[str, ...]) -> None:
        """Planted: the first of several members taken; caught."""
        with pytest.raises(InvalidInput) as refused:
            note_transaction(make_document(note=make_note(members=members)))
        assert refused.value.field == "members"

    def test_what_is_kept_outside_the_record_goes_into_no_chart(self) -> None:
        """Planted: a type made up for a template without one; caught."""
        with pytest.raises(InvalidInput) as refused:
            note_transaction(make_document("supervision-reflection"))
        assert refused.value.field == "template"

    @pytest.mark.parametrize("kind", ["CarePlan", "Goal", "QuestionnaireResponse", "Observation", "Bundle"])
    def test_no_other_type_of_resource_can_be_in_its_bundle(self, kind: str) -> None:
        """I1: a note is no way around the gate. Planted: the check of the request's url left out; caught."""
        bundle = note_transaction(make_document())
        other = {"resource": {"resourceType": kind}, "request": {"method": "PUT", "url": f"{kind}/x"}}
        disguised = {
            "resource": bundle["entry"][0]["resource"],
            "request": {"method": "PUT", "url": f"{kind}/x"},
        }
        posted = {"resource": bundle["entry"][0]["resource"], "request": {"method": "POST", "url": "DocumentReference"}}
        for entry in (other, disguised, posted):
            with pytest.raises(InvalidInput) as refused:
                require_note({**bundle, "entry": [*bundle["entry"], entry]})
            assert refused.value.field == "Bundle.entry"

    def test_an_earlier_document_is_marked_over_the_version_that_was_read(self) -> None:
        """Planted: If-Match left out; one entered in error marked again; both caught."""
        bundle = note_transaction(make_document(version=2))
        before, _ = resources(make_document())
        marked = superseding(bundle, before, "3")["entry"][-1]
        assert marked["resource"] == {**before, "status": "superseded"}
        assert marked["request"] == {
            "method": "PUT",
            "url": f"DocumentReference/{before['id']}",
            "ifMatch": 'W/"3"',
        }
        gone = {**before, "status": "entered-in-error"}
        assert superseding(bundle, gone, "3") == bundle


def every_bundle(us_core: str) -> Iterator[dict[str, Any]]:
    """A note of each template, plain; and one with everything that one can have."""
    for id in IN_THE_RECORD:
        yield note_transaction(make_document(id, us_core=us_core))
    full = make_note(
        fields={"substance_use": "Two glasses.", "violence_told": "Something."},
        attestation=Attestation("Practitioner/p1", "", written_together=("Patient/rosa",)),
    )
    related = ("CarePlan/c1", "Goal/g1", "RiskAssessment/r1")
    document = make_document(note=full, version=2, related=related, replaces="DocumentReference/d1", us_core=us_core)
    yield superseding(note_transaction(document), resources(make_document(us_core=us_core))[0], "1")


@pytest.mark.parametrize("us_core", US_CORE_VERSIONS)
def test_each_template_makes_a_valid_bundle(us_core: str) -> None:
    """By our own check. Planted: an empty list left in; caught."""
    for bundle in every_bundle(us_core):
        require_valid(bundle)


@pytest.mark.parametrize("us_core", US_CORE_VERSIONS)
def test_each_template_passes_the_independent_validator(validator: Validator, us_core: str) -> None:
    """Against US Core and our clinical-note profile. Planted: a type that the value set does not have; caught."""
    for bundle in every_bundle(us_core):
        assert validator.errors(bundle, us_core=us_core) == []
