"""What a review page holds, from a plan's goals and its members' check-ins: each one's own, or all who agreed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from withness.core.checkin import Session
from withness.core.form import Answered, FormItem, ItemKind
from withness.core.plan import ChartPlan, charts
from withness.core.progress import Progress, progress
from withness.core.review import Course, Level, Point, Remark, Review, ReviewGoal, Series, SharedReview, Sharing, so_far
from withness.desk.context import Context
from withness.desk.draft import read_draft
from withness.desk.goals import Known, Response, Tracked, told, tracked
from withness.packs.paper_plan import paper_goal
from withness.store.rows import PlanRow

TITLE: Final = "Plan review"
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
    reviewed: tuple[date, ...]
    due: date
    today: date

    def chart(self, member: str) -> ChartPlan:
        """Return the member's own share of the plan."""
        plan = read_draft(self.row.content["draft"], self.context.templates)
        return next(one for one in charts(plan) if one.member == member)

    def goals(self, member: str) -> tuple[ReviewGoal, ...]:
        """Return the goals of one member's chart, each with how far it had come at the last review."""
        chart, last = self.chart(member), max(self.reviewed, default=None)
        return tuple(_goal(chart, one, last) for one in tracked(self.context, self.row, member, self.known))

    def frame(self, member: str) -> dict[str, Any]:
        """Return what stands on either page about the plan itself."""
        frame = self.chart(member).frame
        day = f"{self.due.day} {self.due:%B} {self.due.year}"
        late = self.due < self.today
        said = f"A review was due by {day}." if late else f"The next review is due by {day}."
        return {"title": TITLE, "start": frame.start, "review_by": frame.review_by, "today": self.today, "due": said}


def own_page(made: Material, member: str) -> Review:
    """Return one member's own page."""
    return Review(
        member=made.names.get(member, ""),
        goals=made.goals(member),
        courses=courses_of(made.known[member], member),
        remarks=tuple(_remarks(made.known[member], "")),
        **made.frame(member),
    )


def shared_page(made: Material, members: Sequence[str], consents: Sequence[str]) -> SharedReview:
    """Return the page for all: what they do together once, each one's own goals and answers apart.

    Raises InvalidInput without the consent of each of them.
    """
    goals: dict[tuple[int, tuple[str, ...]], ReviewGoal] = {}
    asked: dict[str, tuple[FormItem, list[Series]]] = {}
    for who in members:
        for one in made.goals(who):
            goals.setdefault((one.number, one.objective.members), one)
        for item, points in _answers(made.known[who], who):
            asked.setdefault(item.link, (item, []))[1].append(Series(who, points))
    return SharedReview(
        members=tuple(Sharing(who, made.names.get(who) or who, who in consents) for who in members),
        goals=tuple(goals[key] for key in sorted(goals)),
        courses=tuple(_course(item, series) for item, series in asked.values()),
        remarks=tuple(one for who in members for one in _remarks(made.known[who], who)),
        **made.frame(members[0]),
    )


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
        before=None if last is None else _before(one, last),
    )


def _before(one: Tracked, day: date) -> Progress:
    """Return how far a goal had come by a day, from what was said until then."""
    sessions = [session for session in one.sessions if session.day <= day]
    said = [word for word in one.said if word.day <= day]
    return progress(one.objective, sessions, said, day)


# -- answers


def courses_of(known: Known, who: str) -> tuple[Course, ...]:
    """Return one person's own answers to each question that has an order, over the sessions."""
    return tuple(_course(item, [Series("", points)]) for item, points in _answers(known, who))


def _answers(known: Known, who: str) -> Iterator[tuple[FormItem, tuple[Point, ...]]]:
    """Yield each question of the client's check-in whose answers have an order, with this person's by session."""
    sessions, _, places = told({who: known})
    mine = sorted((one for one in known.responses if one.form.id == CLIENTS), key=lambda one: (one.at, one.id))
    placed = [(one, place) for one in mine if (place := _place(sessions, places.get(one.id))) is not None]
    for item in _ordered_questions(mine):
        last: dict[int, Point] = {}
        for response, place in placed:
            point = _point(item, response, place, sessions[place - 1].day)
            last[place] = point if point.text or place not in last else last[place]
        yield item, tuple(last[place] for place in sorted(last))


def _place(sessions: Sequence[Session], id: str | None) -> int | None:
    return next((place for place, one in enumerate(sessions, start=1) if one.id == id), None)


def _ordered_questions(responses: Sequence[Response]) -> Iterator[FormItem]:
    for item, _ in responses[0].form.walk() if responses else ():
        if item.scale is not None or any(option.weight is not None for option in item.answers.options):
            yield item


def _point(item: FormItem, response: Response, number: int, day: date) -> Point:
    given = next(iter(response.answers.given(item.link)), None)
    if not isinstance(given, Answered):
        return Point(number, day)
    [value] = given.values
    if item.scale is not None:
        return Point(number, day, str(value), int(str(value)))
    option = item.option(str(value))
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
