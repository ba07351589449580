"""Shows what the FHIR validator of these tests finds, and what it lets pass, so that others can rely on it."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from benchmarks import snapshots

from tests.servers.validator import PACKAGES_VARIABLE, Issue, Validator, ValidatorError, available, packages

Resource = dict[str, Any]
Change = Callable[[Resource], object]

BASE = "https://test.example/fhir"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
PLAN_CATEGORIES = "http://hl7.org/fhir/us/core/CodeSystem/careplan-category"
ANSWERS = f"{BASE}/CodeSystem/answers"
XHTML = '<div xmlns="http://www.w3.org/1999/xhtml">'


def goal(**more: Any) -> Resource:
    return {
        "resourceType": "Goal",
        "id": "g1",
        "text": {"status": "additional", "div": f"{XHTML}<p>Walk to the shop</p></div>"},
        "lifecycleStatus": "active",
        "description": {"text": "Walk to the shop"},
        "subject": {"reference": "Patient/rosa"},
        **more,
    }


def care_plan(*categories: Resource, **more: Any) -> Resource:
    listed = {"category": [{"coding": [coding]} for coding in categories]} if categories else {}
    return {
        "resourceType": "CarePlan",
        "id": "c1",
        "text": {"status": "additional", "div": f"{XHTML}<p>The plan</p></div>"},
        "status": "active",
        "intent": "plan",
        **listed,
        "subject": {"reference": "Patient/rosa"},
        **more,
    }


ASSESS_PLAN = {"system": PLAN_CATEGORIES, "code": "assess-plan"}
OTHER_CATEGORY = {"system": ANSWERS, "code": "yes"}


def response(*items: Resource, **more: Any) -> Resource:
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{BASE}/Questionnaire/two",
        "status": "completed",
        "item": list(items),
        **more,
    }


def chosen(link: str, code: str) -> Resource:
    return {"linkId": link, "answer": [{"valueCoding": {"system": ANSWERS, "code": code}}]}


SAID = {"linkId": "words", "answer": [{"valueString": "some"}]}


def definition(name: str, base: str, *elements: Resource, **more: Any) -> Resource:
    return {
        "resourceType": "StructureDefinition",
        "id": name,
        "url": f"{BASE}/StructureDefinition/{name}",
        "version": "1.0.0",
        "name": name.title().replace("-", ""),
        "status": "draft",
        "fhirVersion": "4.0.1",
        "kind": "resource",
        "abstract": False,
        "type": "CarePlan",
        "baseDefinition": base,
        "derivation": "constraint",
        "differential": {"element": [{"id": one["path"], **one} for one in elements]},
        **more,
    }


TITLED = definition(
    "titled-plan", f"{US_CORE}/us-core-careplan", {"path": "CarePlan"}, {"path": "CarePlan.title", "min": 1}
)
DATED = definition("dated-plan", TITLED["url"], {"path": "CarePlan"}, {"path": "CarePlan.period", "min": 1})
MOOD = definition(
    "mood",
    "http://hl7.org/fhir/StructureDefinition/Extension",
    {"path": "Extension", "max": "1"},
    {"path": "Extension.extension", "max": "0"},
    {"path": "Extension.url", "fixedUri": f"{BASE}/StructureDefinition/mood"},
    {
        "path": "Extension.value[x]",
        "min": 1,
        "type": [{"code": "CodeableConcept"}],
        "binding": {"strength": "required", "valueSet": f"{BASE}/ValueSet/moods"},
    },
    kind="complex-type",
    type="Extension",
    context=[{"type": "element", "expression": "Goal"}],
)


def value_set(name: str, *include: Resource) -> Resource:
    return {
        "resourceType": "ValueSet",
        "id": name,
        "url": f"{BASE}/ValueSet/{name}",
        "version": "1.0.0",
        "name": name.title(),
        "status": "draft",
        "compose": {"include": list(include)},
    }


KNOWN = [
    TITLED,
    DATED,
    MOOD,
    {
        "resourceType": "CodeSystem",
        "id": "answers",
        "url": ANSWERS,
        "version": "1.0.0",
        "name": "Answers",
        "status": "draft",
        "caseSensitive": True,
        "content": "complete",
        "concept": [{"code": code, "display": code.title()} for code in ("yes", "no", "later")],
    },
    value_set(
        "moods",
        {"system": ANSWERS, "concept": [{"code": "yes"}, {"code": "no"}]},
        {"system": "http://snomed.info/sct", "concept": [{"code": "224978009"}]},
    ),
    value_set("beyond", {"system": "http://loinc.org"}),
    {
        "resourceType": "Questionnaire",
        "id": "two",
        "url": f"{BASE}/Questionnaire/two",
        "version": "1.0.0",
        "name": "Two",
        "status": "draft",
        "item": [
            {
                "linkId": "choice",
                "type": "choice",
                "answerOption": [{"valueCoding": {"system": ANSWERS, "code": code}} for code in ("yes", "no")],
            },
            {"linkId": "from-set", "type": "choice", "answerValueSet": f"{BASE}/ValueSet/moods"},
            {"linkId": "from-beyond", "type": "choice", "answerValueSet": f"{BASE}/ValueSet/beyond"},
            {"linkId": "words", "type": "string", "required": True},
        ],
    },
]


@pytest.fixture(scope="module")
def known(validator: Validator) -> Validator:
    """The run's validator, which knows this file's own profiles too."""
    validator.load(KNOWN)
    return validator


def found(issues: list[Issue]) -> set[tuple[str, str]]:
    """Where the errors are, and the last part of their ids."""
    return {(issue.location, str(issue.id).rpartition("#")[2]) for issue in issues if issue.is_error}


def mood(system: str, code: str) -> Resource:
    value = {"coding": [{"system": system, "code": code}]}
    return {"url": MOOD["url"], "valueCodeableConcept": value}


GOOD: dict[str, Resource] = {
    "a goal": goal(),
    "a target with its measure": goal(target=[{"measure": {"text": "walks"}, "detailString": "daily"}]),
    "a CodeableConcept with one coding of the value set and one of another": goal(
        extension=[{"url": MOOD["url"], "valueCodeableConcept": {"coding": [ASSESS_PLAN, OTHER_CATEGORY]}}]
    ),
    "a code that a value set names, of a code system that is not at hand": goal(
        extension=[mood("http://snomed.info/sct", "224978009")]
    ),
    "a reference that nothing here resolves": goal(subject={"reference": "https://ehr.example/fhir/Patient/nobody"}),
    "a plan by its meta.profile": care_plan(ASSESS_PLAN, meta={"profile": [f"{US_CORE}/us-core-careplan|6.1.0"]}),
    "a plan by two profiles of our own, one on the other": care_plan(
        ASSESS_PLAN, title="Rosa's plan", period={"start": "2026-01-02"}, meta={"profile": [DATED["url"]]}
    ),
    "answers that the questionnaire allows": response(chosen("choice", "yes"), chosen("from-set", "no"), SAID),
    "an unfinished response without a required answer": response(chosen("choice", "yes"), status="in-progress"),
    "a questionnaire of somebody else's": response(SAID, questionnaire="https://other.example/fhir/Questionnaire/x"),
    "an extension of SDC, which is not at hand": goal(
        extension=[{"url": "http://hl7.org/fhir/uv/sdc/StructureDefinition/questionnaire-unit", "valueString": "a"}]
    ),
}

WRONG: dict[str, tuple[Resource, tuple[str, str]]] = {
    "gol-1: a detail without its measure": (goal(target=[{"detailString": "daily"}]), ("Goal.target[0]", "gol-1")),
    "a code outside a required binding of R4": (
        goal(lifecycleStatus="actve"),
        ("Goal.lifecycleStatus", "Terminology_TX_NoValid_16"),
    ),
    "a reference to the wrong type": (
        goal(subject={"reference": "Practitioner/p1"}),
        ("Goal.subject", "Reference_REF_BadTargetType2"),
    ),
    "XHTML that is not well-formed": (
        goal(text={"status": "additional", "div": f"{XHTML}<p>a<b></div>"}),
        ("Goal.text.div", "txt-1"),
    ),
    "XHTML with a script": (
        goal(text={"status": "additional", "div": f"{XHTML}<script>a</script></div>"}),
        ("Goal.text.div", "XHTML_XHTML_Element_Illegal"),
    ),
    "an element that R4 does not have": (goal(acceptance=[]), ("Goal", "None")),
    "a date that does not exist": (
        goal(statusDate="2026-02-30"),
        ("Goal.statusDate", "Type_Specific_Checks_DT_Date_Valid"),
    ),
    "an extension that nobody defines": (
        goal(extension=[{"url": f"{BASE}/StructureDefinition/no-such", "valueString": "a"}]),
        ("Goal.extension[0]", "Extension_EXT_Unknown_NotHere"),
    ),
    "an extension in the wrong place": (
        care_plan(extension=[mood(ANSWERS, "yes")]),
        ("CarePlan", "Extension_EXTP_Context_Wrong"),
    ),
    "a code outside a required binding of our own": (
        goal(extension=[mood(ANSWERS, "later")]),
        ("Goal.extension[0].value.ofType(CodeableConcept)", "Terminology_TX_NoValid_1_CC"),
    ),
    "a code outside it, of a code system that is not at hand": (
        goal(extension=[mood("http://loinc.org", "1-1")]),
        ("Goal.extension[0].value.ofType(CodeableConcept)", "Terminology_TX_NoValid_1_CC"),
    ),
    "a code that its own code system does not have": (
        goal(category=[{"coding": [{"system": ANSWERS, "code": "maybe"}]}]),
        ("Goal.category[0]", "Terminology_PassThrough_TX_Message"),
    ),
    "a code system under our own address that does not exist": (
        goal(category=[{"coding": [{"system": f"{BASE}/CodeSystem/no-such", "code": "yes"}]}]),
        ("Goal.category[0]", "Terminology_PassThrough_TX_Message"),
    ),
    "a profile that does not exist": (
        goal(meta={"profile": [f"{BASE}/StructureDefinition/no-such"]}),
        ("Goal.meta.profile[0]", "Validation_VAL_Profile_Unknown"),
    ),
    "a plan that breaks its meta.profile": (
        care_plan(meta={"profile": [f"{US_CORE}/us-core-careplan"]}),
        ("CarePlan", "Validation_VAL_Profile_Minimum"),
    ),
    "a plan that breaks the profile under its own": (
        care_plan(ASSESS_PLAN, period={"start": "2026-01-02"}, meta={"profile": [DATED["url"]]}),
        ("CarePlan", "Validation_VAL_Profile_Minimum"),
    ),
    "an answer that is not among the options": (
        response(chosen("choice", "later"), SAID),
        ("QuestionnaireResponse.item[0].answer[0]", "Questionnaire_QR_Item_NoCoding"),
    ),
    "an answer outside the item's value set": (
        response(chosen("from-set", "later"), SAID),
        ("QuestionnaireResponse.item[0].answer[0]", "Questionnaire_QR_Item_BadOption"),
    ),
    "an answer of the wrong type": (
        response({"linkId": "words", "answer": [{"valueInteger": 3}]}),
        ("QuestionnaireResponse.item[0].answer[0].value.ofType(integer)", "Questionnaire_QR_Item_WrongType"),
    ),
    "a linkId that the questionnaire does not have": (
        response(SAID, {"linkId": "nine"}),
        ("QuestionnaireResponse", "Questionnaire_QR_Item_NotFound"),
    ),
    "a required answer that is missing": (response(chosen("choice", "yes")), ("QuestionnaireResponse", "None")),
    "a version of our questionnaire that does not exist": (
        response(SAID, questionnaire=f"{BASE}/Questionnaire/two|9"),
        ("QuestionnaireResponse", "Questionnaire_QR_Q_NotFound"),
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_it_accepts(name: str, known: Validator) -> None:
    assert known.errors(GOOD[name]) == []


@pytest.mark.parametrize("name", WRONG)
def test_it_finds(name: str, known: Validator) -> None:
    resource, error = WRONG[name]

    assert error in found(known.validate(resource))


def test_a_code_that_cannot_be_checked_here_is_a_warning(known: Validator) -> None:
    somewhere = {"coding": [{"system": "http://loinc.org", "code": "1-1"}]}

    issues = known.validate(goal(category=[somewhere]))
    answered = known.validate(
        response({"linkId": "from-beyond", "answer": [{"valueCoding": somewhere["coding"][0]}]}, SAID)
    )

    assert found(issues) == found(answered) == set()
    assert [issue.severity for issue in answered if "cannot be said" in issue.message] == ["warning"]


def test_a_resource_is_judged_as_it_is_written(known: Validator) -> None:
    twice = json.dumps(goal()).replace('"id": "g1"', '"id": "g1", "id": "g2"')

    assert known.errors(json.dumps(goal())) == []
    assert [issue.message for issue in known.errors(twice)] == [
        "The JSON property 'id' is a duplicate and will be ignored"
    ]


def test_a_transaction_is_judged_entry_by_entry(known: Validator) -> None:
    plan = care_plan(goal=[{"reference": "urn:uuid:00000000-0000-4000-8000-000000000001"}])
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": f"urn:uuid:00000000-0000-4000-8000-00000000000{number}",
                "resource": one,
                "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"},
            }
            for number, one in enumerate([plan, goal()])
        ],
    }
    assert known.errors(bundle) == []

    plan["meta"] = {"profile": [f"{US_CORE}/us-core-careplan"]}
    plan["goal"] = [{"reference": "urn:uuid:00000000-0000-4000-8000-000000000000"}]
    bundle["entry"][1]["resource"]["lifecycleStatus"] = "actve"

    errors = found(known.validate(bundle))
    assert ("Bundle.entry[0].resource/*CarePlan/c1*/", "Validation_VAL_Profile_Minimum") in errors
    assert ("Bundle.entry[0].resource/*CarePlan/c1*/.goal[0]", "Reference_REF_BadTargetType") in errors
    assert ("Bundle.entry[1].resource/*Goal/g1*/.lifecycleStatus", "Terminology_TX_NoValid_16") in errors


def test_the_versions_of_us_core_differ(known: Validator) -> None:
    profile = f"{US_CORE}/us-core-careplan"
    missing = ("CarePlan", "Validation_VAL_Profile_Minimum")
    no_assess_plan = ("CarePlan", "Validation_VAL_Profile_Minimum_SLICE")

    def by_version(plan: Resource) -> dict[str, set[tuple[str, str]]]:
        return {
            version: found(known.validate(plan, profile, us_core=version)) for version in ("6.1.0", "7.0.0", "8.0.0")
        }

    assert by_version(care_plan(ASSESS_PLAN)) == {"6.1.0": set(), "7.0.0": set(), "8.0.0": set()}
    both = {missing, no_assess_plan}
    assert by_version(care_plan()) == {"6.1.0": both, "7.0.0": both, "8.0.0": {missing}}
    # From 8.0.0 a category is still required, but no longer this one.
    other = by_version(care_plan(OTHER_CATEGORY))
    assert other == {"6.1.0": {no_assess_plan}, "7.0.0": {no_assess_plan}, "8.0.0": set()}


def test_a_profile_that_is_asked_for_must_be_known(known: Validator) -> None:
    with pytest.raises(ValidatorError, match="no-such is not known"):
        known.validate(goal(), f"{BASE}/StructureDefinition/no-such")
    with pytest.raises(ValidatorError, match=r"us-core-careplan\|8\.0\.0 is not known"):
        known.validate(care_plan(), f"{US_CORE}/us-core-careplan|8.0.0")
    assert known.validate(care_plan(), f"{US_CORE}/us-core-careplan|8.0.0", us_core="8.0.0")
    with pytest.raises(ValidatorError, match=r"US Core 5\.0\.0 is not in"):
        known.validate(goal(), us_core="5.0.0")
    with pytest.raises(ValidatorError, match="needs a resourceType and a url"):
        known.load([goal()])


def examples(*kinds: str) -> Iterator[Resource]:
    """US Core's own examples of these types."""
    with tarfile.open(packages() / "hl7.fhir.us.core-6.1.0.tgz") as package:
        for member in package.getmembers():
            file = member.name.removeprefix("package/example/")
            if file != member.name and file.startswith(kinds):
                content = package.extractfile(member)
                assert content is not None
                yield json.load(io.TextIOWrapper(content, encoding="utf-8"))


