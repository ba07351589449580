"""Deciding a clear screen: the gate against one reading of the same answers from a dict."""

from __future__ import annotations

from datetime import UTC, datetime

from benchmarks.figure import Figure, in_turn
from withness.cli import samples
from withness.core.gate import decide_member
from withness.core.reading import Circumstance, Readings
from withness.core.risk import Standing
from withness.core.terms import Purpose
from withness.fhir.answers import read_screen
from withness.packs.policy import load_policy


def figures() -> list[Figure]:
    """Return the microseconds of one decision on one person with one clear screen."""
    policy, rosa, now = load_policy(), samples.people()["rosa"], datetime.now(UTC)
    screen = read_screen(samples.screen(policy, rosa, now, {}), policy, id="s1", recorded=now)
    about = Circumstance(Purpose.NEW_PLAN, rosa["encounter"], now, UTC)
    links = list(screen.answers)

    def decide() -> bool:
        return decide_member(Readings(policy, Standing(), about), rosa["member"], (screen,)).released

    def read() -> bool:
        return all(screen.answers[link] for link in links)

    assert decide()
    seconds, floor = in_turn(decide, read, rounds=15, times=500)
    means = "deciding one clear screen; floor: reading the same answers from a dict"
    return [Figure("gate.decide", seconds * 1e6, "us", floor * 1e6, means=means)]
