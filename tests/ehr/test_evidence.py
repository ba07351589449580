"""Evidence and linked records, alike from the embedded chart and from a real FHIR server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from tests.servers.hapi import HapiServer

from withness.ehr.client import FhirClient
from withness.ehr.links import MOST
from withness.ehr.local import LocalChart
from withness.ehr.port import Ehr
from withness.errors import EhrRefused, EhrUnavailable
from withness.seal import Seal

LOINC = "http://loinc.org"
ITEM_9, RISK = "44260-8", "93374-7"
SINCE = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BEFORE, AFTER = "2026-11-21T11:59:00Z", "2026-11-21T12:01:00Z"


@dataclass
class Clinic:
    """An EHR under test. `server` is the real one's base, "" for the chart; `run` keeps tests apart in one server."""

    ehr: Ehr
    server: str
    run: str

    def id(self, name: str) -> str:
        return f"{name}-{self.run}"

    def holds(self, *resources: dict[str, Any]) -> None:
        """Write past the client, the references of one Bundle to each other included."""
        entries = [
            {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
            for one in resources
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        if not self.server:
            self.ehr.transact(bundle)
            return
        answer = requests.post(self.server, json=bundle, timeout=60)
        assert answer.ok, answer.text

    def person(self, name: str, *links: str, **more: Any) -> dict[str, Any]:
        """Return a Patient, linked to "Patient/name" or "RelatedPerson/name" with a type of link each."""
        types = ("replaced-by", "replaces", "refer", "seealso")
        link = [
            {"other": {"reference": self.id(other)}, "type": types[number % 4]} for number, other in enumerate(links)
        ]
        return {"resourceType": "Patient", "id": self.id(name), **({"link": link} if link else {}), **more}

    def related(self, name: str, patient: str) -> dict[str, Any]:
        about = {"reference": f"Patient/{self.id(patient)}"}
        return {"resourceType": "RelatedPerson", "id": self.id(name), "patient": about}

    def seen(self, name: str, patient: str = "rosa", code: Any = ITEM_9, **more: Any) -> dict[str, Any]:
        """Return an Observation of the time AFTER, unless `more` says another (None leaves an element out)."""
        subject = {"reference": f"Patient/{self.id(patient)}"}
        observation = {"resourceType": "Observation", "id": self.id(name), "status": "final", "subject": subject}
        whole = {
            **observation,
            "code": code if isinstance(code, dict) else coded(code),
            "valueInteger": 1,
            "effectiveDateTime": AFTER,
            **more,
        }
        return {key: value for key, value in whole.items() if value is not None}

    def found(self, *codes: str, patient: str = "rosa", since: datetime = SINCE) -> set[str]:
        """Return the names of the Observations found."""
        every = self.ehr.observations(f"Patient/{self.id(patient)}", codes or (ITEM_9, RISK), since)
        assert len({one["id"] for one in every}) == len(every)
        return {str(one["id"]).removesuffix(f"-{self.run}") for one in every}

    def linked(self, person: str) -> set[str]:
        """Return the names, with their types, of the records linked with `person`."""
        return {one.removesuffix(f"-{self.run}") for one in self.ehr.linked(self.id(person))}


def coded(code: str, system: str = LOINC) -> dict[str, Any]:
    return {"coding": [{"system": "urn:local", "code": "own"}, {"system": system, "code": code}]}


@pytest.fixture(params=["local", pytest.param("hapi", marks=pytest.mark.xdist_group("hapi"))])
def clinic(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Clinic]:
    run = uuid4().hex[:12]
    if request.param == "local":
        chart = LocalChart(tmp_path / "chart.sqlite3", Seal(bytes(32)), lambda: datetime.now(UTC))
        yield Clinic(chart, "", run)
        return
    server: HapiServer = request.getfixturevalue("hapi_server")
    with closing(FhirClient(server.base_url)) as client:
        yield Clinic(client, server.base_url, run)


@pytest.fixture
def wards(clinic: Clinic) -> Clinic:
    """A clinic that has two patients and nothing about them yet."""
    clinic.holds(clinic.person("rosa"), clinic.person("tom"))
    return clinic


def test_only_the_chart_is_written_by_this_process(clinic: Clinic) -> None:
    """Catches: a lock of this machine trusted to keep a server still."""
    assert clinic.ehr.embedded == (clinic.server == "")


def test_an_observation_is_found_by_its_code_or_a_components(wards: Clinic) -> None:
    """Catches: PHQ-9 item 9 missed inside a panel; another code, or the same letters of another system, taken."""
    item_9 = {"code": coded(ITEM_9), "valueInteger": 2}
    other = {"code": coded("44255-8"), "valueInteger": 0}
    wards.holds(
        wards.seen("own"),
        wards.seen("risk", code=RISK),
        wards.seen("panel", code="44249-1", component=[other, item_9]),
        wards.seen("other", code="44249-1", component=[other]),
        wards.seen("no-loinc", code=coded(ITEM_9, "urn:not-loinc")),
        wards.seen("by-value", code="44249-1", valueInteger=None, valueCodeableConcept=coded(ITEM_9)),
    )
    assert wards.found() == {"own", "risk", "panel"}
    assert wards.found(ITEM_9) == {"own", "panel"}
    assert wards.found("1-1") == set()


def test_no_code_finds_nothing(wards: Clinic) -> None:
    """Catches: an empty list of codes searched as "any code"."""
    wards.holds(wards.seen("own"))
    assert wards.ehr.observations(f"Patient/{wards.id('rosa')}", (), SINCE) == ()


def test_another_patients_observations_are_not_given(wards: Clinic) -> None:
    """Catches: the patient left out of the search."""
    wards.holds(wards.seen("hers"), wards.seen("his", "tom"))
    assert wards.found() == {"hers"}
    assert wards.found(patient="tom") == {"his"}
    assert wards.found(patient="nobody") == set()


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("entered-in-error", False),
        ("cancelled", False),
        *((one, True) for one in ("registered", "preliminary", "final", "amended", "corrected", "unknown")),
    ],
)
def test_what_was_entered_in_error_or_cancelled_is_left_out(wards: Clinic, status: str, counts: bool) -> None:
    """Catches: a result taken back that still raises; a preliminary one that does not."""
    wards.holds(wards.seen("one", status=status))
    assert (wards.found() == {"one"}) == counts