def test_us_cores_own_examples_have_no_error_but_for_what_is_not_at_hand(validator: Validator) -> None:
    judged = {
        f"{one['resourceType']}/{one['id']}": validator.errors(one)
        for one in examples("CarePlan", "Goal", "Provenance", "QuestionnaireResponse", "DocumentReference", "CareTeam")
    }

    assert len(judged) >= 10
    assert {name: issues for name, issues in judged.items() if issues} == {}


def test_every_artefact_of_ours_is_loaded(validator: Validator) -> None:
    screen = snapshots.PROFILES / "questionnaire" / "risk-screen.json"
    url = json.loads(screen.read_text(encoding="utf-8"))["url"]

    wrong = validator.validate(response({"linkId": "no-such"}, questionnaire=url))

    assert ("QuestionnaireResponse", "Questionnaire_QR_Item_NotFound") in found(wrong)


def test_a_snapshot_is_made_on_us_core(known: Validator) -> None:
    made = known.snapshot(TITLED)

    elements = {one["id"]: one for one in made["snapshot"]["element"]}
    assert len(elements) > 60
    assert elements["CarePlan.title"]["min"] == 1
    assert elements["CarePlan.category:AssessPlan"]["min"] == 1
    assert list(made)[-2:] == ["snapshot", "differential"]
    assert {key: value for key, value in made.items() if key != "snapshot"} == TITLED
    assert known.snapshot(made) == made  # the snapshot that is there already is not read
    assert known.errors(made) == []


