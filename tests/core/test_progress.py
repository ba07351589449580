"""How far a goal has come: worked examples of every plan template, and what holds for all of them.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from withness.core.achievement import Achievement, Mark, Objective, Progress
from withness.core.checkin import AT_HOME, FIRST_SESSION, Filled, Meeting, Said, Session, Value, gather
from withness.core.form import AnsweredBy
from withness.core.progress import progress
from withness.core.template import Count, Limit, LimitKind, Ratio
from withness.packs.load import load_templates

TEMPLATES = load_templates()
ROSA, TOM = "Patient/rosa", "Patient/tom"
START = date(2026, 11, 2)
WEEK = timedelta(weeks=1)
LATER = START + 52 * WEEK
IN, ACHIEVED, NOT_MEASURED, NOT_ATTAINABLE, NOT_ACHIEVED = Achievement

HEARD, COLLABORATIVE = "felt-understood", "reported-collaborative"
DIFFERENT, GO_ON, DIALOGUE = "feels-different", "agrees-to-continue", "held-as-dialogue"
REFLECTED, STORY, NEW, LIST = (
    "reflected-before-responding",
    "preferred-account",
    "new-possibility",
    "own-priorities-list",
)


def objective(template: str, *members: str, **more: Any) -> Objective:
    """What a template proposes, as an objective of Rosa's (or of these)."""
    one = TEMPLATES[template]
    each = one.measure.each_partner if len(members) == 2 else 0
    return Objective(one.measure, one.target, one.limit, START, members or (ROSA,), **{"each": each, **more})


def session(number: int, *members: str) -> Session:
    """The session of week `number`, from 1."""
    at = datetime(2026, 11, 2, 9, tzinfo=UTC) + (number - 1) * WEEK
    return Session(f"Encounter/e{number}", at, at.date(), frozenset(members or (ROSA,)))


def said(number: int, measure: str, value: Value | None, who: str = ROSA, *, minutes: int = 50, **more: Any) -> Said:
    """What was said of the session of week `number`, so many minutes after it began."""
    one = session(number)
    at = one.at + timedelta(minutes=minutes)
    by = AnsweredBy.CLINICIAN if measure in (REFLECTED, DIALOGUE) else AnsweredBy.CLIENT
    made = Said(measure, who, one.id, at, at.date(), f"{who}-{number}-{measure}-{minutes}", by, value)
    return replace(made, **more)


def course(measure: str, values: Sequence[Value | None], who: str = ROSA) -> list[Said]:
    """One answer for each session, from the first."""
    return [said(number, measure, value, who) for number, value in enumerate(values, start=1)]


def things(*names: str) -> frozenset[str]:
    return frozenset(names)


def held(number: int, *members: str) -> list[Session]:
    """The first so many sessions."""
    return [session(one, *members) for one in range(1, number + 1)]


def after(template: str, sessions: list[Session], answers: list[Said], today: date = LATER, **more: Any) -> Progress:
    return progress(objective(template, **more), sessions, answers, today)


# -- worked examples

YES, NO, SKIP = True, False, None

HEARD_EXAMPLES: dict[str, tuple[list[bool | None], Achievement, int, int | None]] = {
    "nothing yet": ([], IN, 0, 4),
    "three of three: early": ([YES, YES, YES], ACHIEVED, 3, 1),
    "three of four": ([YES, NO, YES, YES], ACHIEVED, 3, 0),
    "two of three, one to come": ([YES, NO, YES], IN, 2, 1),
    "two of four": ([YES, NO, NO, YES], NOT_ACHIEVED, 2, 0),
    "two no's: out of reach, the window is open": ([NO, YES, NO], NOT_ATTAINABLE, 1, 1),
    "one skipped that could have decided it": ([YES, SKIP, NO, YES], NOT_MEASURED, 2, 0),
    "one skipped that could not": ([NO, SKIP, NO, YES], NOT_ACHIEVED, 1, 0),
    "one skipped, reached all the same": ([YES, SKIP, YES, YES], ACHIEVED, 3, 0),
    "all skipped": ([SKIP, SKIP, SKIP, SKIP], NOT_MEASURED, 0, 0),
    "two skipped: what is to come cannot decide it any more": ([SKIP, SKIP], NOT_MEASURED, 0, 2),
    "a fifth session does not count": ([YES, NO, NO, YES, YES], NOT_ACHIEVED, 2, 0),
}


