"""One durable save: the whole of it, and the transaction that decides, against one raw append with fsync."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.figure import Figure, in_turn
from withness.cli import samples
from withness.desk import plans, standing
from withness.desk.asking import actor_of
from withness.desk.case import Case, open_case
from withness.desk.context import Context
from withness.desk.front import Desk
from withness.settings import Settings
from withness.signing import new_signer
from withness.wiring import build

ROUNDS = 60
MANY = 600
"""Rounds of the figure with a target: the write-ahead log, which grows at first, is written over several times, and a
machine that is slower for some seconds does not decide it.
"""
IN_A_ROW = 20
ENROLLED = 300
BLOCK = b"x" * 1023 + b"\n"


def figures() -> list[Figure]:
    """Return the milliseconds of one save on the embedded chart, and of its deciding transaction: once, in a row, and
    where many people are enrolled.
    """
    whole, first = _measured(lambda desk, context, draft: desk.save(draft)["saved"])
    once, second = _measured(_decided)
    with _bundle_made_before():
        durable, third = _measured(_decided, rounds=MANY)
        in_a_row, fourth = _measured(_decided, rounds=ROUNDS // 4, times=IN_A_ROW)
        crowded, alone = _enrolled()
    floor = "floor: one append of 1 KiB with fsync"
    return [
        Figure(
            "save.whole", whole * 1e3, "ms", first * 1e3, means=f"plan save, embedded chart: 4 transactions; {floor}"
        ),
        Figure(
            "save.decision",
            once * 1e3,
            "ms",
            second * 1e3,
            means=f"its transaction of decision and record, nothing in the chart yet; {floor}",
        ),
        Figure(
            "decision.durable",
            durable * 1e3,
            "ms",
            third * 1e3,
            target=1 / 0.12,
            means=f"the same with the Bundle made before: draft and screen read, decided, kept, recorded; {floor}",
        ),
        Figure(
            "decision.in-a-row",
            in_a_row * 1e3,
            "ms",
            fourth * 1e3,
            means=f"one of {IN_A_ROW} such in a row, one client: {1 / in_a_row:,.0f} a second; "
            "floor: as many appends with fsync in a row",
        ),
        Figure(
            "decision.enrolled",
            crowded * 1e3,
            "ms",
            alone * 1e3,
            target=1.3,
            means=f"one such where {ENROLLED} people are enrolled; floor: where one is",
        ),
    ]


def _decided(desk: Desk, context: Context, draft: dict[str, Any]) -> object:
    return _decide(context, draft).state


def _measured(
    work: Callable[[Desk, Context, dict[str, Any]], object], *, rounds: int = ROUNDS, times: int = 1
) -> tuple[float, float]:
    """Return the seconds of `work` and of its floor at a site of its own, with one person, one clear screen."""
    with tempfile.TemporaryDirectory(prefix="withness-bench-") as folder, _desk(Path(folder)) as (context, desk):
        drafts = _drafts(context, desk, (rounds + 1) * times)
        with (Path(folder) / "raw").open("ab", buffering=0) as raw:

            def append() -> None:
                raw.write(BLOCK)
                os.fsync(raw.fileno())

            def once() -> None:
                assert work(desk, context, drafts.pop())

            return in_turn(once, append, rounds=rounds, times=times)


def _enrolled() -> tuple[float, float]:
    """Return the seconds of a decision where many people may sign, and where one may."""
    with (
        tempfile.TemporaryDirectory(prefix="withness-bench-") as folder,
        _desk(Path(folder) / "many") as many,
        _desk(Path(folder) / "one") as one,
    ):
        return in_turn(_clinic(*many, ENROLLED), _clinic(*one, 1), rounds=ROUNDS)


def _clinic(context: Context, desk: Desk, people: int) -> Callable[[], object]:
    """Enrol people, record Rosa's screen, and return what decides on one new draft of hers."""
    first = new_signer("Practitioner/c0")
    for number in range(people):
        who = f"Practitioner/c{number}"
        key, by = (new_signer(who), first) if number else (first, None)
        desk.enrol(who, name=f"Person {number}", licence=f"L-{number}", roles=["compliance"], key=key, by=by)
    drafts = _drafts(context, desk, ROUNDS + 1)
    return lambda: _decide(context, drafts.pop())


def _drafts(context: Context, desk: Desk, number: int) -> list[dict[str, Any]]:
    """Record one clear screen of Rosa's, and return drafts of hers."""
    rosa, now = samples.people()["rosa"], datetime.now(UTC)
    desk.screen(samples.screen(context.policy, rosa, now, {}), actor=samples.CLINICIAN)
    return [samples.draft(rosa, now) for _ in range(number)]


@contextmanager
def _desk(folder: Path) -> Iterator[tuple[Context, Desk]]:
    context = build(Settings(home=folder / "data", key_file=folder / "bench.key"))
    with Desk(context) as desk:
        yield context, desk


@contextmanager
def _bundle_made_before() -> Iterator[None]:
    """Let every save keep the Bundle that the first one made, and make none itself."""
    made: list[dict[str, Any] | None] = []
    make = Case.bundle

    def kept(case: Case, answered: standing.Answered, plan_id: str) -> dict[str, Any] | None:
        if not made:
            made.append(make(case, answered, plan_id))
        return made[0]

    with patch.object(Case, "bundle", kept):
        yield


def _decide(context: Context, draft: dict[str, Any]) -> plans.Answer:
    """Save up to the commit: what `plans.save` does before it delivers."""
    case, actor = open_case(context, draft), actor_of(samples.CLINICIAN)
    return context.commit(lambda tx: plans._decide_and_keep(tx, case, actor), landed=lambda _: False)