def test_a_snapshot_is_made_on_a_profile_of_our_own(known: Validator) -> None:
    elements = {one["id"]: one for one in known.snapshot(DATED)["snapshot"]["element"]}

    assert (elements["CarePlan.title"]["min"], elements["CarePlan.period"]["min"]) == (1, 1)


def test_a_binding_may_narrow_one_whose_codes_cannot_be_listed(known: Validator) -> None:
    narrow = {"strength": "required", "valueSet": f"{BASE}/ValueSet/texts"}
    known.load([value_set("texts", {"system": "urn:ietf:bcp:13", "concept": [{"code": "text/plain"}]})])
    path = "DocumentReference.content.attachment.contentType"
    base = "http://hl7.org/fhir/StructureDefinition/DocumentReference"
    plain = definition("plain-note", base, {"path": path, "binding": narrow}, type="DocumentReference")

    elements = {one["id"]: one for one in known.snapshot(plain)["snapshot"]["element"]}

    assert elements[path]["binding"]["valueSet"] == narrow["valueSet"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (
            {"differential": {"element": [{"id": "CarePlan.titel", "path": "CarePlan.titel"}]}},
            "No match found for CarePlan.titel",
        ),
        ({"baseDefinition": f"{BASE}/StructureDefinition/no-such"}, "no-such is not known"),
        ({"differential": None, "resourceType": "Goal"}, "."),
    ],
)
def test_a_snapshot_that_cannot_be_made_says_why(changed: Resource, why: str, known: Validator) -> None:
    with pytest.raises(ValidatorError, match=why):
        known.snapshot({**TITLED, **changed})