@pytest.mark.parametrize("name", HEARD_EXAMPLES)
def test_heard(name: str) -> None:
    """At least 3 of 4 sessions. Planted: a skipped answer taken for a no; a fifth session counted; both caught."""
    values, status, now, left = HEARD_EXAMPLES[name]
    found = after("heard", held(len(values)), course(HEARD, values))
    assert (found.status, found.now, found.needed, found.left) == (status, now, 3, left)
    assert found.early is (name.endswith("early"))


def test_a_window_with_more_sessions_than_the_ratio_asks_for() -> None:
    """3 of 4 that follow one another, within 6. Planted: any four of the six; caught."""
    wide = replace(objective("heard"), within=Limit(LimitKind.SESSIONS, 6))
    scattered = course(HEARD, [YES, NO, NO, YES, NO, YES])
    assert progress(wide, held(6), scattered, LATER).status is NOT_ACHIEVED
    together = course(HEARD, [NO, NO, YES, YES, NO, YES])
    assert progress(wide, held(6), together, LATER).status is ACHIEVED


def test_the_last_sessions_day_is_waited_for() -> None:
    """Its check-in may still be on its way. Planted: the window closed by the session alone; caught."""
    answers = course(HEARD, [YES, NO, YES])
    assert after("heard", held(4), answers, today=session(4).day).status is IN
    assert after("heard", held(4), answers, today=session(4).day + timedelta(days=1)).status is NOT_MEASURED
    whole = [*answers, said(4, HEARD, NO)]
    assert after("heard", held(4), whole, today=session(4).day).status is NOT_ACHIEVED


COUPLE = (ROSA, TOM)
MONOLOGUE_EXAMPLES: dict[str, tuple[list[Value | None], list[Value | None], Achievement, tuple[str, ...]]] = {
    "one each": ([1], [1], ACHIEVED, ()),
    "one each, weeks apart": ([0, 0, 1], [1, 0, 0], ACHIEVED, ()),
    "two by one": ([2, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], NOT_ACHIEVED, (TOM,)),
    "two by one so far": ([2], [0], IN, (TOM,)),
    "the other was not watched for once": ([2, 0, 0, 0, 0, 0], [0, 0, None, 0, 0, 0], NOT_MEASURED, (TOM,)),
    "who has enough was not watched for": ([1, None, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], NOT_ACHIEVED, (TOM,)),
    "nobody watched": ([None] * 6, [None] * 6, NOT_MEASURED, (ROSA, TOM)),
}


@pytest.mark.parametrize("name", MONOLOGUE_EXAMPLES)
def test_monologue(name: str) -> None:
    """Two in all, at least one by each partner. Planted: the partners' share not looked at; caught."""
    hers, his, status, missing = MONOLOGUE_EXAMPLES[name]
    answers = [*course(REFLECTED, hers), *course(REFLECTED, his, TOM)]
    found = progress(objective("monologue", *COUPLE), held(len(hers), *COUPLE), answers, LATER)
    assert (found.status, found.missing) == (status, missing)


def test_who_came_alone_uses_up_no_session_of_two() -> None:
    """Nobody reflects another's meaning alone. Planted: each member's session counted for both; caught."""
    sessions = [*held(2, *COUPLE), *(session(number, ROSA) for number in range(3, 9))]
    answers = [*course(REFLECTED, [2, 0]), *course(REFLECTED, [0, 0], TOM)]
    found = progress(objective("monologue", *COUPLE), sessions, answers, LATER)
    assert (found.status, found.left, len(found.steps)) == (IN, 4, 2)
    alone = progress(objective("heard", TOM), sessions, course(HEARD, [YES, YES], TOM), LATER)
    assert alone.steps[-1].marks == {HEARD: Mark.ABSENT}


FAMILY = (ROSA, TOM, "Patient/kim")


def test_in_a_family_anybody_may_have_done_it() -> None:
    """At least one by each is a couple's rule. Planted: asked of a small child, too; caught."""
    found = progress(objective("monologue", *FAMILY), held(1, *FAMILY), [said(1, REFLECTED, 2)], START)
    assert found.status is ACHIEVED


