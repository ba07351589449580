"""The report's parts, each on values alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.packs import report_samples

from withness.audit.check import Damage
from withness.audit.record import Kind
from withness.audit.report import attention
from withness.audit.report_acute import acute_episodes, without_protocol
from withness.audit.report_counts import NEAR, Blocks, near_expiry, weeks
from withness.audit.report_csv import harmless
from withness.audit.report_sheets import RECORDED, WORKLIST, lasting, sheets
from withness.audit.report_signed import patterns, refusals, sign_offs
from withness.audit.report_state import Break, clock_runs, plans_waiting, policy_spans
from withness.audit.seen import NO_TIME, Seen, details_of, time_of
from withness.core.acts import Act, ActKind
from withness.desk import report_formats
from withness.packs.policy import load_policy
from withness.store.report_rows import Counted

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN, BEN, CAT = "Staff A", "Staff B", "Staff C"
ACUTE = "held-for-directive-protocol"


def record(seq: int, kind: Kind, outcome: str = "", **more: Any) -> Seen:
    """A record an hour after the one before it."""
    details = more.pop("details", {})
    given = {"actor": ANN, "second": "", "person": "Client R", "reason": "", "policy": "", "segment": 0, **more}
    at = given.pop("at", AT + seq * HOUR)
    body = json.dumps({"details": details}).encode()
    return Seen(seq=seq, at=at, kind=kind, outcome=outcome, body=body, **given)


def signed(seq: int, first: str, second: str) -> Seen:
    """An override signed by two."""
    return record(seq, Kind.OVERRIDE_GRANTED, "override", actor=first, second=second)


# -- who signs with whom


def test_two_who_sign_for_each_other_are_found() -> None:
    """Planted: the way back not looked up; this caught it."""
    [one] = patterns([signed(1, ANN, BEN), signed(2, BEN, ANN), signed(3, ANN, CAT)])
    assert (one.what, one.first, one.second, one.count, one.back) == ("mutual", ANN, BEN, 1, 1)


def test_somebody_who_signs_twice_is_found_first() -> None:
    """Planted: self counted as mutual; this caught it."""
    found = patterns([signed(1, ANN, BEN), signed(2, BEN, ANN), signed(3, CAT, CAT)])
    assert [one.what for one in found] == ["self", "mutual"]


@pytest.mark.parametrize(("bens", "cats", "told"), [(4, 0, True), (3, 0, False), (3, 2, True), (2, 2, False)])
def test_one_who_signs_most_of_anothers_is_found(bens: int, cats: int, told: bool) -> None:
    """Planted: half taken for most; this caught it."""
    acts = [signed(number, ANN, BEN) for number in range(bens)] + [signed(9, ANN, CAT)] * cats
    assert [one.what for one in patterns(acts)] == (["most"] if told else [])


def test_enrolments_and_sign_offs_are_no_pattern() -> None:
    """Planted: every record with two people counted; this caught it."""
    pair = {"actor": ANN, "second": ANN}
    others = [record(1, Kind.ACTOR_CHANGED, "enrolled", **pair), record(2, Kind.TRAIL_SIGNED_OFF, "pruning", **pair)]
    assert patterns(others) == ()


def test_refusals_are_counted_by_code_and_by_people() -> None:
    """Planted: what was granted counted too; this caught it."""
    refused = [
        record(n, Kind.OVERRIDE_REFUSED, "refused", reason="not-silent", actor=who) for n, who in enumerate("AAB")
    ]
    [one] = refusals([*refused, record(9, Kind.OVERRIDE_GRANTED, "override")])
    assert (one.code, one.count, one.people, one.latest) == ("not-silent", 3, 2, AT + 2 * HOUR)


def test_a_refused_sign_off_is_none() -> None:
    """Planted: refused ones listed; this caught it."""
    done = record(1, Kind.TRAIL_SIGNED_OFF, "item", details={"items": ["override-1", "override-2"]})
    [one] = sign_offs([done, record(2, Kind.TRAIL_SIGNED_OFF, "refused")], {}, words=False)
    assert (one.number, one.items) == (1, 2)


# -- counts


def test_weeks_begin_on_monday_and_leave_no_gap() -> None:
    """Planted: an empty week left out; this caught it."""
    days = [("2026-11-01", "released", 2), ("2026-11-02", "held-incomplete", 1), ("2026-11-18", "released", 4)]
    found = weeks([Counted("gate.decided", outcome, None, day, count) for day, outcome, count in days])
    assert [(one.begins, one.released, one.held) for one in found] == [
        (date(2026, 10, 26), 2, 0),
        (date(2026, 11, 2), 0, 1),
        (date(2026, 11, 9), 0, 0),
        (date(2026, 11, 16), 4, 0),
    ]


def test_a_day_that_is_none_stops_no_report() -> None:
    """Planted: ValueError let through; this caught it, for a column may have been edited."""
    assert weeks([Counted("gate.decided", "released", None, "yesterday", 1)]) == ()


def outcome(*findings: tuple[str, str, str]) -> dict[str, Any]:
    """A decision's sealed outcome."""
    return {"findings": [{"domain": one, "item": item, "acuity": acuity} for one, item, acuity in findings]}


