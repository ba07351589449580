"""The plan draft file: taken as the contract shows it, or refused with one sentence that names the field."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema
import pytest
from tests.system.site import Site, make_draft, make_goal

from withness.core.goal import AcceptanceStatus
from withness.core.plan import Plan
from withness.core.template import Limit, LimitKind, Ratio
from withness.core.terms import Lead, UnitKind
from withness.desk.draft import read_draft, refuse_claims
from withness.desk.draft_form import MAX_WORDS, draft_schema
from withness.errors import InvalidInput, NotSmart
from withness.packs.claims import load_claims
from withness.packs.templates import load_templates

TEMPLATES = load_templates()
ID = "5f0c1a52-1f0a-4a57-9d2a-0f6b0a6f9b11"
ROSA, TOM = "Patient/rosa", "Patient/tom"

# The draft as the contract prints it: "a|b" stands for either, "uuid" for a uuid.
EXAMPLE = """
{"unit": {"kind": "individual|couple|family|group", "members": ["Patient/rosa"]},
 "encounter": "Encounter/e1", "author": "Practitioner/p1", "lead": "client-led|therapist-led",
 "concern": {"words": "the presenting concern in the client's own words", "voices": [{"who": "Patient/rosa", "words": "…"}], "problems": ["feeling-unheard"]},
 "frame": {"start": "2026-11-21", "review_by": "2027-02-19", "frequency_weeks": 1, "session_minutes": 50, "diagnoses": [],
           "structure_wanted": "more|same|less|unsaid", "other_treatment": "what else was considered or is under way"},
 "goals": [{"template": "heard", "words": "I want somebody to get it", "payer_words": "optional", "by": "Patient/rosa", "within": {"sessions": 4},
            "target": {"count": 3, "of": 4}, "responsible": "client", "acceptance": [{"who": "Patient/rosa", "status": "agree", "reason": "optional, the client's words"}]}],
 "resources_named_by_client": [], "psychoeducation": {}, "signatures": [], "supersedes": null, "request_id": "uuid"}
"""  # noqa: E501

Draft = dict[str, Any]
Edit = Callable[[Draft], object]


def example() -> Draft:
    """The contract's draft, the first of each "a|b"."""
    value = json.loads(EXAMPLE)
    value["unit"]["kind"], value["lead"], value["request_id"] = "individual", "client-led", ID
    value["frame"]["structure_wanted"] = "more"
    return value


def couple() -> Draft:
    """The same for two people, one goal each beside the shared one."""
    value = example()
    value["unit"] = {"kind": "couple", "members": [ROSA, TOM]}
    return value


def put(path: str, said: object, draft: Draft | None = None) -> Draft:
    """The draft with `said` at `path`, such as goals.0.words."""
    value = example() if draft is None else draft
    here, _, last = path.rpartition(".")
    inner = at(value, here)
    inner[int(last) if isinstance(inner, list) else last] = said
    return value


def drop(path: str) -> Draft:
    """The draft without what stands at `path`."""
    value = example()
    here, _, last = path.rpartition(".")
    del at(value, here)[last]
    return value


def at(value: Any, path: str) -> Any:
    for step in filter(None, path.split(".")):
        value = value[int(step) if isinstance(value, list) else step]
    return value


def read(value: Draft) -> Plan:
    return read_draft(value, TEMPLATES)


def refused(value: Draft) -> InvalidInput:
    with pytest.raises(InvalidInput) as found:
        read(value)
    assert found.value.exit_code == 2
    assert found.value.message.endswith(".")
    assert "\n" not in found.value.message
    return found.value


def shown(path: str) -> str:
    """goals.0.words as a message writes it: goals[0].words."""
    return "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in path.split(".")).removeprefix(".")