STORY_EXAMPLES: dict[str, tuple[list[Value | None], Achievement]] = {
    "one in the third session": ([None, None, things("I am a gardener")], ACHIEVED),
    "none written": ([None] * 8, NOT_MEASURED),
    "none so far": ([None] * 7, IN),
    "one too late": ([*[None] * 8, things("late")], NOT_MEASURED),
}


@pytest.mark.parametrize("name", STORY_EXAMPLES)
def test_story(name: str) -> None:
    """At least one account; that there need not be one makes an empty field no zero. Planted: empty as 0; caught."""
    values, status = STORY_EXAMPLES[name]
    assert after("story", held(len(values)), course(STORY, values)).status is status


def written(day: date, value: Value | None, encounter: str | None = None) -> Said:
    """A list that was written on this day."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return Said(LIST, ROSA, encounter, at, day, f"list-{day}", AnsweredBy.TOGETHER, value)


LIST_EXAMPLES: dict[str, tuple[int, list[Said], Achievement]] = {
    "in session 2": (2, [written(session(2).day, things("sleep"), "Encounter/e2")], ACHIEVED),
    "in session 3": (3, [written(session(3).day, things("sleep"), "Encounter/e3")], ACHIEVED),
    "in session 4": (4, [written(session(4).day, things("sleep"), "Encounter/e4")], NOT_MEASURED),
    "before the first": (0, [written(START, things("sleep"))], ACHIEVED),
    "between 2 and 3": (3, [written(session(2).day + timedelta(days=2), things("sleep"))], ACHIEVED),
    "two days after session 3": (3, [written(session(3).day + timedelta(days=2), things("sleep"))], NOT_MEASURED),
    "late, after an empty one": (
        4,
        [written(START, frozenset()), written(session(4).day, things("sleep"))],
        NOT_MEASURED,
    ),
    "nothing on it yet, and the time is over": (3, [written(session(2).day, frozenset())], NOT_ACHIEVED),
    "handed out and left empty": (3, [written(session(2).day, None)], NOT_MEASURED),
    "nothing yet, one session to come": (2, [written(session(2).day, frozenset())], IN),
}


@pytest.mark.parametrize("name", LIST_EXAMPLES)
def test_own_list(name: str) -> None:
    """The list is there by session 3. Planted: the day after session 3 in time; an empty form as a no; both caught."""
    number, answers, status = LIST_EXAMPLES[name]
    found = after("own-list", held(number), answers)
    assert found.status is status
    assert (found.late is not None) is (
        name in ("in session 4", "two days after session 3", "late, after an empty one")
    )


def test_transition() -> None:
    """Two possibilities within six weeks, each thing once. Planted: the same one twice; the 43rd day; both caught."""
    one, two = things("a course in the evening"), things("asking Inés")
    twice = [said(1, NEW, one), said(2, NEW, one)]
    assert after("transition", held(2), twice, today=START + 2 * WEEK).status is IN
    assert after("transition", held(2), twice).status is NOT_ACHIEVED
    both = [said(1, NEW, one), said(2, NEW, None), said(3, NEW, two)]
    found = after("transition", held(3), both)
    assert (found.status, found.on, found.until, found.left) == (ACHIEVED, session(3).day, START + 6 * WEEK, None)
    assert after("transition", held(8), [said(1, NEW, one), said(8, NEW, two)]).status is NOT_MEASURED
    assert after("transition", held(7), [said(1, NEW, one), said(7, NEW, two)]).status is ACHIEVED


def test_what_stands_on_both_lists_is_one_thing() -> None:
    """The client's words and the therapist's are not added up. Planted: added; caught."""
    hers = said(1, NEW, things("a course"))
    seen = said(1, NEW, things("evening school"), by=AnsweredBy.CLINICIAN, minutes=55)
    assert after("transition", held(1), [hers, seen], today=START).now == 1


RE_ENGAGE_EXAMPLES: dict[str, tuple[list[bool | None], list[bool | None], Achievement, tuple[str, ...]]] = {
    "both in the first": ([YES], [YES], ACHIEVED, ()),
    "one in each": ([YES, SKIP], [NO, YES], ACHIEVED, ()),
    "different, and does not go on": ([YES, YES], [NO, NO], NOT_ACHIEVED, (GO_ON,)),
    "a mind changed": ([YES, SKIP], [YES, NO], NOT_ACHIEVED, (GO_ON,)),
    "a no, then nothing": ([YES, YES], [NO, SKIP], NOT_MEASURED, (GO_ON,)),
    "one skipped, the other a no": ([SKIP, SKIP], [NO, NO], NOT_ACHIEVED, (DIFFERENT, GO_ON)),
    "half of it, one session to come": ([YES], [SKIP], IN, (GO_ON,)),
}


@pytest.mark.parametrize("name", RE_ENGAGE_EXAMPLES)
def test_re_engage(name: str) -> None:
    """Both parts; the last word counts. Planted: any yes for good; one part alone; both caught."""
    different, go_on, status, missing = RE_ENGAGE_EXAMPLES[name]
    answers = [*course(DIFFERENT, different), *course(GO_ON, go_on)]
    found = after("re-engage", held(len(different)), answers)
    assert (found.status, found.missing) == (status, missing)


@pytest.mark.parametrize(
    ("dialogue", "reported", "status"),
    [
        (YES, YES, ACHIEVED),
        (YES, NO, NOT_ACHIEVED),
        (NO, YES, NOT_ACHIEVED),
        (YES, SKIP, NOT_MEASURED),
        (SKIP, NO, NOT_ACHIEVED),
        (SKIP, SKIP, NOT_MEASURED),
    ],
)
def test_shared_intake(dialogue: bool | None, reported: bool | None, status: Achievement) -> None:
    """Both in the first session; what a second one brings is too late. Planted: the window not closed; caught."""
    answers = [said(1, DIALOGUE, dialogue), said(1, COLLABORATIVE, reported), said(2, COLLABORATIVE, YES)]
    assert after("shared-intake", held(2), answers).status is status


def test_the_first_session_is_the_one_that_was_ticked() -> None:
    """However long before the plan it was. Planted: the plan's own first day asked; caught."""
    intake = replace(session(1), id="Encounter/intake", day=START - timedelta(days=7), at=session(1).at - WEEK)
    first = [
        replace(said(1, code, YES), session=intake.id, at=intake.at, day=intake.day)
        for code in (DIALOGUE, COLLABORATIVE, FIRST_SESSION)
    ]
    later = [said(1, COLLABORATIVE, NO)]
    assert after("shared-intake", [intake, *held(2)], [*first, *later]).status is ACHIEVED
    assert after("shared-intake", [intake, *held(2)], [*first[:2], *later]).status is NOT_ACHIEVED


