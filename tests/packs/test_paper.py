"""The paper forms: the whole screen and nothing ticked, the client's words to the byte, and no page that lies."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.packs.page_tree import Node, Tree, said

from withness.core.plan import ChartPlan, charts
from withness.core.risk import RiskPolicy
from withness.core.terms import Acuity
from withness.desk.draft import read_draft
from withness.errors import InvalidContent
from withness.fhir import narrative
from withness.fhir.questionnaires import Kind, chosen_words, fields
from withness.packs import paper_page
from withness.packs.load import load_problems, load_templates
from withness.packs.paper import paper_plan, paper_plan_blank, paper_screen
from withness.packs.policy import load_policy

POLICY = load_policy()
TEMPLATES = load_templates()
TITLES = {one.id: one.title for one in load_problems().values()}
VOID = ("meta", "br", "hr", "img", "input", "link")

ROSA, BEN, CLINICIAN = "Patient/rosa", "Patient/ben", "Practitioner/p1"
HARD = "  I want <b>somebody</b> & \"me\" to 'get it'\r\n👩‍👩‍👧 أريد أن يفهمني أحد — cafe\u0301 ]]> {{ 7*7 }}\t\rend\n"
HOSTILE = "</div></style><script>alert(1)</script><img src=http://evil.example onerror=x>{% raw %}{{ plan.__class__ }}"


def tree(page: str) -> Node:
    return Tree(page, VOID).root


def goal(template: str = "heard", words: str = "I want somebody to get it", **changes: Any) -> dict[str, Any]:
    one = TEMPLATES[template]
    kinds = {"Count": {"count": 2}, "Ratio": {"count": 3, "of": 4}, "Exists": {"exists": True}}
    both = {"all": list(getattr(one.target, "codes", ()))}
    return {
        "template": template,
        "words": words,
        "within": {one.limit.kind.value: one.limit.number},
        "target": kinds.get(type(one.target).__name__, both),
        "responsible": "client",
        "acceptance": [{"who": ROSA, "status": "agree"}, {"who": CLINICIAN, "status": "agree"}],
        **changes,
    }


def draft(*goals: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "unit": {"kind": "individual", "members": [ROSA]},
        "encounter": "Encounter/e1",
        "author": CLINICIAN,
        "lead": "client-led",
        "concern": {"words": "Nobody at home hears me.", "problems": ["feeling-unheard"]},
        "frame": {
            "start": "2026-11-21",
            "review_by": "2027-02-19",
            "frequency_weeks": 1,
            "session_minutes": 50,
            "diagnoses": [{"who": ROSA, "text": "a diagnosis on record"}],
            "structure_wanted": "more",
            "other_treatment": "a grief group",
        },
        "goals": list(goals) or [goal()],
        "resources_named_by_client": ["my sister"],
        "psychoeducation": {"given": "about sleep"},
        "signatures": [{"who": ROSA, "when": "2026-11-21T10:00:00Z", "meaning": "consent"}],
        "supersedes": None,
        "request_id": "5f0c1a52-1f0a-4a57-9d2a-0f6b0a6f9b11",
        **changes,
    }


def chart(*goals: dict[str, Any], member: str = ROSA, **changes: Any) -> ChartPlan:
    made = charts(read_draft(draft(*goals, **changes), TEMPLATES))
    return next(one for one in made if one.member == member)


def couple(member: str) -> ChartPlan:
    """One share of a plan in which each of two people has words, a goal and a diagnosis of their own."""
    own = {
        who: goal(words=f"words of {who}", by=who, acceptance=[{"who": who, "status": "agree"}]) for who in (ROSA, BEN)
    }
    both = goal("monologue", "ours", acceptance=[{"who": who, "status": "agree", "reason": who} for who in own])
    voices = [{"who": who, "words": f"voice of {who}"} for who in own]
    frame = draft()["frame"] | {"diagnoses": [{"who": who, "text": f"diagnosis of {who}"} for who in own]}
    return chart(
        *own.values(),
        both,
        member=member,
        unit={"kind": "couple", "members": [ROSA, BEN]},
        concern={"words": "shared words", "voices": voices, "problems": ["feeling-unheard"]},
        frame=frame,
        signatures=[{"who": who, "when": "2026-11-21T10:00:00Z", "meaning": "consent"} for who in own],
    )


def printed(of: ChartPlan | None = None, *, released: bool = True, notice: str = "") -> str:
    return paper_plan(of or chart(), title_of_problem=TITLES, released=released, notice=notice)


SCREEN = paper_screen(POLICY)
PAGES = {
    "screen": SCREEN,
    "plan": printed(chart(*(goal(one) for one in TEMPLATES))),
    "preview": printed(couple(ROSA), released=False, notice="A notice."),
    "blank": paper_plan_blank(TEMPLATES, title_of_problem=TITLES),
}
every_page = pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))


@every_page
def test_a_page_needs_nothing_from_outside_and_runs_nothing(page: str) -> None:
    for one in tree(page).walk():
        assert one.tag not in ("script", "link", "img", "iframe", "object", "embed", "svg", "base")
        assert not [name for name in one.attributes if name in ("src", "href", "style") or name.startswith("on")]
    for outside in ("http", "url(", "@import", "//"):
        assert outside not in page


@every_page
def test_nothing_is_ticked_and_nothing_could_be(page: str) -> None:
    """I2: no control at all, so no default, nothing that a browser could restore, and no "all no"."""
    for one in tree(page).walk():
        assert one.tag not in ("input", "select", "option", "textarea", "button", "form")
        assert not {"checked", "selected", "value", "contenteditable"} & set(one.attributes)
    assert all(box.text() == "" for box in tree(page).all(css="box"))


@every_page
def test_a_page_has_language_title_and_headings_in_order(page: str) -> None:
    root = tree(page)
    assert [one.attributes.get("lang") for one in root.all("html")] == ["en"]
    assert [bool(said(one)) for one in root.all("title")] == [True]
    levels = [int(one.tag[1]) for one in root.walk() if re.fullmatch("h[1-6]", one.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


@every_page
def test_tables_and_groups_of_boxes_are_named(page: str) -> None:
    root = tree(page)
    for one in root.all("table"):
        assert [bool(said(caption)) for caption in one.all("caption")] == [True]
        assert {head.attributes.get("scope") for head in one.all("th")} <= {"row", "col"}
        assert one.all("th")
    for one in root.all("fieldset"):
        first = next(inner for inner in one.inner if isinstance(inner, Node))
        assert first.tag == "legend"
        assert said(first)


@every_page
def test_a_page_is_made_for_paper(page: str) -> None:
    style = tree(page).all("style")[0].text()
    assert "@media print" in style
    assert "@page" in style
    assert "12pt" in style
    assert "size: A4" not in style  # the printer's paper decides


def test_every_item_of_the_screen_is_on_paper_once_in_the_same_words() -> None:
    """The paper and the Questionnaire are made apart; here they must agree: wording, order and answers."""
    root = tree(SCREEN)
    for one in fields(POLICY):
        (found,) = root.all(link=one.link)
        assert said(found if one.kind is Kind.DISPLAY else found.all(css="asks")[0]) == one.text
        if one.kind is Kind.CHOICE:
            (listed, *_) = found.all("ul")
            assert [box.attributes["data-code"] for box in listed.all("li")] == list(one.options)
            assert [said(box) for box in listed.all(css="choice")] == [chosen_words(code) for code in one.options]
            assert len(listed.all(css="box")) == len(one.options)
    assert {one.attributes["data-link"] for one in root.walk() if "data-link" in one.attributes} == {
        one.link for one in fields(POLICY)
    }


def test_every_question_is_asked_exactly_once_and_in_the_policys_order() -> None:
    asked = [said(one.all(css="asks")[0]) for one in tree(SCREEN).all("fieldset", css="question")]
    assert asked == [question.text for question in POLICY.questions()]
    assert all(SCREEN.count(f">{question.id}<") == 1 for question in POLICY.questions())


def test_known_history_has_its_child_and_nothing_else_has() -> None:
    children = {one.attributes["data-link"] for one in tree(SCREEN).all("fieldset") if one.all("fieldset")}
    assert children == {question.id for question in POLICY.questions() if question.known_history}


def test_a_frame_marks_the_acute_answers_and_no_others() -> None:
    root = tree(SCREEN)
    for one in fields(POLICY):
        if one.kind is Kind.CHOICE:
            listed = root.all(link=one.link)[0].all("ul")[0].all("li")
            framed = [box.attributes["data-code"] for box in listed if box.attributes.get("class") == "framed"]
            assert framed == [code for code, acuity in one.options.items() if acuity is Acuity.ACUTE]


def test_an_answer_that_other_answers_withdraw_says_so() -> None:
    (vitals,) = tree(SCREEN).all(link="eating.vitals-outside")
    assert "Not measured clears only beside a no to 4.2 and 4.3; beside a yes to 4.2 or 4.3 it counts as a boxed" in (
        said(vitals)
    )


def test_each_domain_ends_with_its_directive_steps_their_owner_and_time_limit() -> None:
    times = {"now": "Now", "same-session": "Same session", "same-day": "Same day", "PT24H": "Within 24 hours"}
    times["PT72H"] = "Within 72 hours"
    for domain in POLICY.domains:
        (part,) = tree(SCREEN).all("section", link=domain.id)
        (table,) = part.all("table", css="steps")
        rows = [[said(cell) for cell in row.inner if isinstance(cell, Node)] for row in table.all("tr")[1:]]
        assert [row[1].partition(" (only")[0] for row in rows] == [step.text for step in domain.directive]
        assert [(row[2], row[3]) for row in rows] == [
            (step.owner.capitalize(), times[step.within]) for step in domain.directive
        ]
        assert [bool(step.when) for step in domain.directive] == ["(only for " in row[1] for row in rows]
        assert all(row[0] == row[4] == "" for row in rows)
        assert "if any boxed answer is ticked" in said(part)


def test_a_step_names_the_questions_that_call_for_it_in_their_order() -> None:
    assert "Emergency evaluation or crisis team when there is intent now (only for 1.2 or 1.3)" in said(tree(SCREEN))


def test_violence_is_a_separate_sheet_that_is_asked_alone() -> None:
    root = tree(SCREEN)
    (sheet,) = root.all("section", css="private")
    assert sheet.attributes["data-link"] == "violence"
    assert "Ask privately, one person alone. This is a separate sheet" in said(sheet)
    assert "never leave it where a partner or proxy can read it" in said(sheet)
    assert "A no from these counts as unknown here: partner, parent or guardian." in said(sheet)
    assert "(no name)" in said(sheet)
    rest = (
        SCREEN[: SCREEN.index('<section data-link="violence"')] + SCREEN[SCREEN.index('<section data-link="eating"') :]
    )
    assert "violence" not in rest
    style = root.all("style")[0].text()
    assert ".private { break-after: page; break-before: page; }" in style


ASKED_WHEN = [
    "Encounter (Encounter/…)",
    "Clinician who asked (Practitioner/…)",
    "Date on which it was asked",
    "Time at which it was asked, with the time zone",
]


def lines(section: Node) -> list[str]:
    return [said(one) for one in section.all("p", css="line")]


def test_who_when_and_where_are_asked_and_why_it_is_late() -> None:
    sections = tree(SCREEN).all("section")
    assert lines(sections[0]) == ["Person (name)", "Chart (Patient/…)", *ASKED_WHEN, "Where it was asked"]
    assert "Why it was entered late, and by whom" in lines(sections[-1])


def test_the_separate_sheet_can_be_found_again_by_encounter_and_time() -> None:
    (sheet,) = tree(SCREEN).all("section", css="private")
    assert lines(sheet)[1:] == ASKED_WHEN


def test_the_end_says_how_to_enter_it_and_that_a_late_one_never_clears() -> None:
    end = said(tree(SCREEN).all("section")[-1])
    assert 'withness screen FILE --late-reason "…"' in end
    assert "A screen entered more than 24 hours after it was asked can raise, but never clear: ask again." in end
    assert POLICY.reflection in end
    assert "Never held, on paper or elsewhere: progress note, safety plan, referral, mandated report" in end


@pytest.mark.parametrize(
    ("late", "words"),
    [(timedelta(hours=1), "1 hour"), (timedelta(days=3), "72 hours"), (timedelta(minutes=90), "90 minutes")],
)
def test_the_hours_are_the_policys(late: timedelta, words: str) -> None:
    assert f"entered more than {words} after" in said(tree(paper_screen(replace(POLICY, late_entry=late))))


@pytest.mark.parametrize("demo", [True, False])
def test_a_policy_without_owner_says_so_on_paper(demo: bool) -> None:
    page = paper_screen(replace(POLICY, demo=demo))
    assert ("FOR TRIALS WITH INVENTED PEOPLE ONLY" in page) is demo
    assert POLICY.version in page
    assert POLICY.digest[:12] in page


def test_a_policys_own_words_are_escaped_too() -> None:
    page = paper_screen(hostile_policy())
    assert HOSTILE in tree(page).text()
    assert {one.tag for one in tree(page).walk()} == {one.tag for one in tree(SCREEN).walk()}


def hostile_policy() -> RiskPolicy:
    first, *rest = POLICY.domains
    asked = (replace(first.questions[0], text=HOSTILE), *first.questions[1:])
    return replace(POLICY, domains=(replace(first, questions=asked), *rest))


def test_a_screen_without_further_groups_has_no_empty_ones() -> None:
    page = tree(paper_screen(replace(POLICY, integration={}, setting_items=())))
    assert not page.all("section", link="integration")
    assert not page.all("section", link="setting")


def spoken(page: str) -> list[str]:
    return [one.text() for one in tree(page).all(css="words")]


def test_the_clients_words_stand_on_paper_byte_for_byte() -> None:
    given_words = goal(words=HARD, payer_words=HARD + "payer")
    given_words["acceptance"][0]["reason"] = HARD + "reason"
    page = printed(chart(given_words, concern={"words": HARD + "concern", "problems": []}))
    assert spoken(page)[0] == HARD + "concern"
    assert [one for one in spoken(page) if one.startswith(HARD)][1:] == [HARD, HARD + "payer", HARD + "reason"]


def test_a_browser_reads_back_a_carriage_return() -> None:
    """A raw one would become a line feed (HTML standard, preprocessing of the input stream)."""
    page = printed(chart(goal(words="one\r\ntwo\rthree")))
    assert "one&#13;\ntwo&#13;three" in page
    assert "\r" not in page


@given(st.text(min_size=1, max_size=60))
def test_any_words_are_read_back_as_they_were(words: str) -> None:
    made = chart()
    page = printed(replace(made, words=words))
    assert spoken(page)[0] == re.sub("[\x00\ud800-\udfff]", "\ufffd", words)


@pytest.mark.parametrize("released", [True, False])
def test_hostile_words_add_nothing_to_the_page(released: bool) -> None:
    plain = printed(chart(goal(payer_words="payer")), released=released, notice="n")
    made = chart(
        goal(words=HOSTILE, payer_words=HOSTILE),
        concern={"words": HOSTILE, "problems": ["feeling-unheard"]},
        resources_named_by_client=[HOSTILE],
        psychoeducation={"given": HOSTILE},
    )
    page = printed(made, released=released, notice=HOSTILE)
    shape = [(one.tag, sorted(one.attributes)) for one in tree(page).walk()]
    assert shape == [(one.tag, sorted(one.attributes)) for one in tree(plain).walk()]
    assert spoken(page).count(HOSTILE) == 5


def test_words_carry_no_language_that_nobody_stated() -> None:
    for one in tree(printed()).all(css="words"):
        assert (one.attributes["lang"], one.attributes["dir"]) == ("", "auto")


def test_what_is_not_released_says_so_big_on_each_page() -> None:
    mark = "NOT RELEASED: a preview"
    root = tree(printed(chart(goal(), goal("story")), released=False))
    (header,), goals = root.all("header"), root.all("section", css="goal")
    signing = next(one for one in root.all("section") if "To sign by hand" in said(one))
    assert all([said(one) for one in part.all(css="mark")] == [mark] for part in (header, *goals, signing))
    style = root.all("style")[0].text()
    assert f'@top-center {{ content: "{mark}";' in style
    assert "position: fixed" in style[style.index("  .watermark") :]
    assert [(said(one), one.attributes["aria-hidden"]) for one in root.all(css="watermark")] == [(mark, "true")]


def test_what_is_released_says_nothing_of_the_kind() -> None:
    page = printed(released=True)
    assert "NOT RELEASED" not in page
    assert "A paper copy of a released plan" in page


@pytest.mark.parametrize("notice", ["", "For trials with invented people."])
def test_a_notice_stands_at_the_top_when_there_is_one(notice: str) -> None:
    loud = [said(one) for one in tree(printed(notice=notice)).all("header")[0].all(css="loud")]
    assert loud == ([notice] if notice else [])


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("kind", ["individual", "couple"])
def test_a_goal_says_measure_target_limit_and_responsible_as_the_chart_does(template: str, kind: str) -> None:
    made = chart(goal(template)) if kind == "individual" else replace(couple(ROSA), goals=chart(goal(template)).goals)
    (section,) = tree(printed(made)).all("section", css="goal")
    cells = {said(row.all("th")[0]): said(row.all("td")[0]) for row in section.all("tr")}
    in_chart = narrative.objective(made.goals[0].goal, made)
    assert f"{cells['Measure'].rstrip('. ')}. Target: {cells['Target']}, {cells['Time limit']}." == in_chart
    assert cells["Responsible"] == "The client"
    parts = TEMPLATES[template].measure.parts
    assert [cells[f"Part {number}"] for number in range(1, len(parts) + 1)] == [part.text for part in parts]


def test_a_goal_that_the_client_declined_keeps_the_reason() -> None:
    no = goal("story", "not this", acceptance=[{"who": ROSA, "status": "disagree", "reason": "it is\nnot mine"}])
    second = tree(printed(chart(goal(), no))).all("section", css="goal")[1]
    assert said(second).startswith("Goal 2: declined")
    assert [one.text() for one in second.all(css="words")] == ["not this", "it is\nnot mine"]


def test_a_client_who_has_not_answered_has_not_agreed() -> None:
    open_goal = goal("story", acceptance=[{"who": CLINICIAN, "status": "agree"}])
    second = said(tree(printed(chart(goal(), open_goal))).all("section", css="goal")[1])
    assert "The client: not yet agreed" in second
    assert "The clinician: agreed" in second


def test_the_fixed_sentences_are_those_of_the_chart() -> None:
    for page in (PAGES["plan"], PAGES["blank"]):
        assert [said(one) for one in tree(page).all(css="caution")] == [narrative.NO_SAFETY_PROTOCOL]
        assert [said(one) for one in tree(page).all(css="evidence")] == [narrative.EVIDENCE]
        assert "No single approach is right for everybody." in said(tree(page))
    assert narrative.OTHER_TREATMENT_ELSEWHERE in said(tree(PAGES["preview"]))


@pytest.mark.parametrize("page", ["plan", "preview", "blank"])
def test_there_is_a_line_to_sign_for_client_guardian_and_clinician(page: str) -> None:
    (table,) = [one for one in tree(PAGES[page]).all("table") if "To sign by hand" in said(one)]
    assert [said(row.all("th")[0]) for row in table.all("tr", css="sign")] == [
        "Client",
        "Parent or guardian, where there is one",
        "Clinician",
    ]


@pytest.mark.parametrize(("member", "other"), [(ROSA, BEN), (BEN, ROSA)])
def test_a_members_paper_names_no_other_member(member: str, other: str) -> None:
    """I8: one member's share of a couple's plan, and nothing of the other's."""
    page = printed(couple(member))
    assert f"voice of {member}" in page
    assert f"words of {member}" in page
    for private in (other, "shared words", "Encounter/e1", "my sister", "grief group", "about sleep"):
        assert private not in page


