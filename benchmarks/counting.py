"""Goals counted anew from their check-ins: what one costs among many, against what it costs among few."""

from __future__ import annotations

import gc
import time
from datetime import UTC, date, datetime, timedelta
from statistics import median

from benchmarks.figure import Figure
from withness.core.achievement import Objective
from withness.core.checkin import Said, Session, Value
from withness.core.form import AnsweredBy
from withness.core.progress import progress
from withness.core.template import Both, Count, Exists, PlanTemplate
from withness.packs.load import load_templates

FEW, MANY, CHECK_INS = 1_000, 100_000, 10
TARGET = 1.3
_START = datetime(2026, 11, 2, 9, tzinfo=UTC)
_TODAY = date(2027, 6, 1)

Case = tuple[Objective, list[Session], list[Said]]


def figures() -> list[Figure]:
    """Return the microseconds that one goal of many costs; its floor is what one of few costs in the same run."""
    templates = list(load_templates().values())
    gc.disable()  # a million small objects stay: looking for garbage among them takes longer than counting them
    cases = [_case(templates[number % len(templates)], number) for number in range(MANY)]
    gc.freeze()
    gc.enable()
    few = median(_seconds(cases[begin : begin + FEW]) for begin in range(0, 20 * FEW, FEW)) / FEW
    many = _seconds(cases) / MANY
    gc.unfreeze()
    means = (
        f"counting one of {MANY:,} goals with {CHECK_INS} check-ins each: {1 / many:,.0f} goals a second; "
        f"floor: one of {FEW:,}"
    )
    return [Figure("goals.count", many * 1e6, "us", few * 1e6, TARGET, means)]


def _seconds(cases: list[Case]) -> float:
    gc.collect()
    begun = time.perf_counter()
    for objective, sessions, said in cases:
        progress(objective, sessions, said, _TODAY)
    return time.perf_counter() - begun


def _case(template: PlanTemplate, number: int) -> Case:
    """Return one person's goal with ten sessions, and a check-in of each; some answers are no, every fifth is none."""
    who, target = f"Patient/{number}", template.target
    codes = target.codes if isinstance(target, Both) else (template.measure.code,)
    sessions, said = [], []
    for week in range(CHECK_INS):
        at = _START + timedelta(weeks=week)
        session = Session(f"Encounter/{number}-{week}", at, at.date(), frozenset((who,)))
        sessions.append(session)
        code = codes[week % len(codes)]
        value = _answer(template, week)
        said.append(Said(code, who, session.id, at, session.day, f"{number}-{week}", AnsweredBy.CLIENT, value))
    return Objective(template.measure, target, template.limit, _START.date(), (who,)), sessions, said


def _answer(template: PlanTemplate, week: int) -> Value | None:
    if week % 5 == 4:
        return None
    if isinstance(template.target, Exists) or (
        isinstance(template.target, Count) and template.measure.each_partner == 0
    ):
        return frozenset((f"thing {week % 3}",))
    return week % 3 if isinstance(template.target, Count) else week % 3 != 2