def test_a_question_counts_once_in_a_decision_and_a_domain_by_its_worst() -> None:
    """Planted: every finding counted; this caught it."""
    blocks = Blocks()
    blocks.add(outcome(("eating", "loss", "unknown"), ("eating", "loss", "acute"), ("eating", "other", "caution")))
    blocks.add(None)
    [domain] = blocks.domains()
    assert (domain.domain, domain.held, domain.acute, domain.unknown) == ("eating", 1, 1, 0)
    assert [(one.item, one.held) for one in blocks.questions()] == [("eating.loss", 1)]
    assert blocks.unread == 1


def test_a_question_that_is_always_overridden_comes_first() -> None:
    """Planted: sorted by holds; this caught it."""
    blocks = Blocks()
    for _ in range(3):
        blocks.add(outcome(("eating", "loss", "unknown"), ("suicide", "plan", "unknown")))
    blocks.add(outcome(("suicide", "plan", "unknown")))
    act = Act("a", ActKind.OVERRIDE, "Client R", AT, ANN, BEN, {"items": ["eating.loss"]})
    for _ in range(3):
        blocks.override(act)
    assert [(one.item, one.share) for one in blocks.questions()] == [("eating.loss", 1.0), ("suicide.plan", 0.0)]


@pytest.mark.parametrize(("left", "told"), [(NEAR - HOUR / 60, True), (NEAR, False)])
def test_a_save_near_expiry_counts_its_worst_member(left: timedelta, told: bool) -> None:
    """Planted: the longest of the members' screens taken; this caught it."""
    approved = record(1, Kind.PLAN_APPROVED, "approved", details={"decision": "d", "members": 2})
    ends = [(approved.at + one).isoformat() for one in (left, 10 * NEAR)]
    found, unread = near_expiry([approved], {"d": ends})
    assert ([one.left for one in found], unread) == ([left] if told else [], 0)


def test_an_approval_whose_decisions_do_not_all_open_is_counted_as_unread() -> None:
    """Planted: the members not counted; this caught it."""
    approved = record(1, Kind.PLAN_APPROVED, "approved", details={"decision": "d", "members": 2})
    assert near_expiry([approved], {"d": [approved.at.isoformat()]}) == ((), 1)


# -- how things stand


def test_records_that_went_back_together_are_one_run() -> None:
    """Planted: the slack left out, and each record a run; this caught both."""
    rows = [
        (3, "2026-11-02T09:59:59.500000Z", "2026-11-02T10:00:00.000000Z"),
        (4, "2026-11-02T08:00:00.000000Z", "2026-11-02T10:00:00.000000Z"),
        (5, "2026-11-02T07:00:00.000000Z", "2026-11-02T10:00:00.000000Z"),
        (9, "2026-11-02T09:00:00.000000Z", "2026-11-02T10:00:00.000000Z"),
    ]
    assert [(one.first, one.last, one.back) for one in clock_runs(rows)] == [(4, 5, 3 * HOUR), (9, 9, HOUR)]


def test_a_policy_ends_where_the_next_begins_and_a_refusal_changes_nothing() -> None:
    """Planted: a refused signature taken for a change; this caught it."""
    first = record(0, Kind.POLICY_CHANGED, "in-force", details={"version": "1", "demo": True})
    refused = record(1, Kind.POLICY_CHANGED, "refused", details={"version": "2"})
    second = record(2, Kind.POLICY_CHANGED, "policy-signed", details={"version": "3", "act": "a"})
    found = policy_spans([first, refused, second])
    assert [(one.version, one.until, one.signed) for one in found] == [("1", second.at, ""), ("3", None, ANN)]


