"""The shipped templates equal the source's table, and a template file that cannot be met is refused by key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from withness import content
from withness.core.template import Both, Count, Exists, Limit, LimitKind, PlanTemplate, Ratio, Yes, shape
from withness.core.terms import Lead, UnitKind
from withness.errors import InvalidContent
from withness.packs.load import load_glossary, load_problems, load_sources, load_suitability
from withness.packs.templates import load_templates, parse_template

SESSIONS, BY_SESSION, WEEKS = LimitKind.SESSIONS, LimitKind.BY_SESSION, LimitKind.WEEKS

# id, target, limit, responsible, references: document 1, table of SMART objectives.
TABLE = [
    ("heard", Ratio(3, 4), Limit(SESSIONS, 4), "client", (3, 6)),
    ("monologue", Count(2), Limit(SESSIONS, 6), "partners", (3,)),
    ("story", Count(1), Limit(SESSIONS, 8), "client", (3,)),
    ("own-list", Exists(), Limit(BY_SESSION, 3), "client-and-therapist", (3,)),
    ("transition", Count(2), Limit(WEEKS, 6), "client", (6,)),
    ("re-engage", Both(("feels-different", "agrees-to-continue")), Limit(SESSIONS, 2), "client", (1, 6)),
    ("shared-intake", Both(("held-as-dialogue", "reported-collaborative")), Limit(BY_SESSION, 1), "client", (4,)),
]


def shipped(template: str) -> str:
    return (content.folder("catalogue") / "plan_templates" / f"{template}.toml").read_text(encoding="utf-8")


def test_the_seven_are_there_in_the_order_of_the_table() -> None:
    assert list(load_templates()) == [row[0] for row in TABLE]


def test_no_file_of_the_folder_is_left_out() -> None:
    stems = {one.name for one in (content.folder("catalogue") / "plan_templates").iterdir()}
    assert stems == {f"{row[0]}.toml" for row in TABLE}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_each_template_has_the_numbers_of_its_row(row: tuple[object, ...]) -> None:
    one = load_templates()[str(row[0])]
    assert (one.id, one.target, one.limit, one.responsible, one.references) == row


@pytest.mark.parametrize("number", range(1, 8))
def test_each_source_names_its_row(number: int) -> None:
    one = list(load_templates().values())[number - 1]
    assert one.source == f"document 1, table of SMART objectives, row {number}"


def test_monologue_wants_one_from_each_partner_and_is_not_for_an_individual() -> None:
    one = load_templates()["monologue"]
    assert one.measure.each_partner == 1
    assert UnitKind.INDIVIDUAL not in one.units
    assert {UnitKind.COUPLE, UnitKind.FAMILY} <= set(one.units)


@pytest.mark.parametrize("template", [row[0] for row in TABLE if row[0] != "monologue"])
def test_every_other_goal_fits_every_unit_and_lead(template: str) -> None:
    one = load_templates()[template]
    assert (one.units, one.leads, one.measure.each_partner) == (tuple(UnitKind), tuple(Lead), 0)


def test_measures_have_codes_of_their_own() -> None:
    templates = load_templates().values()
    codes = [one.measure.code for one in templates]
    parts = [part.code for one in templates for part in one.measure.parts]
    assert len(set(codes)) == 7
    assert parts == ["feels-different", "agrees-to-continue", "held-as-dialogue", "reported-collaborative"]


def test_the_objective_says_the_number_and_the_limit_that_the_data_say() -> None:
    for one in load_templates().values():
        numbers = [str(number) for number in (one.limit.number, *vars(one.target).values()) if isinstance(number, int)]
        missing = [number for number in numbers if number not in one.objective and "first session" not in one.objective]
        assert not missing, one.id


@pytest.mark.parametrize("one", load_templates().values(), ids=lambda one: one.id)
def test_evidence_says_that_there_are_no_outcome_trials_and_claims_nothing(one: PlanTemplate) -> None:
    said = one.evidence.casefold()
    assert said.startswith("grounded in ")
    assert "the sources report no outcome trials" in said
    for claim in ("effective", "efficacy", "proven", "validated treatment", "supported treatment", "evidence-based"):
        assert claim not in said


def test_every_reference_is_one_of_the_six_resources() -> None:
    sources = load_sources()
    assert list(sources.resources) == [1, 2, 3, 4, 5, 6]
    assert sources.printed["36"] == (3, 6)
    used = {number for one in load_templates().values() for number in one.references}
    assert used <= set(sources.resources)
    assert all(number in sources.resources for one in load_glossary().values() for number in one.references)


FAULTS = [
    ("heard", 'id = "heard"', 'id = "Heard"', "id"),
    ("heard", 'version = "0.1.0"', 'version = "1"', "version"),
    ("heard", 'title = "Feeling heard and taking part"', 'title = " "', "title"),
    ("heard", "references = [3, 6]", "references = [36]", "references.0"),
    ("heard", "references = [3, 6]", 'references = "36"', "references"),
    ("heard", 'responsible = "client"', 'responsible = "everybody"', "responsible"),
    ("heard", '"feeling-unheard"]', '"feeling-sad"]', "problems.1"),
    ("heard", '"feeling-unheard"]', '"communication-difficulties"]', "problems"),
    ("heard", '"individual", "couple"', '"individual", "organization"', "units.1"),
    ("heard", '["client-led", "therapist-led"]', "[]", "leads"),
    ("heard", "count = 3", "count = 5", "target.count"),
    ("heard", "of = 4", "of = 5", "target.of"),
    ("heard", "count = 3", "count = 0", "target.count"),
    ("heard", "count = 3", 'count = "3"', "target.count"),
    ("heard", "count = 3", "count = true", "target.count"),
    ("heard", "count = 3\n", "", "target"),
    ("heard", "count = 3", "count = 3\nyes = true", "target"),
    ("heard", 'unit = "sessions"\n', "", "measure.unit"),
    ("heard", 'unit = "sessions"', 'units = "sessions"', "measure.units"),
    ("heard", "sessions = 4", "sessions = 4\nweeks = 4", "limit"),
    ("heard", "\nsessions = 4", "", "limit"),
    ("heard", "mechanism =", "mechanisms =", "mechanism"),
    ("own-list", "exists = true", "exists = false", "target.exists"),
    ("monologue", "each_partner = 1", "each_partner = 2", "measure.each_partner"),
    ("re-engage", '"agrees-to-continue"]', '"agrees-to-stay"]', "measure.parts"),
    ("re-engage", '"agrees-to-continue"]', '"feels-different"]', "measure.parts"),
    ("re-engage", 'code = "agrees-to-continue"', 'code = "feels-different"', "measure.parts"),
    ("re-engage", 'all = ["feels-different", "agrees-to-continue"]', "yes = true", "measure.parts"),
]


@pytest.mark.parametrize(("template", "right", "wrong", "key"), FAULTS)
def test_a_fault_in_a_template_is_refused_with_file_and_key(template: str, right: str, wrong: str, key: str) -> None:
    text = shipped(template)
    assert right in text
    with pytest.raises(InvalidContent) as refused:
        parse_template(text.replace(right, wrong, 1).encode(), name="own.toml")
    assert refused.value.field == f"own.toml:{key}"
    assert refused.value.message.startswith(f"own.toml: {key} ")
    assert not {"tuple", "timedelta", "pattern", "input"} & set(re.findall("[a-z]+", refused.value.message.casefold()))


@pytest.mark.parametrize(
    ("text", "said"), [(b"id = ", "not TOML"), (b"\xff", "not UTF-8"), (b"a = 1\na = 2", "not TOML")]
)
def test_what_is_no_toml_is_refused_with_the_file(text: bytes, said: str) -> None:
    with pytest.raises(InvalidContent, match=said) as refused:
        parse_template(text, name="own.toml")
    assert refused.value.field == "own.toml"


def test_a_yes_target_can_be_written() -> None:
    text = shipped("own-list").replace("exists = true", "yes = true")
    assert shape(parse_template(text.encode(), name="own.toml").target) == shape(Yes())


class TestASitesOwnFolder:
    def folder(self, tmp_path: Path, **files: str) -> Path:
        (tmp_path / "plan_templates").mkdir()
        for stem, text in files.items():
            (tmp_path / "plan_templates" / f"{stem}.toml").write_text(text, encoding="utf-8")
        return tmp_path

    def test_it_adds_behind_the_shipped_ones(self, tmp_path: Path) -> None:
        extra = self.folder(tmp_path, ours=shipped("story").replace('id = "story"', 'id = "ours"'))
        assert list(load_templates(extra)) == [*load_templates(), "ours"]

    def test_it_overrides_by_id_and_keeps_the_place(self, tmp_path: Path) -> None:
        extra = self.folder(tmp_path, story=shipped("story").replace("sessions = 8", "sessions = 9"))
        found = load_templates(extra)
        assert list(found) == list(load_templates())
        assert found["story"].limit.number == 9

    def test_a_file_called_otherwise_than_its_template_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidContent) as refused:
            load_templates(self.folder(tmp_path, ours=shipped("story")))
        assert refused.value.field == "plan_templates/ours.toml:id"

    def test_a_folder_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidContent) as refused:
            load_templates(tmp_path / "nowhere")
        assert refused.value.field == "WITHNESS_PACKS"

    def test_a_folder_without_templates_leaves_the_shipped_ones(self, tmp_path: Path) -> None:
        assert load_templates(tmp_path) == load_templates()


# problem -> templates: clinical mapping, a proposal of ours; the order is the templates' own.
PROPOSED = {
    "relationship-family-conflict": {"monologue", "own-list"},
    "communication-difficulties": {"monologue", "heard"},
    "identity-concerns": {"story", "transition"},
    "life-transitions": {"transition"},
    "depression-anxiety-meaning": {"story", "transition"},
    "feeling-unheard": {"heard", "re-engage", "own-list"},
}


def test_each_problem_proposes_the_templates_that_name_it() -> None:
    problems, templates = load_problems(), load_templates()
    assert {one.id: set(one.proposes) for one in problems.values()} == PROPOSED
    for one in problems.values():
        assert one.proposes == tuple(id for id in templates if one.id in templates[id].problems) != ()


def test_problems_repeat_the_sources_own_marks() -> None:
    problems = load_problems()
    assert [one.id for one in problems.values() if not one.provenance] == ["feeling-unheard"]
    assert [one.references for one in problems.values()] == [(3,), (3,), (3,), (3,), (1,), (3,)]


def test_the_eight_key_terms_are_there() -> None:
    assert list(load_glossary()) == [
        "not-knowing",
        "withness",
        "dialogue",
        "shared-inquiry",
        "linguistic-systems",
        "philosophical-stance",
        "transformation",
        "relational-self",
    ]


def test_an_organization_has_no_plan_and_says_why() -> None:
    units = {one.id: one.no_plan_because for one in load_suitability().units}
    assert list(units) == ["individual", "couple", "family", "group", "organization"]
    assert [kind for kind, why in units.items() if why] == ["organization"]


def test_a_therapist_led_plan_is_the_one_format_with_an_advisory() -> None:
    suitability = load_suitability()
    advised = {one.id: one.advisory for one in (*suitability.leads, *suitability.units) if one.advisory}
    assert list(advised) == ["therapist-led"]
    assert "under their own name" in advised["therapist-led"]


@pytest.mark.parametrize("template", [row[0] for row in TABLE])
def test_every_target_of_a_shipped_template_can_be_said(template: str) -> None:
    """Catches: "1 accounts", and an artefact that merely exists."""
    one = load_templates()[template]
    assert bool(one.measure.unit_one) == isinstance(one.target, Count | Ratio)
    assert one.measure.unit_one != one.measure.unit or not one.measure.unit
    assert bool(one.measure.artefact) == isinstance(one.target, Exists)


def test_only_the_wish_for_more_structure_has_an_advisory() -> None:
    options = load_suitability().structure_options
    assert [(one.id, bool(one.advisory)) for one in options] == [
        ("more", True),
        ("same", False),
        ("less", False),
        ("unsaid", False),
    ]


@pytest.mark.parametrize("mapping", [load_templates(), load_problems(), load_glossary()])
def test_what_was_loaded_cannot_be_changed(mapping: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        mapping["heard"] = None