def test_what_was_said_of_the_frame_is_there() -> None:
    page = said(tree(printed()))
    for text in ("2026-11-21", "2027-02-19", "Conversation of 50 minutes, every week", "a diagnosis on record"):
        assert text in page
    for text in ("More structure.", "a grief group", "my sister", "about sleep", TITLES["feeling-unheard"]):
        assert text in page
    assert "Signed: The client, 2026-11-21T10:00+00:00, as consent." in page


def test_what_a_guardian_said_stands_apart_from_the_clients_own_answer() -> None:
    guardian = {"who": "RelatedPerson/anna", "for": ROSA, "status": "disagree", "reason": "not <yet>"}
    page = printed(chart(guardians=[guardian], safety_plan="DocumentReference/s1"))
    (section,) = [one for one in tree(page).all("section") if "To sign by hand" in said(one)]
    assert "Guardian (RelatedPerson/anna): declined, in these words: not <yet>" in said(section)
    assert "The client: agreed" in said(tree(page).all("section", css="goal")[0])
    assert "DocumentReference/s1" in said(tree(page))


def test_a_problem_without_a_title_keeps_its_id() -> None:
    assert "feeling-unheard" in paper_plan(chart(), title_of_problem={}, released=True, notice="")


def test_the_empty_form_offers_every_template_and_chooses_none() -> None:
    root = tree(PAGES["blank"])
    assert [said(one) for one in root.all("td") if one.text() in {t.objective for t in TEMPLATES.values()}] == [
        one.objective for one in TEMPLATES.values()
    ]
    assert "None is chosen for you" in said(root)
    assert not root.all(css="words")
    assert [said(one) for one in root.all("header")[0].all(css="mark")] == ["NOT RELEASED: a draft on paper"]
    assert all(title in said(root) for title in TITLES.values())


def test_the_empty_form_does_without_problems() -> None:
    assert "What the conversation is about" not in paper_plan_blank(TEMPLATES)


def test_jinja_is_loaded_when_a_page_is_made_and_not_before() -> None:
    code = "import sys, withness.packs.paper; sys.exit('jinja2' in sys.modules or 'markupsafe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_page_that_lacks_a_value_is_refused_without_its_words() -> None:
    with pytest.raises(InvalidContent) as refused:
        paper_page.page("plan", mark="", notice="a secret", plan=None)
    assert refused.value.field == "paper/plan.html.j2"
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("text", ["{{ x }}", "{{ ''.__class__ }}", "{{ [].append(1) }}", "{% include 'layout' %}"])
def test_a_template_reaches_nothing_but_what_it_is_given(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper_page, "_environment", paper_page._environment.__wrapped__)
    monkeypatch.setattr(paper_page, "_source", lambda name: text if name == "own.html.j2" else None)
    with pytest.raises(InvalidContent):
        paper_page.page("own")


def test_a_template_that_is_gone_is_named() -> None:
    with pytest.raises(InvalidContent) as refused:
        paper_page.page("gone")
    assert refused.value.field == "paper/gone.html.j2"
