# ruff: noqa: E501 - one row for each rule reads better as a table
"""`withness ig check`, as typed: each error that fhir.resources R4B silently accepts is found, and named.

The first table is that of the tool facts (what fhir.resources 8.3.0 accepts); the second is what was found since.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from tests.fhir.check_examples import Resource, at, both, bundle, care_plan, div, form, goal, provenance, without
from tests.system.site import Site

from withness.cli.app import run
from withness.fhir.models import faults, model

TARGET = ("target", 0)


def definition() -> Resource:
    return {"resourceType": "PlanDefinition", "status": "draft", "name": "Check", "action": [{"id": "a", "title": "x"}]}


def encounter() -> Resource:
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "length": {"value": 50, "unit": "min", "system": "http://unitsofmeasure.org", "code": "min"},
    }


def patient() -> Resource:
    return {"resourceType": "Patient", "active": True, "multipleBirthInteger": 2}


def audit_event() -> Resource:
    return {
        "resourceType": "AuditEvent",
        "type": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110100"},
        "action": "E",
        "recorded": "2026-11-21T10:00:00Z",
        "agent": [{"requestor": True}],
        "source": {"observer": {"display": "Withness"}},
        "entity": [{"name": "the plan"}],
    }


def code_system() -> Resource:
    return {
        "resourceType": "CodeSystem",
        "status": "draft",
        "content": "complete",
        "count": 2,
        "concept": [{"code": "a", "concept": [{"code": "b"}]}],
    }


def value_set() -> Resource:
    return {
        "resourceType": "ValueSet",
        "status": "draft",
        "compose": {"include": [{"system": "urn:x", "concept": [{"code": "a"}]}]},
    }


def profile() -> Resource:
    return {
        "resourceType": "StructureDefinition",
        "url": "https://site.example/fhir/StructureDefinition/x",
        "name": "X",
        "status": "draft",
        "kind": "resource",
        "abstract": False,
        "type": "Goal",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Goal",
        "derivation": "constraint",
        "differential": {
            "element": [{"id": "Goal", "path": "Goal"}, {"id": "Goal.note", "path": "Goal.note", "min": 1}]
        },
    }


Row = tuple[Callable[[], Resource], Callable[[Resource], object], str, str]
INTEGER = both(without(*TARGET, "detailRatio"), at(*TARGET, "detailInteger", put="3"))

# fmt: off
# Name: resource, the one thing changed, the element that is named, words of the sentence.
TABLE: dict[str, Row] = {
    "bad code in a required binding": (goal, at("lifecycleStatus", put="bogus"), "Goal.lifecycleStatus", "codes that FHIR R4 requires"),
    "gol-1": (goal, without(*TARGET, "measure"), "Goal.target[0].measure", "gol-1"),
    "blank string": (goal, at("description", "text", put="  "), "Goal.description.text", "blank"),
    "reference to the wrong type": (goal, at("subject", "reference", put="Practitioner/p1"), "Goal.subject", "does not allow"),
    "junk reference": (goal, at("subject", "reference", put="junk"), "Goal.subject", "must be a reference"),
    "empty {}": (goal, at("subject", put={}), "Goal.subject", "is empty"),
    "empty list": (goal, at("note", put=[]), "Goal.note", "empty list"),
    "detailInteger as text": (goal, INTEGER, "Goal.target[0].detailInteger", "number"),
    "id of 65 characters": (goal, at("id", put="x" * 65), "Goal.id", "64"),
    "broken xhtml": (care_plan, at("text", "div", put="<div xmlns='http://www.w3.org/1999/xhtml'><p>x</div>"), "CarePlan.text.div", "well-formed"),
    "Questionnaire item.type=coding": (form, at("item", 0, "item", 1, "type", put="coding"), "Questionnaire.item[0].item[1].type", "codes that FHIR R4 requires"),
    "duplicate linkId": (form, at("item", 0, "item", 1, "linkId", put="g"), "Questionnaire.item", "que-2"),
    "empty group": (form, without("item", 0, "item"), "Questionnaire.item[0]", "que-1"),
    "PlanDefinition.subjectCanonical": (definition, at("subjectCanonical", put="http://x.example/Group/g"), "PlanDefinition.subjectCanonical", "not an element of FHIR R4"),
}

SINCE: dict[str, Row] = {
    "an object written as text": (goal, at("note", put=['{"text": "x"}']), "Goal.note[0]", "must be an object"),
    "a boolean as text": (form, at("item", 0, "item", 1, "required", put="true"), "Questionnaire.item[0].item[1].required", "true or false"),
    "a boolean as text, where no table looks": (patient, at("active", put="true"), "Patient.active", "true or false"),
    "a decimal as text, where no table looks": (encounter, at("length", "value", put="50"), "Encounter.length.value", "number"),
    "R4B's CodeableReference": (goal, at("extension", put=[{"url": "urn:x", "valueCodeableReference": {"concept": {"text": "x"}}}]), "Goal.extension[0]", "R4 does not have"),
    "a code whose list the models shorten": (encounter, at("status", put="bogus"), "Encounter.status", "codes that FHIR R4 requires"),
    "a code whose list the models lack": (audit_event, at("action", put="X"), "AuditEvent.action", "codes that FHIR R4 requires"),
    "a reference of a type without a table": (encounter, at("partOf", put={"reference": "Patient/rosa"}), "Encounter.partOf", "does not allow"),
    "que-13": (form, at("item", 0, "item", 2, "initial", put=[{"valueString": "a"}] * 2), "Questionnaire.item[0].item[2].initial", "que-13"),
    "sev-1": (audit_event, at("entity", 0, "query", put="eA=="), "AuditEvent.entity[0]", "sev-1"),
    "csd-1": (code_system, at("concept", 0, "concept", 0, "code", put="a"), "CodeSystem.concept", "csd-1"),
    "vsd-1": (value_set, at("compose", "include", 0, put={"version": "1"}), "ValueSet.compose.include[0]", "vsd-1"),
    "sdf-17": (profile, at("differential", "element", 1, "id", put="Goal"), "StructureDefinition.differential.element", "sdf-17"),
    "eld-2": (profile, at("differential", "element", 1, "max", put="0"), "StructureDefinition.differential.element[1].max", "eld-2"),
    "an action that is not there": (definition, at("action", 0, "relatedAction", put=[{"actionId": "b", "relationship": "after"}]), "PlanDefinition.action", "not there"),
    "bdl-3": (bundle, at("type", put="collection"), "Bundle.entry[0].request", "bdl-3"),
    "a urn:uuid that leads to no entry": (bundle, at("entry", 0, "resource", "goal", 0, "reference", put=f"urn:uuid:{'0' * 8}-0000-4000-8000-{'9' * 12}"), "Bundle.entry[0].resource.goal[0]", "nothing in this bundle"),
    "dom-3": (provenance, at("contained", put=[{"resourceType": "Patient", "id": "p"}]), "Provenance.contained", "dom-3"),
    "a script in the narrative": (care_plan, at("text", "div", put=div("<script>x</script>")), "CarePlan.text.div", "txt-1"),
    "an unknown profile of ours": (goal, at("meta", put={"profile": ["https://withness.example/fhir/StructureDefinition/colaborative-goal"]}), "Goal.meta.profile", "does not have"),
}
# fmt: on


def changed(row: Row) -> Resource:
    resource = deepcopy(row[0]())
    row[1](resource)
    return resource


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = run(["ig", "check", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def file_of(folder: Path, content: Any, name: str = "one.json") -> str:
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", [*TABLE, *SINCE])
def test_it_is_found_and_named(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Catches a check that drops out: each row is refused by that rule alone."""
    row = (TABLE | SINCE)[name]
    code, told = check(capsys, file_of(tmp_path, changed(row)))
    assert code == 2
    named = [(one["element"], one["why"]) for one in told["problems"]]
    assert any(element == row[2] and row[3] in why for element, why in named), named
    assert all(one["file"].endswith("one.json") for one in told["problems"])


