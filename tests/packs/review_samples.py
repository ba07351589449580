"""Reviews for the tests: a course for each plan template, an own page of Rosa's, and one that Rosa and Tom share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from withness.core.achievement import Objective
from withness.core.checkin import Said, Session, Value
from withness.core.form import AnsweredBy
from withness.core.goal import AcceptanceStatus
from withness.core.progress import progress
from withness.core.review import (
    Course,
    Level,
    Point,
    Remark,
    Review,
    ReviewGoal,
    Series,
    SharedReview,
    Sharing,
    so_far,
)
from withness.core.template import Limit, LimitKind, Ratio, Target
from withness.packs.load import load_templates
from withness.packs.review_words import due_sentence

TEMPLATES = load_templates()
ROSA, TOM = "Patient/rosa", "Patient/tom"
NAMES = {ROSA: "Rosa", TOM: "Tom"}
START = date(2026, 11, 2)
WEEK = timedelta(weeks=1)
YES, NO, SKIP, OPEN = True, False, None, "open"
WORDS = "I want somebody to get it – أريد أن يفهمني أحد"

Answers = dict[str, list[Any]]


def session(number: int, *members: str) -> Session:
    """The session of week `number`, from 1."""
    at = datetime(2026, 11, 2, 9, tzinfo=UTC) + (number - 1) * WEEK
    return Session(f"Encounter/e{number}", at, at.date(), frozenset(members or (ROSA,)))


def said(number: int, measure: str, value: Any, who: str = ROSA) -> Said:
    """What was said of the session of week `number`, an hour after it began; OPEN decides nothing."""
    one = session(number)
    at = one.at + timedelta(hours=1)
    known: Value | None = None if value == OPEN else value
    response = f"{who}-{number}-{measure}"
    return Said(measure, who, one.id, at, one.day, response, AnsweredBy.CLIENT, known, open=value == OPEN)


def asked(answers: Answers, who: str = ROSA) -> list[Said]:
    """One answer of each measure for each session, from the first; an Ellipsis was not asked."""
    return [
        said(number, code, value, who)
        for code, values in answers.items()
        for number, value in enumerate(values, start=1)
        if value is not ...
    ]


TARGETS = {
    "heard": "at least 3 of 4 sessions",
    "monologue": "at least 2 instances with at least 1 by each partner",
    "story": "at least 1 account",
    "own-list": "the list is written",
    "transition": "at least 2 possibilities",
    "re-engage": "both of these",
    "shared-intake": "both of these",
}


def goal(
    template: str,
    sessions: int | Sequence[Session],
    answers: list[Said],
    *members: str,
    today: date | None = None,
    limit: Limit | None = None,
    aim: Target | None = None,
    **more: Any,
) -> ReviewGoal:
    """A template's goal as it stands the day after these sessions; `more` changes the goal."""
    one, people = TEMPLATES[template], members or (ROSA,)
    each = one.measure.each_partner if len(people) == 2 else 0
    objective = Objective(one.measure, aim or one.target, limit or one.limit, START, people, each)
    held = [session(at, *people) for at in range(1, sessions + 1)] if isinstance(sessions, int) else list(sessions)
    last = max([one.day for one in held], default=START)
    found = progress(objective, held, answers, today or last + timedelta(days=1))
    made = ReviewGoal(
        number=1,
        title=one.title,
        words=WORDS,
        payer_words="",
        objective=objective,
        target=TARGETS[template],
        limit=f"{objective.within.sentence()} (by {START + objective.within.number * WEEK}, estimated)",
        acceptance=AcceptanceStatus.AGREE,
        progress=found,
        so_far=so_far(objective, found.steps, answers),
    )
    return replace(made, **more)


def heard(*values: Any, **more: Any) -> ReviewGoal:
    """Feeling heard: one answer for each session; an Ellipsis was not asked."""
    return goal("heard", len(values), asked({"felt-understood": list(values)}), **more)


def things(*names: str) -> frozenset[str]:
    """Things that were named."""
    return frozenset(names)


def transition(*values: Any, **more: Any) -> ReviewGoal:
    """New possibilities within six weeks: what was named in each session."""
    return goal("transition", len(values), asked({"new-possibility": list(values)}), **more)