def test_what_decides_nothing_is_left_open() -> None:
    """ "I am not sure" is neither skipped nor a no. Planted: shown as skipped; caught."""
    found = after("heard", held(1), [said(1, HEARD, None, open=True)])
    assert found.steps[0].marks == {HEARD: Mark.OPEN}
    assert after(
        "heard", held(4), [said(1, HEARD, None, open=True), *course(HEARD, [SKIP, YES, YES, NO])[1:]]
    ).status is (NOT_MEASURED)


def test_two_questions_of_one_response_may_meet_a_part() -> None:
    """Different or collaborative: either does. Planted: the later question's no taken for the last word; caught."""
    same = said(1, DIFFERENT, NO)
    both = [same, replace(same, value=True), said(1, GO_ON, YES)]
    assert after("re-engage", held(1), both).status is ACHIEVED
    assert after("re-engage", held(1), both[::-1]).status is ACHIEVED


def test_the_session_in_which_the_plan_was_made_counts() -> None:
    """It may lie before the plan's first day. Planted: the start alone asked; caught."""
    early = replace(session(1), day=START - timedelta(days=3), at=session(1).at - timedelta(days=3))
    answers = [said(1, DIALOGUE, YES), said(1, COLLABORATIVE, YES)]
    assert after("shared-intake", [early], answers, first=early.id).status is ACHIEVED
    assert after("shared-intake", [early], answers).status is IN


# -- what holds for all of them


def test_two_check_ins_of_one_session_are_one_session() -> None:
    """The last word counts, and a skipped one takes nothing back. Planted: two marks of one session; caught."""
    answers = [said(1, HEARD, NO, minutes=50), said(1, HEARD, YES, minutes=60), said(1, HEARD, None, minutes=70)]
    found = after("heard", held(1), answers)
    assert (found.now, len(found.steps), found.steps[0].marks) == (1, 1, {HEARD: Mark.MET})
    corrected = [*answers, said(1, HEARD, NO, minutes=80)]
    assert after("heard", held(1), corrected).now == 0