@pytest.mark.parametrize("name", [*TABLE, *SINCE])
def test_the_models_accept_it(name: str) -> None:
    """A version of fhir.resources that refuses it too may drop the row."""
    row = (TABLE | SINCE)[name]
    resource = changed(row)
    assert not faults(resource, model(resource["resourceType"]))


MAKERS = sorted({row[0] for row in (TABLE | SINCE).values()}, key=lambda make: make.__name__)


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_without_the_one_thing_it_is_clean(make: Callable[[], Resource], tmp_path: Path, capsys: Any) -> None:
    code, told = check(capsys, file_of(tmp_path, make()))
    assert (code, told["problems"]) == (0, [])


def test_a_required_primitive_that_only_has_an_extension_passes(tmp_path: Path, capsys: Any) -> None:
    """The one row of the tool facts where the models are right to accept."""
    absent = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
    }
    resource = {**without_key(goal(), "lifecycleStatus"), "_lifecycleStatus": absent}
    code, told = check(capsys, file_of(tmp_path, resource))
    assert (code, told["problems"]) == (0, [])


def without_key(resource: Resource, key: str) -> Resource:
    return {name: value for name, value in resource.items() if name != key}


def test_what_it_does_not_check_is_said_of_a_clean_file_too(tmp_path: Path, capsys: Any) -> None:
    """Catches silence: a clean answer must not be read as more than it is."""
    path = file_of(tmp_path, goal())
    _, told = check(capsys, path)
    said = " ".join(one["what"] for one in told["unchecked"])
    for word in ("code systems that the package does not hold", "profiles that are not in the package", "references"):
        assert word in said
    assert run(["ig", "check", path]) == 0
    out = capsys.readouterr().out
    assert "Not checked:" in out
    assert "1 resource in 1 file: no problem in what was checked." in " ".join(out.split())