def test_the_contracts_example_is_taken_as_it_stands() -> None:
    """Each value arrives, byte for byte. Planted: words stripped; `by` dropped; both caught."""
    plan = read(example())
    assert plan.unit.kind is UnitKind.INDIVIDUAL
    assert plan.unit.members == (ROSA,)
    assert (plan.encounter, plan.author, plan.lead) == ("Encounter/e1", "Practitioner/p1", Lead.CLIENT)
    assert plan.concern.words == "the presenting concern in the client's own words"
    assert [(one.who, one.words) for one in plan.concern.voices] == [(ROSA, "…")]
    assert plan.concern.problems == ("feeling-unheard",)
    assert (plan.frame.start, plan.frame.review_by) == (date(2026, 11, 21), date(2027, 2, 19))
    assert (plan.frame.frequency_weeks, plan.frame.session_minutes) == (1, 50)
    assert (plan.frame.structure_wanted, plan.frame.diagnoses) == ("more", ())
    assert plan.frame.other_treatment == "what else was considered or is under way"
    (goal,) = plan.goals
    assert (goal.template.id, goal.words, goal.payer_words) == ("heard", "I want somebody to get it", "optional")
    assert (goal.by, goal.responsible) == (ROSA, "client")
    assert (goal.within, goal.target) == (Limit(LimitKind.SESSIONS, 4), Ratio(3, 4))
    (said,) = goal.acceptance
    assert (said.who, said.status, said.reason) == (ROSA, AcceptanceStatus.AGREE, "optional, the client's words")
    assert (plan.resources_named_by_client, dict(plan.psychoeducation), plan.signatures) == ((), {}, ())
    assert (plan.supersedes, plan.request_id) == (None, ID)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        *(("lead", one) for one in ("client-led", "therapist-led")),
        *(("frame.structure_wanted", one) for one in ("more", "same", "less", "unsaid")),
        *(
            ("concern.problems", [one])
            for one in (
                "relationship-family-conflict",
                "communication-difficulties",
                "identity-concerns",
                "life-transitions",
                "depression-anxiety-meaning",
                "feeling-unheard",
            )
        ),
        *(
            ("goals.0.responsible", one)
            for one in ("client", "partners", "family", "therapist", "client-and-therapist")
        ),
        ("supersedes", {"plan": "p1", "version": "2"}),
        ("goals.0.acceptance", [{"who": one, "status": "agree"} for one in (ROSA, "Practitioner/p1")]),
    ],
)
def test_each_alternative_of_the_contract_is_taken(path: str, said: object) -> None:
    """Every value that the contract lists. Planted: `family` left out of responsible; caught."""
    read(put(path, said))


@pytest.mark.parametrize(("kind", "people"), [("couple", 2), ("family", 2), ("family", 5), ("group", 2), ("group", 30)])
def test_each_kind_of_unit_is_taken(kind: str, people: int) -> None:
    """Couple, family and group. Planted: `< 3` people refused for a group; caught."""
    members = [ROSA, *(f"Patient/p{number}" for number in range(people - 1))]
    assert read(put("unit", {"kind": kind, "members": members})).unit.members == tuple(members)


REQUIRED = [
    *("unit", "unit.kind", "unit.members", "encounter", "author", "lead"),
    *("concern", "concern.words", "concern.problems", "concern.voices.0.who", "concern.voices.0.words"),
    *("frame", "frame.start", "frame.review_by", "frame.frequency_weeks", "frame.session_minutes"),
    *("frame.other_treatment", "goals", "goals.0.template", "goals.0.words", "goals.0.acceptance"),
    *("goals.0.acceptance.0.who", "goals.0.acceptance.0.status", "resources_named_by_client", "psychoeducation"),
    *("supersedes", "request_id", "goals.0.within", "goals.0.target", "goals.0.responsible"),
]
OPTIONAL = [
    *("concern.voices", "frame.diagnoses", "frame.structure_wanted", "goals.0.payer_words", "goals.0.by"),
    *("goals.0.acceptance.0.reason", "signatures"),
]
LEVELS = ["", "unit", "concern", "concern.voices.0", "frame", "goals.0", "goals.0.within", "goals.0.target"]
LEVELS += ["goals.0.acceptance.0", "psychoeducation"]


@pytest.mark.parametrize("path", REQUIRED)
def test_a_required_field_left_out_is_named(path: str) -> None:
    """Exit 2, the field named. Planted: a default for `supersedes`, and for `other_treatment`; both caught."""
    error = refused(drop(path))
    assert error.field == shown(path)
    assert error.message.startswith(f"{shown(path)} is missing")


@pytest.mark.parametrize("path", OPTIONAL)
def test_an_optional_field_may_be_left_out(path: str) -> None:
    """The contract's list of what may be left out. Planted: `reason` required; caught."""
    read(drop(path))


def test_the_contracts_list_of_required_and_optional_fields_is_the_schemas() -> None:
    """Schema and contract agree on what must be there. Planted: `within` not added to the schema's required; caught."""
    checker = jsonschema.Draft202012Validator(draft_schema())
    assert [path for path in REQUIRED if checker.is_valid(drop(path))] == []
    assert [path for path in OPTIONAL if not checker.is_valid(drop(path))] == []


