"""What a review page holds, from a plan's goals and its members' check-ins: each one's own, or all who agreed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from withness.core.achievement import Objective, Progress
from withness.core.checkin import Session
from withness.core.decline import Raised
from withness.core.form import Answered, FormItem, ItemKind
from withness.core.goal import AcceptanceStatus
from withness.core.plan import ChartGoal, ChartPlan, charts
from withness.core.progress import progress
from withness.core.review import Course, Level, Point, Remark, Review, ReviewGoal, Series, SharedReview, Sharing, so_far
from withness.desk.context import Context
from withness.desk.draft import read_draft
from withness.desk.goals import Known, Response, Tracked, told, tracked
from withness.packs.paper_plan import paper_goal
from withness.packs.review_words import due_sentence
from withness.store.rows import PlanRow

TITLE: Final = "Collaborative therapy plan"
CLIENTS: Final = "session-check-in"
OWN_WORDS: Final = (CLIENTS, "own-priorities")
"""The forms in which a client writes."""

_WORDS: Final = (ItemKind.WORDS, ItemKind.LINE)


@dataclass(frozen=True)
class Material:
    """What a page is made from: a plan, what is known of its members, their names, and the days that matter."""

    context: Context
    row: PlanRow
    known: Mapping[str, Known]
    names: Mapping[str, str]
    due: date
    today: date

    def chart(self, member: str) -> ChartPlan:
        """Return the member's own share of the plan."""
        plan = read_draft(self.row.content["draft"], self.context.templates)
        return next(one for one in charts(plan) if one.member == member)

    def goals(self, member: str) -> tuple[ReviewGoal, ...]:
        """Return the goals of one member's chart, each with how far it had come at the last review."""
        chart, last = self.chart(member), max(reviewed_on(self.row, member), default=None)
        found = [_goal(chart, one, last) for one in tracked(self.context, self.row, member, self.known)]
        found += [
            _not_agreed(chart, one, self.today) for one in chart.goals if one.status is not AcceptanceStatus.AGREE
        ]
        return tuple(sorted(found, key=lambda one: one.number))

    def frame(self, member: str) -> dict[str, Any]:
        """Return what stands on either page about the plan itself."""
        frame = self.chart(member).frame
        said = due_sentence(self.due, self.today)
        return {"title": TITLE, "start": frame.start, "review_by": frame.review_by, "today": self.today, "due": said}


def own_page(made: Material, member: str) -> Review:
    """Return one member's own page."""
    return Review(
        member=made.names.get(member, ""),
        goals=made.goals(member),
        courses=courses_of(made.known[member], member, since=made.chart(member).frame.start),
        remarks=tuple(_remarks(made.known[member], "")),
        **made.frame(member),
    )


def shared_page(made: Material, everybody: Sequence[str], charts: Sequence[str], *, answers: bool) -> SharedReview:
    """Return the page for all, who each agreed: what they do together; and, where each agreed a second time, answers.

    `charts` are those of them whose chart holds a share. Each one's own goals and words stay on their own page.
    """
    together: dict[int, ReviewGoal] = {}
    for who in charts:
        together |= {one.number: one for one in made.goals(who) if len(one.objective.members) > 1}
    asked: dict[str, tuple[FormItem, list[Series]]] = {}
    held, _, places = told({who: made.known[who] for who in everybody})
    start = made.chart(charts[0]).frame.start
    sessions = [one for one in held if one.day >= start and len(one.members.intersection(everybody)) > 1]
    for who in everybody if answers else ():
        for item, points in _answers(made.known[who], sessions, places):
            asked.setdefault(item.link, (item, []))[1].append(Series(who, points))
    people = (Sharing(who, made.names.get(who) or who, agreed=True, answers=answers) for who in everybody)
    return SharedReview(
        members=tuple(people),
        goals=tuple(together[number] for number in sorted(together)),
        courses=tuple(_course(item, series) for item, series in asked.values()),
        **made.frame(charts[0]),
    )


def reviews_of(row: PlanRow) -> Sequence[Mapping[str, Any]]:
    """Return what is noted of each time that a plan was looked back on, the oldest first."""
    found: Sequence[Mapping[str, Any]] = row.content.get("reviews", ())
    return found


def reviewed_on(row: PlanRow, member: str) -> tuple[date, ...]:
    """Return the days on which a plan was looked back on with this member, the oldest first."""
    return tuple(date.fromisoformat(one["day"]) for one in reviews_of(row) if member in one["of"])


# -- goals


