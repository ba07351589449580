"""What codes are called: each that the software gives has words."""

from __future__ import annotations

import re
from pathlib import Path

import withness
from withness.audit.record import Kind
from withness.audit.words import HELP, ROUTINE, SLIP, TRIED, TRIED_FOR, WHY, are, asks, many, tried, were, why
from withness.desk.trail_reading import REFUSABLE

_NEVER = {"plan.confirmed", "plan.failed", "plan.on-hold", "protocol.opened", "sweep.finding", "key.rotated"}
"""Kinds whose records nobody is refused by."""


def test_each_code_of_a_refusal_has_words() -> None:
    """Planted: a code without; this caught it."""
    plugin = Path(withness.__file__).parent
    given = {
        code
        for path in plugin.rglob("*.py")
        for code in re.findall(r'Refusal\(\s*"([a-z-]+)"', path.read_text(encoding="utf-8"))
    }
    assert given - WHY.keys() == set()
    assert len(given) > 40


def test_each_kind_that_may_say_so_has_words() -> None:
    """Planted: a kind without; this caught it."""
    assert {one.value for one in REFUSABLE} - TRIED.keys() - _NEVER - {"trail.verified"} == set()
    assert TRIED.keys() <= {one.value for one in Kind}


def test_only_a_routine_refusal_asks_who_needs_help() -> None:
    """One that is about keys and roles, or that nobody knows, asks the sharper question. Planted: one for all."""
    assert {asks(code) for code in ("need-missing", "rationale-short", "no-second-signer")} == {HELP}
    sharp = ("foreign-key", "same-key", "same-person", "revoked", "not-compliance", "own-work", "of-old", "")
    assert {asks(code) for code in sharp} == {SLIP}
    assert WHY.keys() >= ROUTINE


def test_what_has_no_words_is_named() -> None:
    """An earlier release's code. Planted: an error for it; this caught it."""
    assert (why("of-old"), why(""), tried("of.old")) == ("of-old", "no code", "of.old")
    assert why("no-second-signer") == "nobody signed second (no-second-signer)"


def test_what_was_tried_is_said_as_far_as_the_code_tells_it() -> None:
    """Planted: "to sign something off" of a second baseline, and of a loss; this caught it."""
    assert tried("trail.signed-off", "baseline-there") == "to sign a second baseline"
    assert "a loss" in tried("trail.signed-off", "not-compliance")
    assert TRIED_FOR.keys() <= WHY.keys()


def test_one_is_not_many() -> None:
    """Each place said "1 records"."""
    assert [many(0), many(1), many(2, "plan")] == ["0 records", "1 record", "2 plans"]
    assert [were(1), were(2), are(1), are(0)] == ["was", "were", "is", "are"]
