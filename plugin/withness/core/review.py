"""What a review page shows: each goal in the client's words with its course, and what was said, for whom it may be.

A page is made for ONE member, and holds nobody else's answers; or for all of a couple, family or group, when each of
them agreed to be shown on it. That one shows what they do together, and what each one answered only where each of them
said yes to that, too. A page that mixes people without that cannot be made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from withness.core.achievement import Objective, Progress, Step
from withness.core.checkin import Said
from withness.core.goal import AcceptanceStatus
from withness.core.progress import progress
from withness.core.template import Both, Exists
from withness.errors import InvalidInput


def so_far(objective: Objective, steps: Sequence[Step], said: Iterable[Said]) -> tuple[int, ...]:
    """Return how many the target counted after each session of `steps`: what a goal's line shows.

    `steps` are those of `progress(objective, …)`, and `said` is what it was given. What is named twice counts once, so
    that the numbers of the sessions cannot be added up. Empty for what is there or not (Exists).
    """
    if isinstance(objective.target, Exists):
        return ()
    known, held = tuple(said), [step.session for step in steps]
    return tuple(progress(objective, held[:end], known, held[end - 1].day).now for end in range(1, len(held) + 1))


@dataclass(frozen=True)
class ReviewGoal:
    """One goal at its review; `number` is its place in the plan, from 1.

    `words` are the client's, byte for byte; `payer_words` "" where there are none; `target` and `limit` are sentences.
    `acceptance` is that of the one whose own page it is: what is not agreed to shows nothing that was counted.
    `so_far` is what `so_far()` returns for it; `before` is its progress at the last review, None for the first one.
    Raises InvalidInput where `so_far` is not of this progress.
    """

    number: int
    title: str
    words: str
    payer_words: str
    objective: Objective
    target: str
    limit: str
    acceptance: AcceptanceStatus
    progress: Progress
    so_far: tuple[int, ...]
    before: Progress | None = None

    def __post_init__(self) -> None:
        """Refuse a line that would not end where the goal stands."""
        if isinstance(self.objective.target, Exists):
            fits = not self.so_far
        else:
            fits = len(self.so_far) == len(self.progress.steps) and self.so_far[-1:] in ((), (self.progress.now,))
        if not fits:
            raise InvalidInput(f"The course of goal {self.number} is not that of its progress.", field="so_far")

    @property
    def measure(self) -> str:
        """What is observed or asked, in plain words."""
        return self.objective.measure.text

    @property
    def joint(self) -> bool:
        """Whether several people do it together: what came from each of them is on no page (contracts I8)."""
        return len(self.objective.members) > 1

    @property
    def parts(self) -> Mapping[str, str]:
        """The text of each part by its code, in the order in which they are counted; empty for one part."""
        target, texts = self.objective.target, {part.code: part.text for part in self.objective.measure.parts}
        return {code: texts[code] for code in target.codes} if isinstance(target, Both) else {}


@dataclass(frozen=True)
class Level:
    """One place on the upright line of a course, and what it is called: an answer, or an end of a scale."""

    value: int
    text: str


@dataclass(frozen=True)
class Point:
    """What was answered in one session: `text` as it is read, "" for skipped; `level` None for what has no place."""

    number: int
    day: date
    text: str = ""
    level: int | None = None


@dataclass(frozen=True)
class Series:
    """One person's answers in the order of the sessions; `who` is "" on an own page. Who was not asked has no point."""

    who: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Course:
    """One question's answers over the sessions; without `levels` (answers in no order) there is no picture.

    `numbered`: the levels are numbers that people choose, with two ends that are called something. Raises InvalidInput
    where a point lies on no level, or where sessions are not in order.
    """

    title: str
    levels: tuple[Level, ...]
    series: tuple[Series, ...]
    numbered: bool = False

    def __post_init__(self) -> None:
        """Refuse what no picture could show."""
        values = [one.value for one in self.levels]
        places = range(min(values), max(values) + 1) if values else range(0)
        for one in self.series:
            numbers = [point.number for point in one.points]
            levels = [point.level for point in one.points if point.level is not None]
            if numbers != sorted(set(numbers)) or not all(level in places for level in levels):
                raise InvalidInput("A course holds a session twice, or an answer on no level.", field="courses.series")
            if any(point.level is not None and not point.text for point in one.points):
                raise InvalidInput("An answer of a course has a level and no text.", field="courses.series")


