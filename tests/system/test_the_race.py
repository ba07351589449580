"""An acute screen and the save of a plan at the same instant, in two processes on one data directory (I1, I3, I4).

Whichever is first, no plan is approved after the acute screen is on record, none is delivered after it, and one that
was delivered before it is on hold in the chart. 1,000 rounds in `make prove`, a tenth elsewhere; each has a patient of
its own. The two are started with an offset that follows the outcomes, and whoever waits for the lock looks more often
than Withness does, so that most rounds are close ones.

Planted: the gate asked before the transaction that writes the answer; delivery without the second look; each caught.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import BrokenBarrierError
from typing import Any

import pytest

from tests.makers import make_screen
from tests.system.site import CLINICIAN, Site, make_draft
from withness.settings import Settings
from withness.store import file_lock
from withness.wiring import load

pytestmark = pytest.mark.campaign
ROUNDS = 1000
PATIENCE = 60.0
"""Seconds that one side waits for the other."""
STEP = 0.003
"""Seconds by which the offset follows the outcomes."""
FAR = (-0.1, 0.2)
"""Seconds between which one side is clearly first."""
EAGER = 0.0003
"""Seconds after which whoever waits for the lock looks again."""


def _side(settings: Settings, pipe: Connection, barrier: Any) -> None:
    """One process with a desk of its own: gets ready, waits for the other, does its part, tells what came of it."""
    file_lock.POLL = EAGER  # type: ignore[misc]
    with load(settings) as desk:
        pipe.send("ready")
        for what, body, wait in iter(pipe.recv, None):
            try:
                barrier.wait(PATIENCE)
            except BrokenBarrierError:
                return
            time.sleep(wait)
            do = {"screen": desk.screen, "save": desk.save}[what]
            pipe.send(do(body, actor=CLINICIAN))


@dataclass(frozen=True)
class Two:
    """The two processes' pipes: the screen's and the save's."""

    screen: Connection
    save: Connection

    def race(self, screen: Any, draft: Any, *, offset: float) -> tuple[Any, Any]:
        """Let both go at once, the screen `offset` seconds after the save; return their answers."""
        self.screen.send(("screen", screen, max(0.0, offset)))
        self.save.send(("save", draft, max(0.0, -offset)))
        return _heard(self.screen), _heard(self.save)


def _heard(pipe: Connection) -> Any:
    assert pipe.poll(PATIENCE), "one side said nothing"
    return pipe.recv()


@contextmanager
def two_processes(site: Site) -> Iterator[Two]:
    """Start two processes that live for all rounds."""
    start = get_context("spawn")
    barrier, ours, processes = start.Barrier(2), [], []
    for _ in range(2):
        here, there = start.Pipe()
        process = start.Process(target=_side, args=(site.settings, there, barrier))
        process.start()
        there.close()
        ours.append(here)
        processes.append(process)
    try:
        assert [_heard(one) for one in ours] == ["ready", "ready"]
        yield Two(*ours)
        for pipe, process in zip(ours, processes, strict=True):
            pipe.send(None)
            process.join(PATIENCE)
    finally:
        for pipe, process in zip(ours, processes, strict=True):
            process.kill()
            process.join()
            process.close()
            pipe.close()


def test_an_acute_screen_and_a_plan_at_the_same_instant(
    site: Site, campaign: Callable[[int], int], figure: Callable[[str, int, str], None]
) -> None:
    """By the order of the records, and by what the chart holds afterwards."""
    dice, offset, seen = random.Random(20261123), 0.02, Counter[str]()  # noqa: S311  a repeatable schedule, no secret
    rounds = campaign(ROUNDS)
    with two_processes(site) as two:
        for number in range(rounds):
            who = f"Patient/r{number:04d}"
            site.at = datetime.now(UTC)
            site.screen(who, encounter="Encounter/e1")
            acute = make_screen(site.policy, subject=who, authored=datetime.now(UTC), answers={"suicide.now": "yes"})
            apart = offset if number % 5 else dice.uniform(*FAR)  # some rounds are clear ones
            told, answer = two.race(acute, make_draft(who, encounter="Encounter/e1"), offset=apart)
            assert told["decision"] == "held-for-directive-protocol"
            assert told["troubles"] == []
            came = _what_came(site, who, answer)
            seen[came] += 1
            step = dice.uniform(0, 2 * STEP)
            offset += {"held": step, "on hold": -step}.get(came, dice.choice((-step, step)))
    site.at = datetime.now(UTC)
    assert site.desk.health()["records"] > 0
    result = ", ".join(f"{seen[one]} {one}" for one in ("held", "withheld", "on hold"))
    figure("an acute screen and a plan at once", rounds, f"{result}, none approved or delivered too late")
    assert set(seen) == {"held", "withheld", "on hold"}, f"these were no races: {seen}"


def _what_came(site: Site, who: str, answer: Any) -> str:
    """Check one round; return whether the plan was held, withheld, or delivered and put on hold."""
    with site.context.store.transaction() as tx:
        records = [json.loads(leaf.body) for leaf in tx.newest_leaves(50, patient=who)]
    order = [(one["kind"], one["outcome"]) for one in records]
    [_, acute] = [place for place, (kind, _) in enumerate(order) if kind == "screen.recorded"]
    before, after = order[:acute], order[acute:]
    late = [kind for kind, _ in after if kind in ("plan.approved", "plan.sent", "plan.confirmed")]
    assert late == [], f"after the acute screen: {late}"
    approved, confirmed = ("plan.approved", "approved") in before, ("plan.confirmed", "delivered") in before
    assert answer["saved"] == confirmed
    assert [one["status"] for one in site.care_plans(who)] == (["on-hold"] if confirmed else [])
    if confirmed:
        return "on hold"
    assert answer["decision"] == "held-for-directive-protocol"
    assert (("plan.held", "withheld-by-newer-screen") in after) == approved
    return "withheld" if approved else "held"
