"""Evidence against its form: every rule of every kind of field, and no sentence that repeats what was written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from withness.core.evidence import read_evidence, template
from withness.core.risk import EvidenceField, EvidenceForm
from withness.errors import InvalidInput
from withness.packs.policy import load_policy

POLICY = load_policy()
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)

FORM = EvidenceForm(
    need="need",
    title="A need",
    source="a test",
    fields=(
        EvidenceField("outcome", "What came of it", "choice", options=("made", "declined", "unsure")),
        EvidenceField("note", "What was said", "text"),
        EvidenceField("reason", "Why not", "text", min_chars=10, when=("outcome", "declined")),
        EvidenceField("day", "Which day", "date", when=("outcome", "made")),
        EvidenceField("at", "When it was", "time", optional=True),
        EvidenceField("done", "When it was done", "day-past", optional=True),
        EvidenceField("next", "When it is next", "day-ahead", optional=True),
        EvidenceField("from", "From when", "planned", optional=True),
        EvidenceField("weeks", "How many weeks", "number", optional=True),
        EvidenceField("with", "With whom", "person", optional=True),
        EvidenceField("more", "Anything more", "text", optional=True, min_chars=3),
    ),
)
MADE = {"outcome": "made", "note": "we talked", "day": "2026-11-20"}
DECLINED = {"outcome": "declined", "note": "we talked", "reason": "the client would rather not"}


def read(given: Any, form: EvidenceForm = FORM, **more: Any) -> dict[str, str]:
    return read_evidence(form, given, now=NOW, words_for_nothing=POLICY.not_an_answer, **more)


ACCEPTED: list[tuple[str, Any]] = [
    ("note", " words stay as they were written \n"),
    ("note", "0"),
    ("note", "client declines"),
    ("note", "说了"),
    ("day", "2026-11-20"),
    ("day", "2031-02-28"),
    ("done", "2026-11-21"),
    ("done", "2009-01-01"),
    ("next", "2026-11-21"),
    ("next", "2027-02-28"),
    ("at", "2026-11-21T10:00:00Z"),
    ("at", "2026-11-21T10:05:00Z"),
    ("at", "2026-11-21T12:05+02:00"),
    ("at", "0001-01-01T00:00:00+14:00"),
    ("from", "2027-01-01T09:00:00.5-05:00"),
    ("weeks", "2"),
    ("weeks", "0.5"),
    ("with", "Dr Example"),
    ("with", "Practitioner/p1"),
    ("with", "PractitionerRole/r1"),
    ("with", "王小明"),
    ("more", "yes"),
]


@pytest.mark.parametrize(("field", "written"), ACCEPTED)
def test_what_fits_is_kept_as_written(field: str, written: str) -> None:
    assert read({**MADE, field: written}) == {**MADE, field: written}


@pytest.mark.parametrize(("number", "kept"), [(2, "2"), (1.5, "1.5")])
def test_a_number_may_come_as_one(number: float, kept: str) -> None:
    assert read({**MADE, "weeks": number})["weeks"] == kept


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    # required
    ({"note": None}, "note", "is missing"),
    ({"note": ""}, "note", "is missing"),
    ({"note": " \n\u200b"}, "note", "is missing"),
    ({"note": "---"}, "note", "is missing"),
    ({"note": "N/A"}, "note", "says nothing by itself: write it in words, such as 'none found; asked about"),
    ({"note": "None"}, "note", "says nothing by itself"),
    ({"note": " t.b.d "}, "note", "says nothing by itself"),
    ({"note": "ＴＢＤ"}, "note", "says nothing by itself"),
    ({"note": "What was said"}, "note", "is missing"),
    ({"outcome": None}, "outcome", "is missing"),
    ({"outcome": "pending"}, "outcome", "is missing"),
    ({"day": None}, "day", "is missing"),
    ({"day": "-"}, "day", "is missing"),
    ({"day": "none"}, "day", "is missing"),
    # a choice
    ({"outcome": "maybe"}, "outcome", "must be one of made, declined, unsure"),
    ({"outcome": "Made"}, "outcome", "must be one of made, declined, unsure"),
    # days and moments
    ({"day": "20.11.2026"}, "day", "must be a day"),
    ({"day": "20261120"}, "day", "must be a day"),
    ({"day": "2026-02-30"}, "day", "must be a day"),
    ({"day": "2026-11-20T10:00:00Z"}, "day", "must be a day"),
    ({"day": "٢٠٢٦-١١-٢٠"}, "day", "must be a day"),
    ({"done": "2026-11-22"}, "done", "lies in the future"),
    ({"done": "2099-01-01"}, "done", "lies in the future"),
    ({"done": "21.11.2026"}, "done", "must be a day that has come"),
    ({"next": "2026-11-20"}, "next", "lies in the past"),
    ({"next": "2009-01-01"}, "next", "lies in the past"),
    ({"next": "2026-11-31"}, "next", "must be today or a later day"),
    ({"at": "2026-11-21T10:05:01Z"}, "at", "lies in the future"),
    ({"at": "2026-11-21T10:00:00-01:00"}, "at", "lies in the future"),
    ({"at": "2026-11-20T10:00:00"}, "at", "must be when it happened, with its zone"),
    ({"at": "2026-11-20"}, "at", "must be when it happened, with its zone"),
    ({"at": "2026-11-21T25:00:00Z"}, "at", "must be when it happened, with its zone"),
    ({"at": "yesterday"}, "at", "must be when it happened, with its zone"),
    ({"from": "next week"}, "from", "must be a time with its zone"),
    ({"from": "2027-01-01T09:00"}, "from", "must be a time with its zone"),
    # numbers
    ({"weeks": "0"}, "weeks", "must be a number above 0"),
    ({"weeks": "0.000"}, "weeks", "must be a number above 0"),
    ({"weeks": "-2"}, "weeks", "must be a number above 0"),
    ({"weeks": "two"}, "weeks", "must be a number above 0"),
    ({"weeks": "1e3"}, "weeks", "must be a number above 0"),
    ({"weeks": float("nan")}, "weeks", "must be a number above 0"),
    ({"weeks": 0}, "weeks", "must be a number above 0"),
    ({"weeks": True}, "weeks", "must be a text"),
    # people
    ({"with": "somebody"}, "with", "must be first and last name"),
    ({"with": "Patient/rosa"}, "with", "must be first and last name"),
    ({"with": "Dr 7"}, "with", "must be first and last name"),
    # length
    ({"more": "a      "}, "more", "must be at least 3 characters long"),
    ({"more": "  ok      "}, "more", "must be at least 3 characters long"),
    # conditions
    ({"reason": "the client would rather not"}, "reason", "is asked only when outcome is declined"),
    ({"outcome": "unsure"}, "day", "is asked only when outcome is made"),
    # shape
    ({"note": ["we talked"]}, "note", "must be a text"),
    ({"note": 7}, "note", "must be a text"),
    ({"extra": "x"}, "extra", "is not a field of this need"),
    ({"Rosa's words": None}, "Rosa?s?words", "is not a field of this need"),
]


@pytest.mark.parametrize(("written", "field", "said"), REFUSED)
def test_a_fault_names_need_and_field_and_repeats_nothing(written: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read({**MADE, **written})
    assert refused.value.field == f"need.{field}"
    assert refused.value.message.startswith(f"need.{field} {said}")
    assert refused.value.message.count(". ") == 0
    assert refused.value.message.endswith(".")
    for value in written.values():
        assert not isinstance(value, str) or len(value) < 4 or value not in refused.value.message


@pytest.mark.parametrize(("reason", "said"), [(None, "is missing"), ("too short", "must be at least 10 characters")])
def test_a_condition_that_is_met_asks(reason: str | None, said: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^need\.reason {said}"):
        read({**DECLINED, "reason": reason})


def test_a_choice_that_is_one_of_the_words_for_nothing_says_something() -> None:
    assert "declined" in POLICY.not_an_answer
    assert read(DECLINED) == DECLINED


@pytest.mark.parametrize("empty", [None, "", "n/a", "Anything more (at least 3 characters; may be left out)"])
def test_an_optional_field_left_empty_is_left_out(empty: str | None) -> None:
    assert read({**MADE, "more": empty}) == MADE


@pytest.mark.parametrize("given", [None, [], "text", 7])
def test_evidence_is_an_object(given: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(given)
    assert refused.value.field == "need"


def test_the_tolerance_is_the_callers() -> None:
    late = {**MADE, "at": "2026-11-21T10:00:01Z"}
    assert read(late)
    with pytest.raises(InvalidInput):
        read(late, tolerance=timedelta(0))


SINCE: list[tuple[str, str, bool]] = [
    ("done", "2026-11-20", True),
    ("done", "2026-11-19", False),
    ("done", "2009-01-01", False),
    ("at", "2026-11-20T00:00:00Z", True),
    ("at", "2026-11-20T01:00:00+02:00", False),
    ("at", "2026-11-19T23:59:59Z", False),
    ("day", "2026-11-19", True),
    ("next", "2026-11-21", True),
]


@pytest.mark.parametrize(("field", "written", "fits"), SINCE)
def test_what_was_done_before_the_hold_documents_nothing_of_it(field: str, written: str, fits: bool) -> None:
    given, since = {**MADE, field: written}, date(2026, 11, 20)
    if fits:
        assert read(given, since=since) == given
        return
    with pytest.raises(InvalidInput) as refused:
        read(given, since=since)
    assert refused.value.message == f"need.{field} is before this hold: write down what was done since."


@pytest.mark.parametrize(
    ("now", "field", "written"),
    [("2026-11-21T23:56:00Z", "done", "2026-11-22"), ("2026-11-22T00:04:00Z", "next", "2026-11-21")],
)
def test_a_day_is_judged_in_utc_within_the_tolerance(now: str, field: str, written: str) -> None:
    for zone in (UTC, timezone(timedelta(hours=-8))):
        at = datetime.fromisoformat(now).astimezone(zone)
        given = {**MADE, field: written}
        assert read_evidence(FORM, given, now=at, words_for_nothing=()) == given
        with pytest.raises(InvalidInput, match=r"lies in the (future|past)"):
            read_evidence(FORM, given, now=at, words_for_nothing=(), tolerance=timedelta(0))


def test_a_kind_that_is_not_known_takes_nothing() -> None:
    form = EvidenceForm("need", "", "", (EvidenceField("one", "One", "picture"),))
    with pytest.raises(InvalidInput, match="kind"):
        read({"one": "anything"}, form)


def test_the_template_says_what_each_field_asks_for() -> None:
    assert template(FORM) == {
        "outcome": "What came of it (one of: made, declined, unsure)",
        "note": "What was said",
        "reason": "Why not (at least 10 characters; only when outcome is declined)",
        "day": "Which day (a day, YYYY-MM-DD; only when outcome is made)",
        "at": "When it was (when it happened, with its zone, such as 2026-11-21T10:00:00Z; may be left out)",
        "done": "When it was done (a day that has come, YYYY-MM-DD; may be left out)",
        "next": "When it is next (today or a later day, YYYY-MM-DD; may be left out)",
        "from": "From when (a time with its zone, such as 2026-11-21T10:00:00Z; may be left out)",
        "weeks": "How many weeks (a number above 0; may be left out)",
        "with": "With whom (first and last name, or Practitioner/id; may be left out)",
        "more": "Anything more (at least 3 characters; may be left out)",
    }


@pytest.mark.parametrize("form", POLICY.evidence.values(), ids=lambda form: form.need)
class TestEveryShippedForm:
    def test_a_template_handed_back_as_it_is_documents_nothing(self, form: EvidenceForm) -> None:
        with pytest.raises(InvalidInput, match="is missing"):
            read(template(form), form)

    def test_it_can_be_completed_in_every_way_it_offers(self, form: EvidenceForm) -> None:
        for codes in _ways(form):
            filled = {**template(form), **_filled(form, codes)}
            assert set(read(filled, form)) == set(_filled(form, codes))

    def test_no_field_that_is_asked_can_be_left_out(self, form: EvidenceForm) -> None:
        for codes in _ways(form):
            filled = _filled(form, codes)
            for field in form.fields:
                if field.id not in filled or field.optional:
                    continue
                with pytest.raises(InvalidInput) as refused:
                    read({id: said for id, said in filled.items() if id != field.id}, form)
                assert refused.value.field.startswith(f"{form.need}.")


def _ways(form: EvidenceForm) -> list[dict[str, str]]:
    ways: list[dict[str, str]] = [{}]
    for field in form.fields:
        if field.kind == "choice":
            ways = [{**way, field.id: code} for way in ways for code in field.options]
    return ways


SAID = {
    "text": "written out in forty characters at the very least",
    "date": "2026-11-21",
    "day-past": "2026-11-21",
    "day-ahead": "2026-11-21",
    "time": "2026-11-21T09:30:00Z",
    "planned": "2026-11-28T09:30:00Z",
    "number": "2",
    "person": "Dr Example",
}


def _filled(form: EvidenceForm, codes: dict[str, str]) -> dict[str, str]:
    filled: dict[str, str] = {}
    for field in form.fields:
        if field.when is None or filled.get(field.when[0]) == field.when[1]:
            filled[field.id] = codes[field.id] if field.kind == "choice" else SAID[field.kind]
    return filled


def test_no_supervisor_told_passes_as_a_mandated_report() -> None:
    form = POLICY.evidence["report-reference-or-reason-none"]
    for given in (
        {"outcome": "told-my-supervisor"},
        {"outcome": "no-report", "reason": "told-my-supervisor", "rationale": SAID["text"]},
        {"outcome": "no-report", "reason": "told my supervisor", "rationale": SAID["text"]},
    ):
        with pytest.raises(InvalidInput, match="must be one of"):
            read(given, form)