def test_a_foreign_profile_is_said_to_be_unchecked(tmp_path: Path, capsys: Any) -> None:
    named = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-goal|6.1.0"
    code, told = check(capsys, file_of(tmp_path, {**goal(), "meta": {"profile": [named]}}))
    assert code == 0
    assert {"profiles that are not in the package": named}.items() <= {
        one["what"]: one["which"] for one in told["unchecked"]
    }.items()


def test_absolute_references_and_links_are_fine_in_what_others_wrote(tmp_path: Path, capsys: Any) -> None:
    resource = care_plan()
    resource["subject"]["reference"] = "https://ehr.example/fhir/Patient/rosa"
    resource["text"]["div"] = div('<p><a href="https://ehr.example/rosa">Rosa</a></p>')
    resource["category"].append({"text": "another one"})
    assert check(capsys, file_of(tmp_path, resource))[0] == 0


def test_an_absolute_reference_to_the_wrong_type_is_found(tmp_path: Path, capsys: Any) -> None:
    resource = {**goal(), "subject": {"reference": "https://ehr.example/fhir/Practitioner/p1"}}
    code, told = check(capsys, file_of(tmp_path, resource))
    assert (code, told["problems"][0]["element"]) == (2, "Goal.subject")


# --- profiles


OWN = {
    **profile(),
    "snapshot": {
        "element": [
            {
                "id": id,
                "path": id,
                "definition": "x",
                "min": least,
                "max": "*",
                "base": {"path": id, "min": 0, "max": "*"},
            }
            for id, least in (("Goal", 0), ("Goal.note", 1))
        ]
    },
}


def test_what_is_given_together_is_known_together(tmp_path: Path, capsys: Any) -> None:
    """Planted: only our own profiles known."""
    named = {**goal(), "meta": {"profile": [OWN["url"]]}}
    files = file_of(tmp_path, OWN, "profile.json"), file_of(tmp_path, named)
    code, told = check(capsys, *files)
    assert (code, [(one["element"], one["why"]) for one in told["problems"]]) == (2, [("Goal.note", "is missing (x)")])
    assert told["checked"]["profiles"] == [OWN["url"]]


def test_a_profile_that_is_wrong_itself_is_no_measure(tmp_path: Path, capsys: Any) -> None:
    broken = {**OWN, "name": "not a name"}
    named = {**goal(), "meta": {"profile": [OWN["url"]]}}
    _, told = check(capsys, file_of(tmp_path, broken, "profile.json"), file_of(tmp_path, named))
    assert [one["element"] for one in told["problems"]] == ["StructureDefinition.name"]
    assert OWN["url"] in [one["which"] for one in told["unchecked"]]