TIMES: dict[str, tuple[dict[str, Any], bool]] = {
    "after": ({"effectiveDateTime": AFTER}, True),
    "before": ({"effectiveDateTime": BEFORE}, False),
    "after in another zone": ({"effectiveDateTime": "2026-11-22T01:00:00+12:59"}, True),
    "before in another zone": ({"effectiveDateTime": "2026-11-21T13:00:00+02:00"}, False),
    "none": ({"effectiveDateTime": None}, True),
    "the same day": ({"effectiveDateTime": "2026-11-21"}, True),
    "the day before, where clocks are behind": ({"effectiveDateTime": "2026-11-20"}, False),
    "the same year": ({"effectiveDateTime": "2026"}, True),
    "the month before": ({"effectiveDateTime": "2026-10"}, False),
    "issued after": ({"effectiveDateTime": BEFORE, "issued": AFTER}, True),
    "issued before": ({"effectiveDateTime": BEFORE, "issued": BEFORE}, False),
    "issued alone": ({"effectiveDateTime": None, "issued": BEFORE}, False),
    "an instant": ({"effectiveDateTime": None, "effectiveInstant": AFTER}, True),
    "an instant before": ({"effectiveDateTime": None, "effectiveInstant": BEFORE}, False),
    "ended after": ({"effectiveDateTime": None, "effectivePeriod": {"start": BEFORE, "end": AFTER}}, True),
    "ended before": ({"effectiveDateTime": None, "effectivePeriod": {"start": "2026", "end": BEFORE}}, True),
    "over before": ({"effectiveDateTime": None, "effectivePeriod": {"start": "2025", "end": BEFORE}}, False),
    "begun before": ({"effectiveDateTime": None, "effectivePeriod": {"start": BEFORE}}, False),
    "begun after": ({"effectiveDateTime": None, "effectivePeriod": {"start": AFTER}}, True),
    "a schedule": ({"effectiveDateTime": None, "effectiveTiming": {"event": [BEFORE]}, "issued": BEFORE}, True),
}


def test_what_may_be_newer_is_given_and_what_is_older_is_not(wards: Clinic) -> None:
    """Catches: any form of time misread, a missing one taken for an old one."""
    names = {name: f"t{number}" for number, name in enumerate(TIMES)}
    wards.holds(*(wards.seen(names[name], **told) for name, (told, _) in TIMES.items()))
    found = wards.found()
    assert {name: names[name] in found for name in TIMES} == {name: new for name, (_, new) in TIMES.items()}