@pytest.mark.parametrize("name", ["extra", "Words", "_extra", "id"])
@pytest.mark.parametrize("level", LEVELS)
def test_an_unknown_field_is_named_at_each_level(level: str, name: str) -> None:
    """Unknown fields are refused. Planted: `extra="ignore"`; caught."""
    path = f"{level}.{name}".removeprefix(".")
    error = refused(put(path, 1))
    assert error.field == shown(path)
    assert error.message == f"{shown(path)} is not a field of a plan draft."


def test_a_fhir_resource_is_refused() -> None:
    """A screen is no draft. Planted: the early refusal left out (a missing unit was said); caught."""
    assert refused({"resourceType": "QuestionnaireResponse"}).field == "resourceType"
    assert refused({**example(), "resourceType": "CarePlan"}).field == "resourceType"


@pytest.mark.parametrize("missing", ["within", "target", "responsible"])
@pytest.mark.parametrize("way", ["left out", "null"])
def test_a_goal_that_is_not_smart_is_refused_with_its_field(missing: str, way: str) -> None:
    """Clinical 1.1: time limit, target and responsible person. Planted: a default of `client`; caught."""
    path = f"goals.0.{missing}"
    error = refused(drop(path) if way == "left out" else put(path, None))
    assert isinstance(error, NotSmart)
    assert error.field == f"goals[0].{missing}"


def test_the_second_goals_fault_is_named_as_the_second_goals() -> None:
    """The index of the goal. Planted: `field` always goals[0]; caught."""
    value = example()
    value["goals"].append({**value["goals"][0], "responsible": None})
    assert refused(value).field == "goals[1].responsible"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("goals.0.within", {"weeks": 0}),
        ("goals.0.within", {"by_session": 0}),
        ("goals.0.within", {"weeks": "6"}),
        ("goals.0.target", {"exists": False}),
        ("goals.0.target", {"yes": "true"}),
        ("goals.0.target", {"all": ["felt-collaborative"]}),
    ],
)
def test_a_fault_in_one_form_of_limit_or_target_names_that_form(path: str, said: Draft) -> None:
    """The sentence is about what was written. Planted: the first form's fault said; caught."""
    assert refused(put(path, said)).field.startswith(f"{shown(path)}.{next(iter(said))}")


@pytest.mark.parametrize(
    ("template", "within", "target", "field"),
    [
        ("heard", {"sessions": 4}, {"count": 3}, "target"),
        ("heard", {"sessions": 4}, {"yes": True}, "target"),
        ("heard", {"sessions": 4}, {"exists": True}, "target"),
        ("heard", {"sessions": 4}, {"count": 5, "of": 4}, "target"),
        ("heard", {"sessions": 4}, {"count": 3, "of": 5}, "target"),
        ("heard", {"by_session": 3}, {"count": 3, "of": 4}, "target"),
        ("story", {"sessions": 8}, {"count": 1, "of": 8}, "target"),
        ("own-list", {"by_session": 3}, {"yes": True}, "target"),
        ("shared-intake", {"by_session": 1}, {"exists": True}, "target"),
        ("re-engage", {"sessions": 2}, {"all": ["one", "two"]}, "target.all"),
    ],
)
def test_a_target_that_does_not_fit_its_template_or_limit_is_refused(
    template: str, within: Draft, target: Draft, field: str
) -> None:
    """A target that could never be met is none. Planted: `type` not compared; `of > number` left out; both caught."""
    error = refused(put("goals.0", {**example()["goals"][0], "template": template, "within": within, "target": target}))
    assert isinstance(error, NotSmart)
    assert error.field == f"goals[0].{field}"


@pytest.mark.parametrize(
    ("within", "target"),
    [
        ({"weeks": 2}, {"count": 3, "of": 4}),  # weeks say nothing about how many sessions there are
        ({"sessions": 4}, {"count": 4, "of": 4}),
        ({"sessions": 1000}, {"count": 1, "of": 1000}),
    ],
)
def test_a_target_at_its_limit_is_taken(within: Draft, target: Draft) -> None:
    """The edges of the last test. Planted: `>=` for `>`; caught."""
    read(put("goals.0", {**example()["goals"][0], "within": within, "target": target}))


def test_each_shipped_template_may_be_used_as_it_proposes() -> None:
    """A template's own limit and target fit it. Planted: Count refused for `weeks`; caught."""
    forms = {
        "heard": ({"sessions": 4}, {"count": 3, "of": 4}),
        "monologue": ({"sessions": 6}, {"count": 2}),
        "story": ({"sessions": 8}, {"count": 1}),
        "own-list": ({"by_session": 3}, {"exists": True}),
        "transition": ({"weeks": 6}, {"count": 2}),
    }
    for template, (within, target) in forms.items():
        goal = {**example()["goals"][0], "template": template, "within": within, "target": target}
        assert read(put("goals.0", goal)).goals[0].template.id == template
    for template in ("re-engage", "shared-intake"):
        both = [part.code for part in TEMPLATES[template].measure.parts]
        for codes in (both, both[::-1]):
            goal = {**example()["goals"][0], "template": template, "target": {"all": codes}}
            assert read(put("goals.0", goal)).goals[0].template.id == template