@dataclass(frozen=True)
class Remark:
    """What somebody wrote to a question, byte for byte: for their own page alone, where `who` is ""."""

    day: date
    question: str
    words: str
    who: str = ""


@dataclass(frozen=True, kw_only=True)
class Page:
    """What both pages hold: `title` is the plan's, `due` says when the review is due, `notices` are sentences."""

    title: str
    start: date
    review_by: date
    today: date
    due: str
    goals: tuple[ReviewGoal, ...]
    courses: tuple[Course, ...] = ()
    remarks: tuple[Remark, ...] = ()
    notices: tuple[str, ...] = ()

    def people(self) -> frozenset[str]:
        """Return whose answers and words stand on the page: "" for the one whose own page it is."""
        shown = {one.who for course in self.courses for one in course.series}
        return frozenset(shown | {one.who for one in self.remarks})


@dataclass(frozen=True, kw_only=True)
class Review(Page):
    """One member's own page; `member` is a name, or "".

    Of a goal that several share, only what all of them reached together is shown. Raises InvalidInput where it holds
    another person's answers or words.
    """

    member: str = ""

    def __post_init__(self) -> None:
        """Refuse a page that would show one member to another (contracts I8)."""
        if self.people() - {""} or any(len(course.series) != 1 for course in self.courses):
            raise InvalidInput("A member's own review holds that member's answers alone.", field="courses.series")


@dataclass(frozen=True)
class Sharing:
    """One member of a shared page: an id, a name to show, and whether this person agreed to be shown on it.

    `answers`: a second yes, to showing the answers that they marked.
    """

    id: str
    name: str
    agreed: bool
    answers: bool = False


@dataclass(frozen=True, kw_only=True)
class SharedReview(Page):
    """A page for all of a couple, family or group: what they do together, nobody's own goal, nothing that one wrote.

    Raises InvalidInput for such, where one of them did not agree to be shown on it, or for answers to which one did
    not agree: silence is no consent (contracts I8).
    """

    members: tuple[Sharing, ...]

    def __post_init__(self) -> None:
        """Refuse a page that not everybody on it agreed to."""
        ids = [one.id for one in self.members]
        if len(ids) < 2 or len(set(ids)) != len(ids) or not all(ids):
            raise InvalidInput("A shared review is for two or more different people.", field="members")
        if not all(one.agreed is True for one in self.members):
            raise InvalidInput("A shared review needs the consent of each person on it.", field="members.agreed")
        if any(not one.name.strip() for one in self.members):
            raise InvalidInput("Each person on a shared review needs a name.", field="members.name")
        if self.remarks:
            raise InvalidInput("What somebody wrote stays on that person's own review.", field="remarks")
        if self.courses and not all(one.answers is True for one in self.members):
            said = "Answers stand on a shared review only where each person on it agreed to that, too."
            raise InvalidInput(said, field="members.answers")
        if not all(goal.joint for goal in self.goals):
            said = "A shared review shows what its people do together, and nobody's own goal."
            raise InvalidInput(said, field="goals")
        counted = {who for goal in self.goals for who in goal.objective.members}
        if not (self.people() | counted) <= set(ids):
            raise InvalidInput("A shared review shows somebody who is not one of its people.", field="members")

    @property
    def names(self) -> Mapping[str, str]:
        """The name of each member, by id."""
        return {one.id: one.name for one in self.members}