def test_a_plan_is_found_by_its_approval_and_an_orphan_by_its_plan() -> None:
    """Planted: orphans left out; this caught it."""
    approved = record(5, Kind.PLAN_APPROVED, "approved", details={"decision": "d", "plan": "p"})
    lost = record(6, Kind.PLAN_APPROVED, "approved", details={"decision": "e", "plan": "q"})
    waiting = [("d", "waiting", AT.isoformat(), 3)]
    found = plans_waiting(waiting, [("q", (AT + HOUR).isoformat())], [approved, lost])
    assert [(one.number, one.state, one.attempts) for one in found] == [(5, "waiting", 3), (6, "orphan", 0)]


# -- acute holds


def opened(number: int, at: datetime, domain: str = "suicide") -> Act:
    """A protocol opened without steps."""
    body = {"domain": domain, "screen": "s", "responsible": ANN, "backup": "", "steps": []}
    return Act(f"o{number}", ActKind.OPENED, "Client R", at, "", "", body, number)


def test_a_second_protocol_of_a_domain_continues_the_first() -> None:
    """Planted: only the newest of a domain found; this caught it."""
    acts = (
        opened(1, AT + HOUR),
        opened(3, AT + 3 * HOUR),
        Act("r", ActKind.RELEASED, "Client R", AT + 5 * HOUR, ANN, BEN, {"domain": "suicide"}, 5),
    )
    records = [
        record(0, Kind.GATE_DECIDED, ACUTE),
        record(1, Kind.PROTOCOL_OPENED, "protocol-opened", details={"act": "o1"}),
        record(2, Kind.GATE_DECIDED, ACUTE),
        record(3, Kind.PROTOCOL_OPENED, "protocol-opened", details={"act": "o3"}),
        record(8, Kind.GATE_DECIDED, ACUTE),
    ]
    found = acute_episodes(records, acts, lambda _: load_policy(), AT + 9 * HOUR)
    assert [(one.how, one.ended) for one in found] == [("continued", AT + 3 * HOUR), ("released", AT + 5 * HOUR)]
    assert [one.opened - one.flagged for one in found] == [HOUR, HOUR]
    assert [one.seq for one in without_protocol(records, found)] == [0, 8]


def test_a_protocol_that_does_not_open_is_told_without_its_end() -> None:
    """Planted: it was left out; this caught it."""
    [one] = acute_episodes(
        [record(1, Kind.PROTOCOL_OPENED, "protocol-opened", details={"act": "gone"})],
        (),
        lambda _: load_policy(),
        AT,
    )
    assert (one.number, one.how, one.late, one.steps) == (1, "", False, ())


# -- in words


def test_what_needs_eyes_is_ordered_and_silent_where_all_is_well() -> None:
    """Planted: refusals before overdue holds; this caught it."""
    parts = [one.part for one in attention(report_samples.sample())]
    assert parts[:3] == ["trail", "acute", "acute"]
    assert parts[-1] == "refusals"
    assert attention(report_samples.quiet()) == ()


def test_a_loss_that_two_people_signed_for_is_told_as_that() -> None:
    """It was counted as one more time that damage was found, and so was the break that it settled."""
    loss = Break(2, 73, AT, "segment 0 has 64 records", signed=True)
    damage, short = Break(1, 60, AT, "a table is missing"), Break(1, 64, AT, "segment 0 has 64 records", short=True)
    told = {
        said: [one.said for one in attention(replace(report_samples.quiet(), breaks=breaks))]
        for said, breaks in (("loss", (short, loss)), ("damage", (damage, loss)), ("short", (short,)))
    }
    signed = "1 time an older copy was put back, and two people signed for what is lost."
    found = "1 time the trail was found damaged, and went on in a new segment."
    assert told == {"loss": [signed], "damage": [found, signed], "short": [found]}
    [row] = [one for one in sheets(replace(report_samples.quiet(), breaks=(loss,)), UTC) if one.id == "trail"]
    assert "two people signed" in row.rows[0][3]