def test_an_organization_is_refused_with_the_reason() -> None:
    """A CarePlan cannot be about one. Planted: the early refusal left out (only the list of kinds was said); caught."""
    error = refused(put("unit.kind", "organization"))
    assert error.field == "unit.kind"
    assert "never about an organization" in error.message
    assert error.hint


@pytest.mark.parametrize(
    ("kind", "members", "field"),
    [
        ("individual", [], "unit.members"),
        ("individual", [ROSA, TOM], "unit.members"),
        ("couple", [ROSA], "unit.members"),
        ("couple", [ROSA, TOM, "Patient/kim"], "unit.members"),
        ("family", [ROSA], "unit.members"),
        ("group", [ROSA], "unit.members"),
        ("couple", [ROSA, ROSA], "unit.members[1]"),
        ("group", [ROSA, TOM, ROSA], "unit.members[2]"),
        ("couple", ["RelatedPerson/a", "RelatedPerson/b"], "unit.members"),
        ("individual", ["RelatedPerson/a"], "unit.members"),
        ("group", [f"Patient/p{number}" for number in range(31)], "unit.members"),
        ("couple", [ROSA, "Practitioner/p1"], "unit.members[1]"),
        ("couple", [ROSA, "Group/g1"], "unit.members[1]"),
    ],
)
def test_a_unit_that_is_none_is_refused(kind: str, members: list[str], field: str) -> None:
    """Who a plan is for. Planted: the count of each kind not asked; duplicates kept; both caught."""
    assert refused(put("unit", {"kind": kind, "members": members})).field == field


NO_REFERENCES = [
    "",
    " ",
    "rosa",
    "Patient/",
    "/rosa",
    "Patient/../x",
    "Patient/..",
    "Patient/.",
    "Patient/a/b",
    "Patient/a?b=c",
    "Patient/a#b",
    "Patient/a%2Fb",
    "Patient/a b",
    "Patient/rosa ",
    " Patient/rosa",
    "Patient/rosa\n",
    "Patient/ro\u0441a",  # a Cyrillic letter
    "patient/rosa",
    "Patient/_history",
    "http://example.org/fhir/Patient/rosa",
    "https://example.org/Patient/rosa",
    "urn:uuid:5f0c1a52-1f0a-4a57-9d2a-0f6b0a6f9b11",
    "Patient/" + "a" * 65,
    "Patient/rosa/_history/1",
]


@pytest.mark.parametrize("text", NO_REFERENCES)
def test_a_member_that_is_no_relative_reference_is_refused_and_not_repeated(text: str) -> None:
    """It becomes part of an address. Planted: `match` for `fullmatch`; 65 characters; both caught."""
    value = drop("concern.voices")
    del value["goals"][0]["by"]
    error = refused(put("unit.members.0", text, value))
    assert error.field == "unit.members[0]"
    assert len(text) < 9 or text not in error.message


@pytest.mark.parametrize("path", ["encounter", "author"])
@pytest.mark.parametrize("text", ["", "..", "Encounter/..", "Practitioner/..", "Encounter/a/b", "Patient/rosa", "e1"])
def test_encounter_and_author_are_references_too(path: str, text: str) -> None:
    """Each of its own type, and no path. Planted: the type of `encounter` not asked; caught."""
    assert refused(put(path, text)).field == path


@pytest.mark.parametrize("id", ["a", "a" * 64, "A-1.b", "1..2"])
def test_every_id_of_the_standard_is_taken(id: str) -> None:
    """Letters, digits, hyphen and dot, 64 at most. Planted: dots refused; caught."""
    assert read(put("encounter", f"Encounter/{id}")).encounter == f"Encounter/{id}"