def test_the_snapshots_of_a_folder_are_written_and_checked(tmp_path: Path, validator: Validator) -> None:
    folder = tmp_path / "structuredefinition"
    folder.mkdir()
    for one in (
        definition("a-plan", f"{BASE}/StructureDefinition/b-plan", {"path": "CarePlan"}),
        {**TITLED, "id": "b-plan"},
    ):
        content = {**one, "url": f"{BASE}/StructureDefinition/{one['id']}", "snapshot": {"element": []}}
        (folder / f"{one['id']}.json").write_text(json.dumps(content), encoding="utf-8")

    assert [path.name for path in snapshots.outdated(tmp_path, validator)] == ["a-plan.json", "b-plan.json"]
    assert [path.name for path in snapshots.write(tmp_path, validator)] == ["a-plan.json", "b-plan.json"]
    assert snapshots.outdated(tmp_path, validator) == []
    assert snapshots.write(tmp_path, validator) == []

    text = (folder / "a-plan.json").read_text(encoding="utf-8")
    written = json.loads(text)
    assert text == json.dumps(written, ensure_ascii=False, indent=2) + "\n"
    assert list(written)[-2:] == ["snapshot", "differential"]
    titles = [one for one in written["snapshot"]["element"] if one["id"] == "CarePlan.title"]
    assert [one["min"] for one in titles] == [1]


