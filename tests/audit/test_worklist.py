"""The worklist on values alone: what is on it, in which order, and what leaves it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.audit.test_report import ANN, AT, BEN, HOUR, record, signed

from withness.audit.check import Damage
from withness.audit.record import Kind
from withness.audit.report_state import Break, PlanWaiting
from withness.audit.words import HELP, SLIP
from withness.audit.worklist import (
    AGAIN,
    DAMAGE,
    Done,
    Found,
    Item,
    _mark,
    history,
    items,
    of_period,
    open_items,
    own,
    signed_off,
)


def found(**given: Any) -> Found:
    """What a worklist is made from: nothing but what is given."""
    names = ("signed", "refused", "changes", "enrolments", "log_keys", "restored", "findings", "episodes", "plans")
    nothing = dict.fromkeys(names, ())
    said = {"written-around-gate": "stands there without a decision", "missing-in-ehr": "is gone"}
    return Found(
        **{
            **nothing,
            "said": said,
            "clock": (),
            "breaks": (),
            "damage": "",
            "doubt": "",
            "now": AT + 100 * HOUR,
            **given,
        }
    )


def test_the_most_urgent_comes_first_and_the_oldest_of_those() -> None:
    """Planted: sorted by time alone; this caught it."""
    made = items(
        found(
            signed=[signed(4, ANN, BEN), signed(2, ANN, BEN)],
            breaks=[Break(1, 9, AT + 9 * HOUR, "why")],
            refused=[record(1, Kind.OVERRIDE_REFUSED, "refused", reason="not-silent")],
        )
    )
    assert [one.id for one in made] == ["segment-1", "override-2", "override-4", "refused-1"]


def test_records_that_are_not_as_written_are_damage_of_now() -> None:
    """Planted: the damage of the end alone; caught."""
    wrong = [Damage("its column kind does not fit", one) for one in (51, 60, 61)] + [Damage("it is gone", 7)]
    [one] = items(found(damage="a table is missing", damages=wrong))
    said = "A table is missing; records 51, 60 to 61, of each: its column kind does not fit; record 7: it is gone."
    assert (one.kind, one.why) == ("damage", said)


def test_who_signed_off_a_damage_has_not_seen_the_next_one() -> None:
    """Planted: one id for whatever is damaged; caught."""
    [first] = items(found(damages=[Damage("it is gone", 7)]))
    [again] = items(found(damages=[Damage("it is gone", 7)]))
    [more] = items(found(damages=[Damage("it is gone", 7), Damage("it is gone", 9)]))
    assert open_items([again], {first.id: AT}, AT + HOUR) == ()
    assert open_items([more], {first.id: AT}, AT + HOUR) == (more,)
    [_, left] = history([more], {first.id: Done(AT, BEN, "")})
    assert (left.id, "something else is wrong" in left.why) == (first.id, True)


def test_a_finding_of_the_sweep_stands_until_a_newer_record_says_it_is_over() -> None:
    """Planted: the first record of a finding taken for the last; this caught it."""
    kind = Kind.SWEEP_FINDING
    records = [
        record(1, kind, "written-around-gate", details={"finding": "f1"}),
        record(2, kind, "missing-in-ehr", details={"finding": "f2"}),
        record(3, kind, "cleared", details={"finding": "f1"}),
        record(4, kind, "missing-in-ehr", details={"finding": "f2"}),
        record(5, kind, "swept", details={"findings": 1}),
    ]
    [one] = items(found(findings=records))
    assert (one.id, one.since, one.going_on) == ("finding-f2", AT + 2 * HOUR, True)


def test_only_somebody_whom_nobody_vouched_for_is_listed() -> None:
    """Planted: every enrolment listed; this caught it."""
    alone = record(1, Kind.ACTOR_CHANGED, "enrolled", actor=ANN, person=ANN)
    vouched = record(2, Kind.ACTOR_CHANGED, "enrolled", actor=ANN, second=BEN, person=BEN)
    assert [one.id for one in items(found(enrolments=[alone, vouched]))] == ["enrolment-1"]


def test_a_new_log_key_and_an_acknowledged_loss_are_listed() -> None:
    """Planted: every sign-off taken for a loss; a lost key told like another; this caught both."""
    keys = [record(1, Kind.KEY_ROTATED, "rotated", actor=ANN), record(2, Kind.KEY_ROTATED, "lost", actor=ANN)]
    signed_off = [record(number, Kind.TRAIL_SIGNED_OFF, what) for number, what in ((3, "item"), (4, "restored"))]
    made = items(found(log_keys=keys, restored=signed_off))
    assert [one.id for one in made] == ["restored-4", "log-key-1", "log-key-2"]
    assert ["lost" in one.why for one in made] == [True, False, True]


def test_one_finding_is_one_item() -> None:
    """Planted: the break beside the damage of now, or beside the loss that two signed for; both were listed before."""
    short = "segment 0 has 65 records, and a checkpoint of 66 was published"
    before = [Break(1, 65, AT, short, short=True)]
    assert [one.id for one in items(found(breaks=before, damage=short))] == [f"{DAMAGE}{_mark(short)}"]
    after = [*before, Break(2, 70, AT, short, short=True)]
    signed_off = [record(70, Kind.TRAIL_SIGNED_OFF, "restored")]
    assert [one.id for one in items(found(breaks=after, restored=signed_off))] == ["restored-70"]
    other = [Break(1, 65, AT, "a table is missing"), Break(2, 70, AT, "found damaged"), Break(3, 80, AT, short)]
    listed = items(found(breaks=other, restored=signed_off))
    assert [one.id for one in listed] == ["segment-1", "segment-3", "restored-70"]


def test_a_break_that_only_the_verifier_saw_is_said_once() -> None:
    """It said "found damaged before record 65: found damaged"."""
    [one] = items(found(breaks=[Break(1, 65, AT, "")]))
    assert one.why == "The trail was found damaged before record 65."
    assert "withness audit verify" in one.todo


def test_a_folder_of_checkpoints_that_is_away_is_listed() -> None:
    """Plans wait meanwhile, and the list said nothing of it."""
    [one] = items(found(doubt="The folder holds none, so nobody can tell."))
    assert (one.id, one.kind, one.going_on) == ("unproven-now", "unproven", True)


def test_a_refused_policy_is_no_change_of_policy() -> None:
    """Planted: it was one; this caught it."""
    refused = record(1, Kind.POLICY_CHANGED, "refused", reason="not-policy-owner")
    assert [one.kind for one in items(found(changes=[refused], refused=[refused]))] == ["refused"]


def test_a_plan_without_a_record_of_its_approval_is_listed_all_the_same() -> None:
    """Planted: left out; this caught it."""
    [one] = items(found(plans=[PlanWaiting(None, "orphan", AT, 0, "")]))
    assert (one.id, one.kind) == ("undelivered-2026-11-02T09:00:00.000000Z", "undelivered")


ONE = Item("override-1", "override", AT, "why", "todo", "Client R", ANN, BEN)
GOING = Item("acute-2", "acute", AT, "why", "todo", going_on=True)


def test_what_goes_on_is_back_after_a_week_and_what_happened_is_not() -> None:
    """Planted: both back; this caught it."""
    done = {"override-1": AT, "acute-2": AT}
    assert open_items([ONE, GOING], done, AT + AGAIN - timedelta(seconds=1)) == ()
    assert open_items([ONE, GOING], done, AT + AGAIN) == (GOING,)


def test_only_sign_offs_of_items_and_periods_take_items_away() -> None:
    """Planted: any sign-off taken, a refused one too; this caught it."""
    kind, details = Kind.TRAIL_SIGNED_OFF, {"items": ["override-1"]}
    said = [record(n, kind, what, details=details) for n, what in enumerate(("refused", "pruning", "item", "period"))]
    assert signed_off(said[:2]) == {}
    assert signed_off(said) == {"override-1": AT + 3 * HOUR}


def test_a_period_takes_its_first_moment_and_not_its_last() -> None:
    """Planted: both ends taken; this caught it."""
    assert of_period([ONE], AT, AT + HOUR) == (ONE,)
    assert of_period([ONE], AT - HOUR, AT) == ()


def test_whoever_signed_second_did_it_too() -> None:
    """Planted: only the first looked at; this caught it."""
    assert (own([ONE, GOING], BEN), own([ONE], ANN), own([ONE], "Staff C")) == (["override-1"], ["override-1"], [])


def test_what_was_signed_off_and_is_over_stands_at_the_end_of_the_history() -> None:
    """Planted: only what still is there; this caught it."""
    done = {"override-1": Done(AT + HOUR, BEN, "why"), "acute-9": Done(AT, ANN)}
    told = history([GOING, ONE], done)
    assert [(one.id, one.done) for one in told] == [
        ("acute-2", None),
        ("override-1", done["override-1"]),
        ("acute-9", done["acute-9"]),
    ]
    assert told[-1].why == "It is over."


def test_a_routine_refusal_asks_who_needs_help() -> None:
    """Planted: one question for all; caught."""
    codes = ("need-missing", "foreign-key")
    refused = [record(n, Kind.PROTOCOL_RELEASED, "refused", reason=code) for n, code in enumerate(codes, start=1)]
    assert [one.todo for one in items(found(refused=refused))] == [HELP, SLIP]