def _goal(chart: ChartPlan, one: Tracked, last: date | None) -> ReviewGoal:
    number = one.chart_goal.number + 1
    counted_from = replace(chart, frame=replace(chart.frame, start=one.objective.start))
    said = paper_goal(one.chart_goal, counted_from, number)
    return ReviewGoal(
        number=number,
        title=said.title,
        words=said.words,
        payer_words=said.payer_words,
        objective=one.objective,
        target=said.target,
        limit=said.limit,
        acceptance=one.chart_goal.status,
        progress=one.progress,
        so_far=so_far(one.objective, one.progress.steps, one.said),
        before=None if last is None or one.objective.start >= last else _before(one, last),
    )


def _not_agreed(chart: ChartPlan, one: ChartGoal, today: date) -> ReviewGoal:
    """Return a goal that the member has not agreed to: shown, and not counted."""
    goal, said = one.goal, paper_goal(one, chart, one.number + 1)
    objective = Objective(goal.template.measure, goal.target, goal.within, chart.frame.start, (chart.member,))
    return ReviewGoal(
        number=one.number + 1,
        title=said.title,
        words=said.words,
        payer_words=said.payer_words,
        objective=objective,
        target=said.target,
        limit=said.limit,
        acceptance=one.status,
        progress=progress(objective, (), (), today),
        so_far=(),
    )


def _before(one: Tracked, day: date) -> Progress:
    """Return how far a goal had come by a day, from what was said until then."""
    sessions = [session for session in one.sessions if session.day <= day]
    said = [word for word in one.said if word.day <= day]
    return progress(one.objective, sessions, said, day)


# -- answers


def courses_of(known: Known, who: str, *, since: date = date.min) -> tuple[Course, ...]:
    """Return one person's own answers to each question, over the sessions `since` a day, numbered from 1."""
    held, _, places = told({who: known})
    sessions = [one for one in held if one.day >= since]
    return tuple(_course(item, [Series("", points)]) for item, points in _answers(known, sessions, places))


def raised_by(known: Known, who: str) -> tuple[Raised, ...]:
    """Return the answers that a clinician is always told of: of each question the last one, which no skipping hides."""
    last: dict[str, Raised | None] = {}
    for response in sorted(known.responses, key=lambda one: (one.day, one.at, one.id)):
        for item, _ in response.form.walk() if response.form.id == CLIENTS else ():
            option = response.answers.chosen(item)
            if option is not None:
                last[item.link] = Raised(item.text, option.text) if option.told else None
    return tuple(one for one in last.values() if one is not None)


def _answers(
    known: Known, sessions: Sequence[Session], places: Mapping[str, str]
) -> Iterator[tuple[FormItem, tuple[Point, ...]]]:
    """Yield each question of the client's check-in that has marked answers, with this person's by session."""
    numbers = {one.id: number for number, one in enumerate(sessions, start=1)}
    mine = sorted((one for one in known.responses if one.form.id == CLIENTS), key=lambda one: (one.at, one.id))
    placed = [(one, numbers[places[one.id]]) for one in mine if places.get(one.id) in numbers]
    for item in _ordered_questions([one for one, _ in placed]):
        last: dict[int, Point] = {}
        for response, place in placed:
            point = _point(item, response, place, sessions[place - 1].day)
            last[place] = point if point.text or place not in last else last[place]
        yield item, tuple(last[place] for place in sorted(last))


def _ordered_questions(responses: Sequence[Response]) -> Iterator[FormItem]:
    for item, _ in responses[0].form.walk() if responses else ():
        if item.scale is not None or (item.kind is ItemKind.CHOICE and not item.repeats):
            yield item


def _point(item: FormItem, response: Response, number: int, day: date) -> Point:
    given = next(iter(response.answers.given(item.link)), None)
    if not isinstance(given, Answered):
        return Point(number, day)
    [value] = given.values
    if item.scale is not None:
        return Point(number, day, str(value), int(str(value)))
    option = response.answers.chosen(item)
    return Point(number, day, option.text, option.weight) if option else Point(number, day)


def _course(item: FormItem, series: Sequence[Series]) -> Course:
    return Course(item.text, _levels(item), tuple(series), numbered=item.scale is not None)


def _levels(item: FormItem) -> tuple[Level, ...]:
    if item.scale is not None:
        return (Level(item.scale.low, item.scale.low_text), Level(item.scale.high, item.scale.high_text))
    found = [Level(one.weight, one.text) for one in item.answers.options if one.weight is not None]
    return tuple(sorted(found, key=lambda one: one.value))


def _remarks(known: Known, who: str) -> Iterator[Remark]:
    """Yield what the client wrote, in their words, the oldest first."""
    for response in sorted(known.responses, key=lambda one: (one.day, one.at, one.id)):
        if response.form.id not in OWN_WORDS:
            continue
        for item, _ in response.form.walk():
            if item.kind not in _WORDS or item.prefill is not None:
                continue
            for given in response.answers.given(item.link):
                words = given.values if isinstance(given, Answered) else ()
                yield from (Remark(response.day, item.text, str(one), who) for one in words)