@pytest.mark.parametrize("template", TEMPLATES)
def test_without_a_check_in_nothing_is_achieved_and_nothing_is_failed(template: str) -> None:
    """Planted: a window that ran out called not achieved; caught."""
    found = after(template, held(9), [])
    assert found.status is NOT_MEASURED
    assert all(one in (Mark.NOT_ASKED,) for step in found.steps for one in step.marks.values())


CODES = {
    "heard": (HEARD,),
    "monologue": (REFLECTED,),
    "story": (STORY,),
    "own-list": (LIST,),
    "transition": (NEW,),
    "re-engage": (DIFFERENT, GO_ON),
    "shared-intake": (DIALOGUE, COLLABORATIVE),
}
RANK = {NOT_ACHIEVED: 0, NOT_ATTAINABLE: 1, NOT_MEASURED: 2, IN: 3, ACHIEVED: 4}
NAMES = st.frozensets(st.sampled_from(("sleep", "Inés", "a course", "the allotment")), max_size=3)


def values(code: str) -> st.SearchStrategy[Value | None]:
    if code == REFLECTED:
        return st.one_of(st.none(), st.integers(0, 3))
    if code in (STORY, NEW):
        return st.one_of(st.none(), NAMES.filter(bool))
    return st.one_of(st.none(), NAMES) if code == LIST else st.one_of(st.none(), st.booleans())


@st.composite
def lives(draw: st.DrawFn) -> tuple[str, list[Session], list[Said]]:
    """Sessions and check-ins of one goal, in any order, some sessions without, some with two."""
    template = draw(st.sampled_from(sorted(CODES)))
    number = draw(st.integers(1, 10))
    answers = [
        said(draw(st.integers(1, number)), code, draw(values(code)), minutes=draw(st.integers(1, 900)))
        for code in CODES[template]
        for _ in range(draw(st.integers(0, 8)))
    ]
    told = [replace(one, response=f"r{number}") for number, one in enumerate(answers)]
    return template, held(number), draw(st.permutations(told))


@given(lives(), st.randoms())
def test_the_order_of_arrival_changes_nothing(life: tuple[str, list[Session], list[Said]], chance: Any) -> None:
    """Planted: the last one to arrive taken for the last word; caught."""
    template, sessions, answers = life
    found = after(template, sessions, answers)
    chance.shuffle(sessions)
    chance.shuffle(answers)
    assert after(template, sessions, answers) == found


@given(lives(), st.integers(1, 10), st.integers(1, 900), st.integers(0, 50))
def test_a_check_in_that_agrees_never_lowers(
    life: tuple[str, list[Session], list[Said]], number: int, minutes: int, days: int
) -> None:
    """For a session that took place, each part met, whenever it comes. Planted: the first word counts; caught."""
    template, sessions, answers = life
    today = sessions[-1].day + timedelta(days=days)
    number = min(number, len(sessions))
    agreeing: dict[str, Value] = {
        code: 9
        if code == REFLECTED
        else things("one of its own", "another one")
        if code in (STORY, NEW, LIST)
        else True
        for code in CODES[template]
    }
    more = [said(number, code, value, minutes=minutes) for code, value in agreeing.items()]
    before, now = after(template, sessions, answers, today), after(template, sessions, [*answers, *more], today)
    assert RANK[now.status] >= RANK[before.status]
    assert now.now >= before.now


def test_a_target_that_was_never_agreed_is_never_counted() -> None:
    """A count of two reached by one is not two. Planted: any instance is enough; caught."""
    story = replace(objective("story"), target=Count(2))
    assert progress(story, held(1), [said(1, STORY, things("a"))], START).status is IN
    heard = replace(objective("heard"), target=Ratio(4, 4))
    assert progress(heard, held(3), course(HEARD, [YES, YES, YES]), START).status is IN


# -- which sessions took place


def met(number: int, who: str = ROSA, **more: Any) -> Meeting:
    one = session(number)
    return replace(Meeting(one.id, who, one.at, one.day, held=True, ours=True), **more)


def filled(number: int, who: str = ROSA, encounter: str | None = None, hours: int = 1, response: str = "") -> Filled:
    one = session(number)
    at = one.at + timedelta(hours=hours)
    named = one.id if encounter is None else encounter
    return Filled(response or f"{who}-{number}-{hours}", who, named, at, at.date())