def test_every_page_is_read(wards: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: the first page taken for the whole answer."""
    monkeypatch.setattr("withness.ehr.search._COUNT", "2")
    wards.holds(*(wards.seen(f"o{number}") for number in range(7)))
    assert wards.found() == {f"o{number}" for number in range(7)}


def test_a_new_result_is_found_at_once(wards: Clinic) -> None:
    """Catches: an answer kept from a moment ago."""
    assert wards.found() == set()
    wards.holds(wards.seen("one"))
    assert wards.found() == {"one"}
    wards.holds(wards.seen("one", status="entered-in-error"))
    assert wards.found() == set()


def test_since_may_be_in_any_zone(wards: Clinic) -> None:
    """Catches: times compared without their zones."""
    wards.holds(wards.seen("one"))
    for hours in (-12, 0, 14):
        local = SINCE.replace(tzinfo=None) + timedelta(hours=hours)
        zone = datetime.fromisoformat(f"2026-01-01T00:00:00{hours:+03d}:00").tzinfo
        assert wards.found(since=local.replace(tzinfo=zone)) == {"one"}
    assert wards.found(since=SINCE + timedelta(minutes=5)) == set()


FORM = "https://withness.example/fhir/Questionnaire/session-check-in"


def test_answers_to_a_form_are_found_in_every_version_of_it(wards: Clinic) -> None:
    """Catches: another patient's, another form's, one entered in error; a version taken for another form."""

    def answered(name: str, questionnaire: str = f"{FORM}|0.1.0", patient: str = "rosa", **more: Any) -> dict[str, Any]:
        about = {"reference": f"Patient/{wards.id(patient)}"}
        made = {"resourceType": "QuestionnaireResponse", "id": wards.id(name), "status": "completed", "subject": about}
        return {**made, "questionnaire": questionnaire, "authored": AFTER, **more}

    wards.holds(
        answered("first"),
        answered("older", f"{FORM}|0.0.9"),
        answered("bare", FORM),
        answered("draft", status="in-progress"),
        answered("longer", f"{FORM}-long|0.1.0"),
        answered("screen", "https://withness.example/fhir/Questionnaire/risk-screen|0.2.0"),
        answered("toms", patient="tom"),
        answered("wrong", status="entered-in-error"),
    )
    found = {str(one["id"]) for one in wards.ehr.responses(f"Patient/{wards.id('rosa')}", FORM)}
    assert found == {wards.id(name) for name in ("first", "older", "bare", "draft")}


@pytest.mark.parametrize("person", ["RelatedPerson/mum", "Practitioner/p1", "rosa"])
def test_only_a_patients_answers_are_looked_for(clinic: Clinic, person: str) -> None:
    """Catches: everybody's answers given for nobody's."""
    with pytest.raises(EhrRefused):
        clinic.ehr.responses(person, FORM)


def test_encounters_are_given_whatever_their_status(wards: Clinic) -> None:
    """Catches: a cancelled one left out, which a check-in would then count; another patient's given."""
    statuses = ("planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled")

    def met(name: str, status: str, patient: str = "rosa", **more: Any) -> dict[str, Any]:
        about = {"reference": f"Patient/{wards.id(patient)}"}
        kind = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
        made = {"resourceType": "Encounter", "id": wards.id(name), "status": status, "class": kind, "subject": about}
        return {**made, "period": {"start": AFTER}, **more}

    every = ("entered-in-error", "unknown", *statuses)
    wards.holds(*(met(status, status) for status in every), met("toms", "finished", "tom"), met("bare", "finished"))
    found = [str(one["id"]) for one in wards.ehr.encounters(f"Patient/{wards.id('rosa')}")]
    assert sorted(found) == sorted(wards.id(name) for name in (*every, "bare"))
    assert [one["id"] for one in wards.ehr.encounters(f"Patient/{wards.id('tom')}")] == [wards.id("toms")]
    wards.holds(met("finished", "cancelled"))
    held = {one["id"]: one["status"] for one in wards.ehr.encounters(f"Patient/{wards.id('rosa')}")}
    assert held[wards.id("finished")] == "cancelled"


@pytest.mark.parametrize("person", ["RelatedPerson/mum", "Practitioner/p1", "rosa", "Patient/a,b", ""])
def test_only_a_patients_encounters_are_looked_for(clinic: Clinic, person: str) -> None:
    """Catches: everybody's Encounters given for nobody's."""
    with pytest.raises(EhrRefused):
        clinic.ehr.encounters(person)


def test_a_related_person_has_no_observations(clinic: Clinic) -> None:
    """Catches: a search that R4 has no answer to, whose refusal would hold the plan for ever."""
    clinic.holds(clinic.person("rosa"), clinic.related("mother", "rosa"), clinic.seen("one"))
    assert clinic.ehr.observations(f"RelatedPerson/{clinic.id('mother')}", [ITEM_9], SINCE) == ()


@pytest.mark.parametrize("person", ["", "rosa", "Practitioner/p1", "Patient/a,b", "Patient/..", "Patient/a/_history/1"])
def test_what_is_no_person_is_refused(clinic: Clinic, person: str) -> None:
    """Catches: a mistyped person answered as one without evidence or links."""
    with pytest.raises(EhrRefused):
        clinic.ehr.observations(person, [ITEM_9], SINCE)
    with pytest.raises(EhrRefused):
        clinic.ehr.linked(person)


@pytest.mark.parametrize("start", ["a", "b", "c", "d"])
def test_links_are_followed_from_either_end_and_on(clinic: Clinic, start: str) -> None:
    """Catches: a merged patient's other record missed because the link stands in it, or two links away."""
    clinic.holds(
        clinic.person("a", "Patient/b"),
        clinic.person("b"),
        clinic.person("c", "Patient/b", "Patient/d"),
        clinic.person("d", "Patient/d"),
        clinic.person("e"),
        clinic.person("f", "Patient/e"),
    )
    assert clinic.linked(f"Patient/{start}") == {f"Patient/{one}" for one in "abcd"} - {f"Patient/{start}"}
    assert clinic.linked("Patient/e") == {"Patient/f"}


def test_a_related_person_may_be_the_patient(clinic: Clinic) -> None:
    """Catches: a RelatedPerson taken for another human being; the person whose relative it is taken for the same."""
    clinic.holds(
        clinic.person("child"),
        clinic.related("mother", "child"),
        clinic.person("rosa", "RelatedPerson/mother"),
        clinic.person("rosa-old", "Patient/rosa"),
    )
    assert clinic.linked("Patient/rosa") == {"RelatedPerson/mother", "Patient/rosa-old"}
    assert clinic.linked("RelatedPerson/mother") == {"Patient/rosa", "Patient/rosa-old"}
    assert clinic.linked("Patient/child") == set()


def test_who_is_not_in_the_ehr_has_no_links(clinic: Clinic) -> None:
    """Catches: an unknown person raised as an error, though the chart accepts references to what it does not hold."""
    assert clinic.linked("Patient/nobody") == set()
    assert clinic.linked("RelatedPerson/nobody") == set()


def test_a_link_by_identifier_alone_is_passed_over(clinic: Clinic) -> None:
    """Catches: a plan held for ever by a link that names no record."""
    logical = {"other": {"identifier": {"system": "urn:mrn", "value": "7"}}, "type": "seealso"}
    clinic.holds(clinic.person("rosa", link=[logical]), clinic.person("tom", link=[logical]))
    assert clinic.linked("Patient/rosa") == set()


def test_twenty_linked_records_are_followed_and_no_more(clinic: Clinic) -> None:
    """Catches: an endless chain followed for ever, or cut short as if it were whole."""
    last = clinic.person(f"n{MOST}")
    clinic.holds(*(clinic.person(f"n{one}", f"Patient/n{one + 1}") for one in range(MOST)), last)
    assert len(clinic.linked("Patient/n0")) == MOST
    clinic.holds(clinic.person("more", "Patient/n7"))
    with pytest.raises(EhrUnavailable, match="more linked records than can be followed"):
        clinic.linked("Patient/n0")


def test_nothing_is_logged(wards: Clinic, caplog: pytest.LogCaptureFixture) -> None:
    """Catches: a library's own log of what was asked (contracts I9)."""
    wards.holds(wards.seen("one"))
    caplog.set_level(logging.DEBUG)
    assert wards.found() == {"one"}
    assert wards.linked("Patient/rosa") == set()
    assert wards.run not in caplog.text


UNREADABLE_LINKS: dict[str, Any] = {
    "no list": {"other": {"reference": "Patient/b"}},
    "no object": ["Patient/b"],
    "no other": [{"type": "seealso"}],
    "other no object": [{"other": "Patient/b"}],
    "display alone": [{"other": {"display": "Tom"}}],
    "another server": [{"other": {"reference": "https://elsewhere.example/fhir/Patient/b"}}],
    "another type": [{"other": {"reference": "Person/b"}}],
    "contained": [{"other": {"reference": "#b"}}],
    "a URN": [{"other": {"reference": "urn:uuid:0a0e4bb4-7a5f-4a65-a9c1-61a1b3a0a001"}}],
    "no text": [{"other": {"reference": 7, "identifier": {"value": "7"}}}],
    "climbing": [{"other": {"reference": "Patient/.."}}],
}


@pytest.mark.parametrize("link", UNREADABLE_LINKS.values(), ids=UNREADABLE_LINKS.keys())
def test_a_link_in_the_chart_that_cannot_be_read_is_unavailable(tmp_path: Path, link: Any) -> None:
    """Catches: an unreadable link taken for none. Another person's holds nobody else up."""
    chart = LocalChart(tmp_path / "chart.sqlite3", Seal(bytes(32)), lambda: SINCE)
    clinic = Clinic(chart, "", "x")
    clinic.holds(clinic.person("a", link=link), clinic.person("c", "Patient/a"), clinic.person("d"))
    for person in ("a", "c"):
        with pytest.raises(EhrUnavailable, match="could not be read"):
            clinic.linked(f"Patient/{person}")
    assert clinic.linked("Patient/d") == set()