def story(*values: Any, **more: Any) -> ReviewGoal:
    """An account that the client prefers: what was told in each session."""
    return goal("story", len(values), asked({"preferred-account": list(values)}), **more)


def own_list(sessions: int, written: int | None, **more: Any) -> ReviewGoal:
    """The client's own list after so many sessions, written in one of them or in none."""
    answers = [said(written, "own-priorities-list", things("sleep"))] if written else []
    return goal("own-list", sessions, answers, **more)


def re_engage(different: list[Any], go_on: list[Any], **more: Any) -> ReviewGoal:
    """Giving therapy another chance: both parts for each session."""
    answers = asked({"feels-different": different, "agrees-to-continue": go_on})
    return goal("re-engage", len(different), answers, **more)


def shared_intake(dialogue: Value | None, reported: Value | None, **more: Any) -> ReviewGoal:
    """The first conversation as a shared inquiry."""
    answers = asked({"held-as-dialogue": [dialogue], "reported-collaborative": [reported]})
    return goal("shared-intake", 1, answers, **more)


def monologue(hers: list[Any], his: list[Any], **more: Any) -> ReviewGoal:
    """Reflecting before answering: how many by Rosa and by Tom in each session."""
    code = "reflected-before-responding"
    answers = [*asked({code: hers}), *asked({code: his}, TOM)]
    return goal("monologue", len(hers), answers, ROSA, TOM, **more)


# -- courses


def series(values: Sequence[Any], texts: dict[int, str] | None = None, who: str = "") -> Series:
    """One person's answers by level; None was skipped, an Ellipsis not asked, a text has no place on the line."""
    points = []
    for number, value in enumerate(values, start=1):
        day = session(number).day
        if isinstance(value, int):
            points.append(Point(number, day, (texts or {}).get(value, str(value)), value))
        elif value is not ...:
            points.append(Point(number, day, value or ""))
    return Series(who, tuple(points))


def fit(*people: Series) -> Course:
    """The scale of the check-in."""
    ends = (Level(0, "Not at all"), Level(10, "Just right"))
    return Course("How well did our talk fit what you needed today?", ends, people, numbered=True)


TOGETHER = {0: "Being questioned", 1: "Some of both", 2: "Talking together"}


def together(*people: Series) -> Course:
    """A choice of the check-in."""
    levels = tuple(Level(value, text) for value, text in TOGETHER.items())
    return Course("Was it more like talking together, or more like being questioned?", levels, people)


DIFFERENT = Course(
    "Does this feel different from other therapy that you know?",
    (),
    (Series("", (Point(1, START, "Yes, in a way that is hard for me"), Point(2, START + WEEK))),),
)
"""A choice whose answers are in no order."""

# -- pages


def frame(**more: Any) -> dict[str, Any]:
    """What every review has."""
    given: dict[str, Any] = {
        "title": "Collaborative therapy plan",
        "start": START,
        "review_by": date(2027, 1, 31),
        "today": date(2026, 12, 1),
        "due": due_sentence(date(2027, 1, 31), date(2026, 12, 1)),
    }
    return given | more


def own(words: str = WORDS, name: str = "Rosa", **more: Any) -> Review:
    """Rosa's own page."""
    goals = (
        heard(YES, SKIP, YES, number=1, before=heard(YES).progress, words=words, payer_words=words),
        re_engage([YES, YES], [SKIP, NO], number=2, words=words),
        own_list(2, None, number=3, words=words),
        transition(things("a course"), ..., things("a course"), things("asking Inés"), number=4, words=words),
        heard(number=5, words=words, payer_words=words, acceptance=AcceptanceStatus.PENDING),
        story(number=6, words=words, acceptance=AcceptanceStatus.DISAGREE),
    )
    given: dict[str, Any] = {
        "member": name,
        "goals": goals,
        "courses": (
            fit(series([4, 6, None, 7, 9])),
            together(series([1, 2, None, "I am not sure", 2], TOGETHER)),
            DIFFERENT,
        ),
        "remarks": (
            Remark(session(2).day, "What did I miss, or not get right?", words),
            Remark(session(3).day, "Anything else you want to say, in your own words", "It is easier to talk now."),
        ),
        "notices": ("A copy for you to keep.",),
    }
    return Review(**frame(**(given | more)))