def test_a_folder_of_checkpoints_that_is_away_stands_out() -> None:
    """Planted: "No break and no damage seen." alone, while plans wait for the folder."""
    doubt = "The folder holds none, so nobody can tell."
    report = replace(report_samples.quiet(), doubt=doubt)
    assert [one.said for one in attention(report)] == [doubt]
    [row] = [one for one in sheets(report, UTC) if one.id == "trail"]
    assert row.rows[0][0] == "not provable now"


def test_each_record_that_is_not_as_written_stands_among_the_breaks() -> None:
    """Planted: the end of the trail alone told; "No break and no damage seen." stood there."""
    wrong = (Damage("its column kind does not fit", 51), Damage("its bytes do not fit its hash", 60))
    report = replace(report_samples.quiet(), damages=wrong)
    [first] = attention(report)
    assert first.said.startswith("The trail is damaged now: record 51: its column")
    [trail] = [one for one in sheets(report, UTC) if one.id == "trail"]
    assert [(row[0], row[1], row[3]) for row in trail.rows] == [
        ("damaged now", "51", "its column kind does not fit"),
        ("damaged now", "60", "its bytes do not fit its hash"),
    ]


def test_every_part_that_needs_eyes_is_a_sheet_and_rows_fit_their_heads() -> None:
    """Planted: a part renamed; this caught it."""
    report = report_samples.sample()
    made = sheets(report, UTC)
    ids = [one.id for one in made]
    assert len(set(ids)) == len(ids)
    assert {one.part for one in attention(report)} <= set(ids)
    for sheet in (*made, *sheets(report_samples.quiet(), UTC)):
        assert {len(row) for row in sheet.rows} <= {len(sheet.heads)}, sheet.id


def test_a_report_as_json_is_json() -> None:
    """Planted: a timedelta left as it is; this caught it."""
    told = json.loads(json.dumps(report_samples.sample().as_dict()))
    assert told["near_expiry"][0]["left"] == 1200
    assert told["weeks"][0]["begins"] == "2026-05-25"
    assert told["acute"][1]["overdue"] == 1


def test_a_limit_stands_in_the_report() -> None:
    """Planted: limits dropped; this caught it."""
    assert replace(report_samples.sample(), limits=("One.",)).as_dict()["limits"] == ["One."]


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=59), "under a minute"),
        (timedelta(minutes=75), "1 h 15 min"),
        (timedelta(days=3, hours=4, minutes=5), "3 d 4 h"),
        (timedelta(days=2, minutes=5), "2 d 5 min"),
        (None, "–"),
    ],
)
def test_a_length_of_time_is_said_in_two_units(length: timedelta | None, said: str) -> None:
    """Planted: minutes rounded up; this caught it."""
    assert lasting(length) == said


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    """Planted: the tab left out; this caught it."""
    assert harmless(cell) == f"'{cell}"
    assert harmless("a cell") == "a cell"


def test_bytes_and_times_that_are_none_stop_no_report() -> None:
    """Planted: ValueError let through; this caught it, for a column may have been edited."""
    assert details_of(b"\xff") == details_of(b'{"details": 3}') == details_of(b"[]") == {}
    assert time_of("yesterday") == time_of("2026-11-02T09:00:00") == NO_TIME


def test_the_report_says_that_it_is_no_worklist() -> None:
    """Two lists with one title sent people to the wrong one. Planted: the sentence left out; this caught it."""
    first = sheets(report_samples.sample(), UTC)[0]
    assert (first.title, first.notes) == ("What stands out", (WORKLIST,))
    assert "withness audit worklist" in report_formats.html(report_samples.sample(), UTC)


def test_times_are_when_a_step_was_recorded() -> None:
    """Above the tables, and in the table. Planted: "overdue" kept; the sentence in the page alone."""
    made = {one.id: one for one in sheets(report_samples.sample(), UTC)}
    assert RECORDED in made["acute"].notes
    assert made["steps"].notes == (RECORDED,)
    assert "not recorded in time" in made["acute"].heads
    assert "not recorded in time" in {row[4] for row in made["steps"].rows}
    told = (report_formats.html(report_samples.sample(), UTC), report_formats.csv(report_samples.sample(), UTC))
    assert all(RECORDED in one and "overdue" not in one for one in told)