@pytest.mark.parametrize(
    ("path", "said", "field"),
    [
        ("concern.voices.0.who", TOM, "concern.voices[0].who"),
        ("goals.0.by", TOM, "goals[0].by"),
        ("goals.0.by", "", "goals[0].by"),
        ("goals.0.acceptance.0.who", TOM, "goals[0].acceptance[0].who"),
        ("goals.0.acceptance.0.who", "Practitioner/p2", "goals[0].acceptance[0].who"),
        ("frame.diagnoses", [{"text": "F32.1", "who": TOM}], "frame.diagnoses[0].who"),
        ("frame.diagnoses", [{"text": "a text", "condition": "Patient/rosa"}], "frame.diagnoses[0].condition"),
        ("signatures", [{"who": TOM, "when": "2026-11-21T10:00:00Z", "meaning": "consent"}], "signatures[0].who"),
    ],
)
def test_whoever_is_named_belongs_to_the_unit(path: str, said: object, field: str) -> None:
    """I8: nobody else's name gets into a chart. Planted: `_member` returns whoever is named; caught."""
    assert refused(put(path, said)).field == field


def test_one_person_answers_a_goal_once() -> None:
    """Two answers of one person say nothing. Planted: the last one taken; caught."""
    twice = [{"who": ROSA, "status": "agree"}, {"who": ROSA, "status": "disagree"}]
    assert refused(put("goals.0.acceptance", twice)).field == "goals[0].acceptance[1].who"


def test_a_couples_diagnosis_says_whose_it_is() -> None:
    """In a unit nobody is meant by default. Planted: the first member taken; caught."""
    assert refused(put("frame.diagnoses", [{"text": "a text"}], couple())).field == "frame.diagnoses[0].who"
    (one,) = read(put("frame.diagnoses", [{"text": "a text"}])).frame.diagnoses
    assert one.who == ROSA


@pytest.mark.parametrize("status", ["pending", "disagree"])
def test_a_draft_without_an_agreed_goal_is_refused(status: str) -> None:
    """Nobody agreed, so there is no plan. Planted: pending counts as agreed; caught."""
    assert refused(put("goals.0.acceptance.0.status", status)).field == "goals"
    assert refused(put("goals.0.acceptance", [])).field == "goals"


def test_the_clinicians_own_agreement_alone_is_none() -> None:
    """The goals are the clients'. Planted: anybody's agreement counted; caught."""
    assert refused(put("goals.0.acceptance.0.who", "Practitioner/p1")).field == "goals"


def test_a_goal_that_was_disagreed_with_keeps_the_clients_reason() -> None:
    """A rejected goal stays, with the reason in the client's words. Planted: the reason dropped; caught."""
    value = example()
    said = {"who": ROSA, "status": "disagree", "reason": "  not mine:\n“it’s theirs” 🙃 "}
    value["goals"].append({**value["goals"][0], "words": "Not mine", "acceptance": [said]})
    (one,) = read(value).goals[1].acceptance
    assert (one.status, one.reason) == (AcceptanceStatus.DISAGREE, said["reason"])


WORDS = [
    "I feel 🫥 unheard 👩‍👧‍👦🏳️‍🌈",
    "أريد أن يسمعني أحد",
    "\u202eright to left and back\u202c",
    "e\u0301 is not \u00e9, A\u030a is not \u00c5",
    "line\r\nline\rline\n\tline",
    "  blanks before and after  ",
    "\u00a0x\u200b\ufeff",
    "<b>&amp;</b> {{ 7*7 }} ${x} '; DROP TABLE plan; --",
    "x" * MAX_WORDS,
    "\U0001f600" * MAX_WORDS,
]
PLACES = ["concern.words", "concern.voices.0.words", "goals.0.words", "goals.0.payer_words", "frame.other_treatment"]


@pytest.mark.parametrize("words", WORDS, ids=lambda words: ascii(words[:12]))
@pytest.mark.parametrize("path", PLACES)
def test_words_are_kept_byte_for_byte(path: str, words: str) -> None:
    """The client's words are never trimmed or normalised. Planted: NFC; strip; both caught."""
    plan = read(put(path, words))
    kept = {
        "concern.words": plan.concern.words,
        "concern.voices.0.words": plan.concern.voices[0].words,
        "goals.0.words": plan.goals[0].words,
        "goals.0.payer_words": plan.goals[0].payer_words,
        "frame.other_treatment": plan.frame.other_treatment,
    }[path]
    assert kept is not None
    assert kept.encode() == words.encode()


@pytest.mark.parametrize("path", [*PLACES, "goals.0.acceptance.0.reason"])
@pytest.mark.parametrize("words", ["x" * (MAX_WORDS + 1), "", " ", "\r\n\t", "\u2003"], ids=ascii)
def test_words_too_long_or_empty_are_refused_in_plain_words(path: str, words: str) -> None:
    """One character above the limit; nothing said. Planted: the limit one higher; blanks taken; both caught."""
    error = refused(put(path, words))
    assert error.field == shown(path)
    assert error.message in (
        f"{shown(path)} is longer than {MAX_WORDS} characters.",
        f"{shown(path)} is empty.",
    )