def shared(words: str = WORDS, names: tuple[str, str] = ("Rosa", "Tom"), **more: Any) -> SharedReview:
    """A page that Rosa and Tom agreed to be shown on, together, with the answers that they marked."""
    given: dict[str, Any] = {
        "members": (Sharing(ROSA, names[0], True, True), Sharing(TOM, names[1], True, True)),
        "goals": (monologue([1, 0, 0], [0, None, 0], number=1, words=words),),
        "courses": (
            fit(series([4, 6, None, 7, 9], who=ROSA), series([6, 6, 5, 7, ...], who=TOM)),
            together(series([1, 2, 2], TOGETHER, ROSA), series([0, None, 2], TOGETHER, TOM)),
        ),
    }
    return SharedReview(**frame(**(given | more)))


def for_the_docs() -> Review:
    """A page to show: one goal that is still open, and two courses."""
    goal = heard(YES, SKIP, YES, before=heard(YES).progress, words="I want somebody to get it.")
    courses = (fit(series([4, 6, 9])), together(series([1, "I am not sure", 2], TOGETHER)))
    remarks = (Remark(session(3).day, "Anything else you want to say, in your own words", "It is easier to talk now."),)
    day = session(3).day + timedelta(days=1)
    return own(goals=(goal,), courses=courses, notices=(), remarks=remarks, today=day)


def every_state() -> Review:
    """An own page with each state of each template, and courses that are short, long and empty."""
    made = [*(make() for make in GOALS.values()), *(heard(acceptance=one) for one in AcceptanceStatus)]
    goals = (replace(one, number=number) for number, one in enumerate(made, start=1))
    long = series([(number * 7) % 11 if number % 5 else None for number in range(1, 21)])
    none = (fit(series([])), fit(series([None, None])))
    return own(goals=tuple(goals), courses=(fit(series([5])), fit(long), *none, DIFFERENT))


GOALS = {
    "heard, nothing yet": heard,
    "heard, still open": lambda: heard(YES, SKIP, YES),
    "heard, left open": lambda: heard(OPEN, YES, OPEN, today=session(3).day),
    "heard, early": lambda: heard(YES, YES, YES),
    "heard, not measured": lambda: heard(YES, ..., NO, SKIP),
    "heard, to be measured no more": lambda: heard(YES, SKIP, NO),
    "heard, out of reach": lambda: heard(NO, YES, NO),
    "heard, over": lambda: heard(NO, YES, NO, NO),
    "heard, twenty sessions": lambda: heard(*[YES, NO] * 9, limit=Limit(LimitKind.SESSIONS, 20), aim=Ratio(12, 20)),
    "heard, in a row": lambda: heard(YES, NO, NO, YES, limit=Limit(LimitKind.SESSIONS, 6)),
    "monologue, one partner": lambda: monologue([1, 0, 2], [0, None, 0]),
    "monologue, not noted": lambda: monologue([0, None, ..., 0], [0, 0, ..., 1]),
    "monologue, reached": lambda: monologue([1, 0], [0, 1]),
    "monologue, over": lambda: monologue([1, 0, 0, 0, 0, 1], [0] * 6),
    "story, still open": lambda: story(SKIP, ...),
    "story, reached": lambda: story(SKIP, ..., things("I am a gardener")),
    "own-list, due": lambda: own_list(2, None),
    "own-list, written": lambda: own_list(3, 2),
    "own-list, nothing written": lambda: own_list(3, None),
    "own-list, late": lambda: own_list(4, 4),
    "transition, still open": lambda: transition(things("a course"), SKIP),
    "transition, the same one twice": lambda: transition(*[things("a course")] * 2, things("asking Inés")),
    "transition, over": lambda: transition(things("a course"), today=date(2027, 3, 1)),
    "transition, nothing yet": transition,
    "re-engage, a mind changed": lambda: re_engage([YES, SKIP], [YES, NO]),
    "re-engage, half of it": lambda: re_engage([YES], [SKIP]),
    "re-engage, left open": lambda: re_engage([OPEN, SKIP], [SKIP, OPEN]),
    "shared-intake, reached": lambda: shared_intake(YES, YES),
    "shared-intake, skipped": lambda: shared_intake(YES, SKIP),
}
"""The states of all seven templates, by name."""