@pytest.mark.usefixtures("validator")  # skipped where it is
def test_one_process_serves_all_who_name_its_folder_and_ends_with_its_owner(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as owner:
        first, second = (Validator(tmp_path, ends_with=owner.pid) for _ in range(2))
        with first, second:
            assert first.base_url == second.base_url
        # Leaving it does not end it, and several may ask at once for what it has not read yet.
        with ThreadPoolExecutor(6) as several:
            asked = [several.submit(second.errors, goal(), us_core=one) for one in ("6.1.0", "7.0.0", "8.0.0") * 2]
        assert [one.result() for one in asked] == [[]] * 6
        owner.kill()

    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            second.validate(goal())
        except OSError:
            return
        time.sleep(0.1)
    pytest.fail("the validator outlived its owner")


@pytest.mark.usefixtures("validator")  # skipped where it is
def test_where_the_packages_are_missing_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PACKAGES_VARIABLE, str(tmp_path))

    assert available() == (
        f"The FHIR validator needs hl7.fhir.us.core-6.1.0.tgz in {tmp_path} (set {PACKAGES_VARIABLE})."
    )
    with pytest.raises(ValidatorError, match=r"(?s)ended with 1 before it was ready.*US Core 6\.1\.0 is not in"):
        Validator(tmp_path).start()