def test_a_further_profile_is_asked(tmp_path: Path, capsys: Any) -> None:
    collaborative = "https://withness.example/fhir/StructureDefinition/collaborative-goal"
    code, told = check(capsys, file_of(tmp_path, goal()), "--profile", collaborative)
    assert code == 2
    assert told["checked"]["profiles"] == [collaborative]
    assert all("(collaborative-goal)" in one["why"] or one["element"] == "Goal" for one in told["problems"])


@pytest.mark.parametrize(
    ("canonical", "said"),
    [
        ("https://withness.example/fhir/StructureDefinition/nobody", "names no profile that is here"),
        ("https://withness.example/fhir/StructureDefinition/corrects", "names no profile that is here"),
        ("https://withness.example/fhir/StructureDefinition/gate-flag", "there is no Flag to check"),
    ],
)
def test_a_profile_that_cannot_be_asked_is_refused(canonical: str, said: str, tmp_path: Path, capsys: Any) -> None:
    """Planted: asked of nothing, and clean."""
    code, told = check(capsys, file_of(tmp_path, goal()), "--profile", canonical)
    assert (code, told["field"]) == (2, "--profile")
    assert said in told["message"]


# --- files


def test_each_line_of_ndjson_is_a_resource(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "many.ndjson"
    bad = {**goal(), "lifecycleStatus": "bogus"}
    path.write_text("\n".join(json.dumps(one) for one in (goal(), bad)) + "\n\nnot json\n", encoding="utf-8")
    code, told = check(capsys, str(path))
    assert code == 2
    assert told["checked"] == {"files": 1, "resources": 2, "profiles": []}
    assert [(one["file"].rpartition("/")[2], one["element"]) for one in told["problems"]] == [
        ("many.ndjson, line 4", ""),
        ("many.ndjson, line 2", "Goal.lifecycleStatus"),
    ]


def test_standard_input_is_read(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given = io.TextIOWrapper(io.BytesIO(json.dumps({**goal(), "id": "a b"}).encode()))
    monkeypatch.setattr(sys, "stdin", given)
    code, told = check(capsys, "-")
    assert (code, told["problems"][0]["file"]) == (2, "standard input")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"{", "is not JSON"),
        (b"[]", "must hold one JSON object"),
        (b'{"a": 1, "a": 2}', "gives a key twice"),
        (b"\xff{}", "is not UTF-8"),
        (b"\x1f\x8bnothing", "no readable package"),
        (b'{"a":' * 60 + b"1" + b"}" * 60, "nested deeper"),
        (b'{"resourceType": "Gaol"}', "not a FHIR R4 resource type"),
        (b'{"resourceType": ["Goal"]}', "not a FHIR R4 resource type"),
        (b"{}", "is empty"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_named_problem(content: bytes, why: str, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "odd.json"
    path.write_bytes(content)
    code, told = check(capsys, str(path), file_of(tmp_path, goal()))
    assert code == 2
    assert why in told["problems"][0]["why"]
    assert told["problems"][0]["file"] == str(path)


def test_a_file_that_is_not_there_is_exit_2_with_its_name(capsys: Any) -> None:
    assert run(["ig", "check", "nowhere.json"]) == 2
    assert "nowhere.json cannot be read" in capsys.readouterr().err


def test_no_value_of_a_resource_is_repeated(tmp_path: Path, capsys: Any) -> None:
    """I9: element names and the profile's own words, never what somebody said."""
    secret = "Rosa said that Ben hit her"
    resource = goal()
    resource["lifecycleStatus"] = resource["subject"]["reference"] = resource["id"] = secret
    resource[secret] = secret
    path = file_of(tmp_path, resource)
    assert run(["ig", "check", path]) == 2
    assert run(["ig", "check", path, "--json"]) == 2
    shown = capsys.readouterr()
    assert secret not in shown.out + shown.err


def test_the_table_for_people_names_file_element_and_what_is_wrong(site: Site, tmp_path: Path) -> None:
    path = file_of(tmp_path, changed(TABLE["gol-1"]))
    done = site.console("ig", "check", path)
    said = " ".join(done.stdout.split())
    assert done.returncode == 2
    assert "Goal.target[0].measure" in said
    assert "is missing beside the target's detail (gol-1)." in said
    assert said.endswith("1 resource in 1 file: 1 problem in what was checked.")