def test_an_encounter_and_its_check_in_are_one_session() -> None:
    found = gather([met(1), met(2)], [filled(1)])
    assert [one.id for one in found.held] == ["Encounter/e1", "Encounter/e2"]


def test_a_cancelled_session_never_counts() -> None:
    """Nor does a check-in of it. Planted: the check-in's own session made; caught."""
    found = gather([met(1, held=False), met(2)], [filled(1)])
    assert [one.id for one in found.held] == ["Encounter/e2"]
    assert found.of == {}


def test_a_visit_to_somebody_else_is_no_session() -> None:
    """Unless a check-in names it. Planted: every Encounter counted; caught."""
    assert gather([met(1, ours=False)], []).held == ()
    assert len(gather([met(1, ours=False)], [filled(1)]).held) == 1


def test_a_form_that_was_filled_in_at_home_belongs_to_the_session_before() -> None:
    """Planted: a session of its own day; caught."""
    found = gather([met(1), met(2)], [filled(1, encounter="", hours=30, response="home")])
    assert (len(found.held), found.of["home"]) == (2, "Encounter/e1")


def test_a_form_from_long_after_is_a_session_of_its_own() -> None:
    """An EHR may not hold every Encounter. Planted: the last Encounter for ever; caught."""
    late = int(AT_HOME.total_seconds() // 3600) + 24
    found = gather([met(1)], [filled(1, encounter="", hours=late, response="late")])
    assert (len(found.held), found.of["late"]) == (2, f"day/{(session(1).at + timedelta(hours=late)).date()}/{ROSA}")


def test_partners_encounters_need_not_begin_at_the_same_moment() -> None:
    """Two of one person are two sessions. Planted: compared to the minute; one person's merged; both caught."""
    apart = met(1, TOM, id="Encounter/t1", at=session(1).at + timedelta(minutes=9))
    assert len(gather([met(1), apart], []).held) == 1
    again = met(1, id="Encounter/again", at=session(1).at + timedelta(minutes=20))
    assert len(gather([met(1), again], []).held) == 2
    later = met(1, TOM, id="Encounter/t1", at=session(1).at + timedelta(minutes=30))
    assert len(gather([met(1), later], []).held) == 2
    elsewhere = met(1, TOM, id="Encounter/t1", ours=False)
    assert len(gather([met(1), elsewhere], [filled(1, TOM, "Encounter/t1")]).held) == 2


def test_without_encounters_only_what_was_seen_together_is_one_session() -> None:
    """Two people may come on one day, each alone. Planted: a day of several people as one session; caught."""
    alone = [filled(1, who, encounter="", response=who) for who in COUPLE]
    assert len(gather([], alone).held) == 2
    seen = [replace(filled(1, who, encounter="", response=f"seen {who}"), seen=True) for who in COUPLE]
    [one] = gather([], [*alone, *seen]).held
    assert one.members == set(COUPLE)


def test_without_encounters_each_day_is_a_session() -> None:
    found = gather(
        [],
        [
            filled(1, encounter="", response="a"),
            filled(1, encounter="", hours=2, response="b"),
            filled(2, encounter="", response="c"),
        ],
    )
    assert [sorted(id for id, of in found.of.items() if of == one.id) for one in found.held] == [["a", "b"], ["c"]]


def test_two_partners_own_encounters_of_one_hour_are_one_session() -> None:
    """Each chart has its own (FHIR facts 2.4). Planted: counted twice; caught."""
    found = gather([met(1), met(1, TOM, id="Encounter/t1")], [filled(1, TOM, encounter="Encounter/t1")])
    [one] = found.held
    assert one.members == {ROSA, TOM}
    assert set(found.of.values()) == {one.id}


@given(
    st.permutations([met(1), met(2), met(3, held=False), met(1, TOM, id="Encounter/t1")]),
    st.permutations([filled(1), filled(2, hours=30, encounter=""), filled(3), filled(1, TOM, "Encounter/t1")]),
)
def test_sessions_are_the_same_in_whatever_order_they_became_known(
    meetings: list[Meeting], answers: list[Filled]
) -> None:
    assert gather(meetings, answers) == gather(sorted(meetings, key=lambda one: one.id), answers[::-1])