SECRET = "Rosa said he hit her"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("unit", SECRET),
        ("unit.kind", SECRET),
        ("unit.members", SECRET),
        ("lead", SECRET),
        ("concern.problems", [SECRET]),
        ("frame.start", SECRET),
        ("goals.0.template", SECRET),
        ("goals.0.within", SECRET),
        ("goals.0.target", {"all": [SECRET, SECRET]}),
        ("goals.0.acceptance.0.status", SECRET),
        ("request_id", SECRET),
        ("encounter", SECRET),
        ("concern.voices.0.who", SECRET),
    ],
)
def test_a_refusal_never_repeats_what_was_written(path: str, said: object) -> None:
    """I9: no PHI in messages. Planted: `include_input` and the input said; caught."""
    error = refused(put(path, said))
    for told in (error.message, error.hint, error.field):
        assert "Rosa" not in told
        assert "hit" not in told


WRONG_TYPES = [
    ("unit", []),
    ("unit.members", ROSA),
    ("unit.members", {ROSA: 1}),
    ("unit.members", [1]),
    ("lead", None),
    ("lead", 1),
    ("concern", None),
    ("concern.words", 5),
    ("concern.words", ["words"]),
    ("concern.words", None),
    ("concern.voices", None),
    ("concern.problems", "feeling-unheard"),
    ("concern.problems", ["sadness"]),
    ("frame.frequency_weeks", "1"),
    ("frame.frequency_weeks", True),
    ("frame.frequency_weeks", 1.5),
    ("frame.frequency_weeks", 0),
    ("frame.frequency_weeks", 53),
    ("frame.frequency_weeks", None),
    ("frame.session_minutes", "50"),
    ("frame.session_minutes", True),
    ("frame.session_minutes", 601),
    ("frame.session_minutes", -1),
    ("frame.start", 20261121),
    ("frame.start", "21.11.2026"),
    ("frame.start", "2026-11-21T00:00:00Z"),
    ("frame.diagnoses", None),
    ("frame.structure_wanted", None),
    ("frame.structure_wanted", "lots"),
    ("goals", {}),
    ("goals", []),
    ("goals.0.words", None),
    ("goals.0.within", {"sessions": "4"}),
    ("goals.0.within", {"sessions": True}),
    ("goals.0.within", {"sessions": 1001}),
    ("goals.0.within", {"sessions": 4, "weeks": 4}),
    ("goals.0.within", {}),
    ("goals.0.within", 4),
    ("goals.0.target", {"count": "3", "of": 4}),
    ("goals.0.target", {"count": True, "of": 4}),
    ("goals.0.target", {"count": 3, "of": 0}),
    ("goals.0.target", {"exists": 1}),
    ("goals.0.target", {"yes": False}),
    ("goals.0.target", [3, 4]),
    ("goals.0.responsible", "nobody"),
    ("goals.0.acceptance", None),
    ("goals.0.acceptance.0.status", True),
    ("goals.0.acceptance.0.status", "agreed"),
    ("resources_named_by_client", None),
    ("resources_named_by_client", [""]),
    ("resources_named_by_client", [1]),
    ("psychoeducation", []),
    ("psychoeducation", {"given": ""}),
    ("psychoeducation", {"given": True}),
    ("signatures", None),
    ("signatures", [{"who": ROSA, "when": 0, "meaning": "consent"}]),
    ("signatures", [{"who": ROSA, "when": True, "meaning": "consent"}]),
    ("signatures", [{"who": ROSA, "when": "1700000000", "meaning": "consent"}]),
    ("signatures", [{"who": ROSA, "when": "2026-11-21T10:00:00", "meaning": "consent"}]),
    ("signatures", [{"who": ROSA, "when": "today", "meaning": "consent"}]),
    ("signatures", [{"who": ROSA, "when": "2026-11-21T10:00:00Z", "meaning": "witness"}]),
    ("supersedes", "p1"),
    ("supersedes", {"plan": "p1"}),
    ("supersedes", {"plan": "p1", "version": 2}),
    ("request_id", 5),
    ("request_id", None),
    ("request_id", "not-a-uuid"),
    ("request_id", ""),
    ("request_id", f"urn:uuid:{ID}"),
    ("request_id", f"{{{ID}}}"),
    ("request_id", ID.replace("-", "")),
]
UNWRITABLE = [
    # What JSON Schema cannot say: it takes these, and only reading refuses them.
    ("frame.start", "2026-02-30"),
    ("frame.review_by", "2026-11-20"),
    ("unit.members", ["Practitioner/p1"]),
    ("unit.members", [ROSA, TOM]),
    ("goals.0.template", "no-such"),
    ("goals.0.by", TOM),
    ("goals.0.acceptance", []),
    ("goals.0.target", {"count": 5, "of": 4}),
    ("goals.0.target", {"yes": True}),
    ("signatures", [{"who": ROSA, "when": "2026-02-30T10:00:00Z", "meaning": "consent"}]),
    ("signatures", [{"who": ROSA, "when": "0001-01-01T00:00:00+14:00", "meaning": "consent"}]),
]
GOOD = [
    ("goals.0.payer_words", None),
    ("goals.0.by", None),
    ("goals.0.acceptance.0.reason", None),
    ("goals.0.within", {"weeks": 6}),
    ("goals.0.target", {"count": 3, "of": 3}),
    ("frame.diagnoses", [{"text": "a text", "who": ROSA, "condition": "Condition/c1"}]),
    ("frame.diagnoses", [{"text": "a text", "who": None, "condition": None}]),
    ("concern.problems", []),
    ("psychoeducation", {"given": "a leaflet", "deferred": "sleep", "why": "not today"}),
    ("signatures", [{"who": ROSA, "when": "2026-11-21T10:00:00+05:30", "meaning": "consent"}]),
    ("supersedes", {"plan": "p1", "version": "2"}),
    ("concern.words", "x" * MAX_WORDS),
]


def schema_takes(value: Draft) -> bool:
    checker = jsonschema.Draft202012Validator(draft_schema(), format_checker=jsonschema.FormatChecker())
    return checker.is_valid(value)


@pytest.mark.parametrize(("path", "said"), WRONG_TYPES, ids=[f"{path}={said!r}" for path, said in WRONG_TYPES])
def test_a_wrong_type_or_code_is_refused_by_reading_and_by_the_schema(path: str, said: object) -> None:
    """Nothing is turned into what it is not. Planted: `strict` left out of the numbers; caught."""
    value = put(path, said)
    assert refused(value).field.startswith(shown(path))
    assert not schema_takes(value)


@pytest.mark.parametrize(("path", "said"), UNWRITABLE, ids=[f"{path}={said!r}" for path, said in UNWRITABLE])
def test_what_a_schema_cannot_say_is_refused_by_reading(path: str, said: object) -> None:
    """Rules across fields, and days of the calendar. Planted: `review_by` not compared; caught."""
    value = put(path, said)
    assert schema_takes(value)
    refused(value)


@pytest.mark.parametrize(("path", "said"), GOOD, ids=[f"{path}={str(said)[:40]!r}" for path, said in GOOD])
def test_what_reading_takes_the_schema_takes(path: str, said: object) -> None:
    """A form's own check never refuses a good draft. Planted: `payer_words` without null in the schema; caught."""
    value = put(path, said)
    read(value)
    assert schema_takes(value)


def test_the_schema_is_one_and_names_itself() -> None:
    """A valid 2020-12 schema without the code's private names. Planted: `_plain_names` left out; caught."""
    schema = draft_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] == "Withness plan draft"
    assert "Form" not in json.dumps(schema)
    assert {"Unit", "Concern", "Frame", "Goal"} <= set(schema["$defs"])
    assert schema_takes(example())


def test_a_signature_keeps_who_when_and_as_what() -> None:
    """A signature has its own time with zone. Planted: `when` turned into UTC's day; caught."""
    signed = [{"who": ROSA, "when": "2026-11-21T10:00:00Z", "meaning": "consent"}]
    (one,) = read(put("signatures", signed)).signatures
    assert (one.who, one.when, one.meaning) == (ROSA, datetime(2026, 11, 21, 10, tzinfo=UTC), "consent")


@pytest.mark.parametrize("within", [{"sessions": 4}, {"weeks": 1000}])
def test_a_plan_whose_goals_are_due_after_the_calendars_end_is_refused(within: Draft) -> None:
    """A taken draft must not fail when its due dates are computed. Planted: the check left out; caught."""
    value = put("frame", {**example()["frame"], "start": "9999-12-01", "review_by": "9999-12-31"})
    assert refused(put("goals.0.within", within, value)).field.startswith(("frame.start", "goals[0].within"))


def test_reading_changes_nothing_of_what_it_was_given() -> None:
    """The draft is kept and hashed as it came. Planted: `problems` de-duplicated in place; caught."""
    value = put("concern.problems", ["feeling-unheard", "feeling-unheard"])
    before = copy.deepcopy(value)
    assert read(value).concern.problems == ("feeling-unheard",)
    assert value == before


# -- what a goal's wording for the payer may not claim


CLAIMS = load_claims(None).claims
CLAIM = "Collaborative therapy is an evidence-based treatment for depression."
OWN_CLAIM = """
[[claim]]
id = "flourish"
sentence = "That people flourish here."
reason = "Nobody counted."
source = "practice policy 7"
[[claim.pattern]]
words = ["flourish*"]
"""


@pytest.mark.parametrize("index", [0, 1])
def test_a_payers_wording_that_claims_too_much_is_refused(index: int) -> None:
    """With the sentence and the reason, never the words (contracts I10). Planted: only the first goal read; caught."""
    value = example()
    value["goals"] = [{**copy.deepcopy(value["goals"][0]), "words": words} for words in ("One", "Two")]
    value["goals"][index]["payer_words"] = CLAIM
    with pytest.raises(InvalidInput) as error:
        refuse_claims(read(value), CLAIMS)
    assert (error.value.exit_code, error.value.field) == (2, f"goals[{index}].payer_words")
    assert error.value.message == (
        f"goals[{index}].payer_words may not claim that the approach is an evidence-based, empirically supported or "
        "proven treatment."
    )
    assert "no systematic analysis" in error.value.hint
    assert CLAIM not in error.value.message + error.value.hint


@pytest.mark.parametrize("words", ["Within 8 sessions, client will reduce depressive symptoms.", "optional", None])
def test_an_honest_wording_for_the_payer_is_taken(words: str | None) -> None:
    refuse_claims(read(put("goals.0.payer_words", words)), CLAIMS)


@pytest.mark.parametrize(
    "path", ["goals.0.words", "goals.0.acceptance.0.reason", "concern.words", "concern.voices.0.words"]
)
def test_a_clients_own_words_are_never_checked(path: str) -> None:
    """Rosa may say what she likes. Planted: `words` read beside `payer_words`; caught."""
    refuse_claims(read(put(path, CLAIM)), CLAIMS)


def test_saving_and_previewing_refuse_it_and_keep_nothing(site: Site) -> None:
    """Before the gate is asked: no plan, no working copy. Planted: the check left out of opening a draft; caught."""
    site.screen()
    draft = make_draft(goals=[make_goal(payer_words=CLAIM)])
    for use in (site.save, site.desk.preview):
        with pytest.raises(InvalidInput) as error:
            use(draft)
        assert error.value.field == "goals[0].payer_words"
    assert site.plans_in_chart() == 0
    honest = {**draft, "goals": [make_goal(payer_words="Reduce depressive symptoms")]}
    assert site.save(honest)["saved"] is True


def test_a_sites_new_claim_keeps_no_safety_goal_out(site: Site, tmp_path: Path) -> None:
    """What stands in the plan was taken once; what is new is read. Planted: `standing` left out; caught."""
    site.screen()
    draft = make_draft(goals=[make_goal(payer_words="To flourish at work")])
    saved = site.save(draft)
    assert saved["saved"] is True
    packs = tmp_path / "packs"
    packs.mkdir()
    (packs / "claims.toml").write_text(OWN_CLAIM, encoding="utf-8")
    site.desk.close()
    site.settings = replace(site.settings, packs=packs)
    site.open()
    assert site.save(draft)["plan"] == saved["plan"], "the same request again is answered as before"
    amended = {**draft, "supersedes": {"plan": saved["plan"], "version": "1"}, "request_id": str(uuid4())}
    safety = make_goal(words="Call my sister first", category="safety")
    bold = {**safety, "payer_words": "Flourishing"}
    with pytest.raises(InvalidInput) as error:
        site.save({**amended, "goals": [*draft["goals"], bold]})
    assert error.value.field == "goals[1].payer_words"
    assert "that people flourish here" in error.value.message
    assert site.save({**amended, "goals": [*draft["goals"], safety]})["saved"] is True


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "goals[1].words"),
        ({"words": "Another", "replaces": 0}, "goals[1].replaces"),
        ({"within": {"sessions": 6}}, ""),
    ],
)
def test_a_goal_stands_there_once_and_replaces_one_of_the_version_before(change: dict[str, Any], field: str) -> None:
    """Planted: two goals alike, never told from each other; a replacement in a new plan; both caught."""
    value = example()
    value["goals"] = [value["goals"][0], {**copy.deepcopy(value["goals"][0]), **change}]
    if not field:
        assert len(read(value).goals) == 2
        return
    with pytest.raises(InvalidInput) as error:
        read(value)
    assert error.value.field == field
