"""Check-ins at the desk: what becomes of each, what `audit verify` finds, and what nobody's file can break.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fhir.form_makers import CHECK_IN, PRIORITIES, chose, group, wrote
from tests.system.check_ins import ROSA, TOM, achievement, check_in, encounter, goal, made, outcomes, own_list
from tests.system.site import CLINICIAN, Site, make_draft, make_goal
from tests.system.test_goals_measure_themselves import planned, silent, told
from tests.system.test_the_trail_shows_every_edit import behind_our_back

from withness.desk import verify
from withness.desk.context import Actor
from withness.errors import EhrUnavailable, InvalidInput
from withness.fhir import codes

MUM = "RelatedPerson/mum"
ELSEWHERE = "Patient/ana"
OWN_LIST = {"template": "own-list", "words": "my own list", "within": {"by_session": 2}, "target": {"exists": True}}


def corrects(response: str, **changes: Any) -> dict[str, Any]:
    """What makes a check-in the correction of another one."""
    cited = {"url": codes.CORRECTS, "valueReference": {"reference": f"QuestionnaireResponse/{response}"}}
    return {"extension": [cited], "status": "amended", **changes}


def observations(site: Site) -> list[tuple[str, str]]:
    """Status and answer of every Observation of a check-in in the chart."""
    found = [one.resource for one in site.chart("Observation")]
    return [(one["status"], one["valueCodeableConcept"]["coding"][0]["code"]) for one in found]


def responses(site: Site) -> list[Any]:
    """The check-ins in the chart, in the order of writing."""
    found = [one.resource for one in site.chart("QuestionnaireResponse")]
    return [one for one in found if "risk-screen" not in one["questionnaire"]]


# -- the trail

EDITS = {
    "its content": "UPDATE check_in SET content = zeroblob(200) WHERE id = '{first}'",
    "its content, by one byte": "UPDATE check_in SET content = CAST(substr(content, 1, 60) || x'00' || substr(content,"
    " 62) AS BLOB) WHERE id = '{first}'",
    "text for bytes": "UPDATE check_in SET content = 'nothing' WHERE id = '{first}'",
    "its id": "UPDATE check_in SET id = 'x' WHERE id = '{first}'",
    "its place in the order": "UPDATE check_in SET number = number + 10 WHERE id = '{first}'",
    "whose it is": "UPDATE check_in SET person = 'Patient/tom' WHERE id = '{first}'",
    "it is gone": "DELETE FROM check_in WHERE id = '{first}'",
    "all are gone": "DELETE FROM check_in",
    "one more": "INSERT INTO check_in SELECT number + 10, 'x', person, content FROM check_in WHERE id = '{first}'",
    "another's content": "UPDATE check_in SET content = (SELECT content FROM check_in WHERE id = '{other}')"
    " WHERE id = '{first}'",
    "two swapped": "UPDATE check_in SET content = (SELECT b.content FROM check_in b WHERE b.id != check_in.id"
    " AND b.person = check_in.person) WHERE person = 'Patient/rosa'",
    "two ids swapped": "UPDATE check_in SET id = CASE id WHEN '{first}' THEN 'x' ELSE id END;"
    "UPDATE check_in SET id = '{first}' WHERE id = '{other}'; UPDATE check_in SET id = '{other}' WHERE id = 'x'",
    "what is on its way": "UPDATE outbox SET content = zeroblob(200) WHERE plan_id = '{first}'",
    "what is on its way gone": "DELETE FROM outbox WHERE plan_id = '{first}'",
    "where it stands": "UPDATE outbox SET state = 'withheld' WHERE plan_id = '{first}'",
}


def two(site: Site) -> dict[str, str]:
    """Rosa's two check-ins, with different answers."""
    first = site.desk.check_in(check_in(site, 1, "yes"))["check_in"]
    site.pass_time(minutes=5)
    return {"first": first, "other": site.desk.check_in(check_in(site, 2, "no"))["check_in"]}


def damages(site: Site) -> tuple[str, ...]:
    """What `audit verify` finds; its exit code is tested below."""
    verdict = verify.verify(site.context.store, Actor(CLINICIAN, "os"), site.at)
    return tuple(one.what for one in verdict.damages)


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_a_check_in_is_found(site: Site, name: str) -> None:
    """Planted: rows not opened; persons not compared; what is missing, or is there unrecorded, passed over."""
    ids = two(site)
    assert damages(site) == ()
    with behind_our_back(site) as database:
        database.executescript(EDITS[name].format(**ids))
    site.open()
    assert damages(site)


KEY_EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "answer": lambda row: row["resource"]["item"].clear(),
    "day": lambda row: row["resource"].update(authored="2026-01-01T10:00:00Z"),
    "salt": lambda row: row.update(salt="00" * 16),
    "what it is called": lambda row: row.update(response="x"),
    "where it went": lambda row: row.update(outbox=None),
    "more": lambda row: row.update(more=1),
}


@pytest.mark.parametrize("what", [*KEY_EDITS, "whose"])
def test_an_edit_by_somebody_with_the_key_is_found(site: Site, what: str) -> None:
    """The record holds a salted digest of the whole row. Planted: the answers, the name left out of it; both caught."""
    last = two(site)["other"]
    with site.context.store.transaction() as tx:
        row = tx.check_in(last)
    assert row is not None
    content = deepcopy(dict(row.content))
    KEY_EDITS.get(what, bool)(content)
    with behind_our_back(site) as database:
        database.execute("DELETE FROM check_in WHERE id = ?", (last,))
    site.open()
    with site.context.store.transaction() as tx:
        tx.put_check_in(last, TOM if what == "whose" else ROSA, content)
    assert damages(site) == ("the check-in that it records was changed",)


def test_versions_in_another_order_are_found(site: Site) -> None:
    """By somebody with the key: the last version is the one that stands. Planted: no order compared; caught."""
    ids = two(site)
    with site.context.store.transaction() as tx:
        rows = [tx.check_in(ids[one]) for one in ("other", "first")]
    with behind_our_back(site) as database:
        database.execute("DELETE FROM check_in")
    site.open()
    with site.context.store.transaction() as tx:
        for row in rows:
            assert row is not None
            tx.put_check_in(row.id, row.person, row.content)
    assert damages(site)


@pytest.mark.parametrize(
    "accident",
    [
        "UPDATE check_in SET person = 'Patient/tom'",
        "DELETE FROM check_in",
        "INSERT OR REPLACE INTO check_in SELECT number, id, person, content FROM check_in WHERE number = 1",
        "INSERT OR REPLACE INTO check_in SELECT number + 10, id, person, content FROM check_in WHERE number = 1",
        "INSERT INTO check_in SELECT number - 10, 'x', person, content FROM check_in WHERE number = 1",
    ],
)
def test_triggers_stop_accidents(site: Site, accident: str) -> None:
    """Planted: the table left out of those that are append-only; caught."""
    two(site)
    with sqlite3.connect(site.settings.database) as database, pytest.raises(sqlite3.IntegrityError, match="append"):
        database.execute(accident)
    database.close()
    site.desk.health()


def test_without_the_key_the_check_ins_are_still_counted(site: Site) -> None:
    """Planted: a bare verification that opens rows; caught."""
    two(site)
    site.desk.close()
    site.key_file.rename(site.key_file.with_suffix(".away"))
    verified = site.console("audit", "verify")
    assert (verified.returncode, "not recomputed" in verified.stdout) == (7, True)
    with behind_our_back(site) as database:
        database.execute("DELETE FROM check_in WHERE number = 1")
    assert site.console("audit", "verify").returncode == 4


# -- whose it is, and who wrote it


def test_what_a_person_who_is_no_patient_says_stays_inside(site: Site) -> None:
    """No resource of it in any chart, and it is on record all the same. Planted: a response written; caught."""
    planned(site)
    before = len(site.chart("QuestionnaireResponse", "Observation", "Goal"))
    answer = site.desk.check_in(check_in(site, 1, "yes", who=MUM, encounter=None))
    assert (answer["delivery"], answer["counted"], answer["goals"]) == ("inside", True, [])
    assert len(site.chart("QuestionnaireResponse", "Observation", "Goal")) == before
    [record] = [one for one in site.records() if one["kind"] == "checkin.recorded"]
    assert record["patient"] == MUM
    with site.context.store.transaction() as tx:
        assert [row.person for row in tx.check_ins(MUM)[0]] == [MUM]
    assert goal(site).get("outcomeReference") is None
    site.desk.health()


@pytest.mark.parametrize(
    ("given", "author", "source", "acts"),
    [
        ("", "Practitioner/p9", ROSA, "Practitioner/p9"),
        ("", None, ROSA, ROSA),
        ("", "PractitionerRole/r1", None, "PractitionerRole/r1"),
        ("", None, None, "Device/withness"),
        (CLINICIAN, "Practitioner/p9", ROSA, CLINICIAN),
    ],
)
def test_who_acts_is_who_wrote_it_down(
    site: Site, given: str, author: str | None, source: str | None, acts: str
) -> None:
    """Planted: the source before the author; the given actor overruled; both caught."""
    people = {"author": author and {"reference": author}, "source": source and {"reference": source}}
    site.desk.check_in(check_in(site, 1, "yes", **people), actor=given)
    recorded = [one for one in site.records() if one["kind"] == "checkin.recorded"]
    assert {one["actor"] for one in recorded} == {acts}


@pytest.mark.parametrize("name", ["author", "source"])
def test_a_writer_who_cannot_be_read_stops_no_check_in(site: Site, name: str) -> None:
    """I7: it is kept, the fault named. Planted: refused for its writer; caught."""
    said = {"author": None, "source": None, name: {"reference": "Patient/zebra words"}}
    answer = site.desk.check_in(check_in(site, 1, "yes", **said))
    assert [one["item"] for one in answer["faults"]] == [name]


def test_faults_are_named_without_the_persons_words(site: Site) -> None:
    """I9: a linkId, and why. Planted: what was written repeated in the sentence; the unknown linkId; both caught."""
    odd = [
        {"linkId": "zebra words of hers", "answer": [{"valueString": "zebra"}]},
        {"linkId": "understood", "answer": [{"valueString": "zebra"}]},
        {"linkId": "today", "answer": [{"valueInteger": 77}]},
        {"linkId": "day", "answer": [{"valueDate": "zebra"}]},
        {"linkId": "words", "answer": [{"valueString": "zebra words"}, {"valueString": "zebra twice"}]},
    ]
    answer = site.desk.check_in(made(site, CHECK_IN, 1, ROSA, *odd))
    assert answer["counted"] is True
    assert {one["item"] for one in answer["faults"]} == {"an unknown item", "understood", "today", "day", "words"}
    assert "zebra" not in json.dumps(answer)
    assert "zebra" not in json.dumps(site.records())
    code, said = site.console_json("checkin", "-", stdin=json.dumps(made(site, CHECK_IN, 1, ROSA, *odd)))
    assert (code, "zebra" in json.dumps(said)) == (0, False)
    assert observations(site) == []


# -- the plan that it is for


def test_somebody_without_a_plan_may_say_how_it_was(site: Site) -> None:
    """In the chart, and no goal counted. Planted: a plan asked for; caught."""
    answer = site.desk.check_in(check_in(site, 1, "yes"))
    assert (answer["goals"], answer["delivery"], answer["troubles"]) == ([], "delivered", [])
    assert observations(site) == [("final", "yes")]
    site.desk.health()


def test_a_plan_that_still_waits_is_counted_when_it_is_there(site: Site) -> None:
    """Planted: a Goal that the chart does not hold yet looked for, which was told as a trouble; caught."""
    site.remote()
    with no_write(site):
        planned_late(site)
        site.pass_time(minutes=5)
        waiting = site.desk.check_in(check_in(site, 1, "yes"))
    assert (waiting["goals"], waiting["delivery"]) == ([], "waiting")
    assert site.chart("Goal") == []
    done = site.desk.sync(actor=CLINICIAN)
    assert (done["delivered"], done["waiting"], done["troubles"]) == (1, 0, [])
    assert told(site, check_in(site, 2, "yes"))["now"] == 2
    assert outcomes(site) == ["yes", "yes"]


def planned_late(site: Site) -> None:
    site.screen()
    frame = {**make_draft()["frame"], "start": site.at.date().isoformat(), "review_by": "2099-01-01"}
    answer = site.save(make_draft(frame=frame))
    assert (answer["decision"], answer["saved"]) == ("released", False)


@contextmanager
def no_write(site: Site) -> Iterator[None]:
    """The EHR can be read and takes nothing while the block runs."""

    def nothing(_: object) -> Any:
        raise EhrUnavailable("The EHR is busy.")

    site.context.ehr.transact = nothing  # type: ignore[method-assign]
    yield
    del site.context.ehr.transact


@pytest.mark.parametrize("how", ["completed", "revoked"])
def test_the_goals_of_a_plan_that_is_closed_are_left_alone(site: Site, how: str) -> None:
    """The check-in is kept and charted all the same. Planted: plans of every state counted; caught."""
    plan = planned(site)
    told(site, check_in(site, 1, "yes"))
    site.desk.close_plan(plan, how=how, reason="Done.", actor=CLINICIAN)
    before = goal(site)
    site.pass_time(days=1)
    answer = site.desk.check_in(check_in(site, 2, "yes"))
    assert (answer["goals"], answer["delivery"], answer["troubles"]) == ([], "delivered", [])
    assert goal(site) == before
    assert len(observations(site)) == 2


def test_a_goal_that_was_ended_in_the_ehr_is_left_alone(site: Site) -> None:
    """Planted: written over in whatever state; caught."""
    planned(site)
    theirs = {name: value for name, value in goal(site).items() if name != "meta"}
    site.write_to_chart({**theirs, "lifecycleStatus": "cancelled"})
    before = goal(site)
    answer = site.desk.check_in(check_in(site, 1, "yes"))
    assert answer["troubles"] == []
    assert goal(site) == before


def test_a_plan_whose_row_is_damaged_stops_no_check_in(site: Site) -> None:
    """I7: the other plan's goals are counted, the check-in is kept. Planted: the first broken row raised; caught."""
    broken = planned(site)
    site.pass_time(minutes=5)
    planned(site, make_goal(words="The second"))
    with behind_our_back(site) as database:
        database.execute("UPDATE plan SET content = zeroblob(200) WHERE id = ?", (broken,))
    site.open()
    answer = site.desk.check_in(check_in(site, 1, "yes"))
    assert [(one["words"], one["now"]) for one in answer["goals"]] == [("The second", 1)]
    assert site.desk.count_goals(ROSA, actor=CLINICIAN)["goals"] == answer["goals"]


def test_a_check_in_whose_row_is_damaged_stops_no_other(site: Site) -> None:
    """Planted: every row opened or none; caught."""
    planned(site)
    ids = two(site)
    with behind_our_back(site) as database:
        database.execute("UPDATE check_in SET content = zeroblob(200) WHERE id = ?", (ids["first"],))
        database.execute("UPDATE outbox SET content = zeroblob(200) WHERE plan_id = ?", (ids["first"],))
    site.open()
    assert told(site, check_in(site, 3, "yes"))["now"] == 2


# -- corrections


def test_a_version_that_still_waited_is_not_written_over_its_correction(site: Site) -> None:
    """Planted: both sent, the older one last: the chart then said "no" for ever; caught."""
    planned(site)
    site.remote()
    with silent(site):
        first = site.desk.check_in(check_in(site, 1, "no"))
    site.pass_time(minutes=5)
    again = site.desk.check_in(check_in(site, 1, "yes", **corrects(first["check_in"])))
    assert again["goals"][0]["now"] == 1
    site.pass_time(hours=2)
    done = site.desk.sync(actor=CLINICIAN)
    assert (done["waiting"], done["troubles"]) == (0, [])
    assert (outcomes(site), observations(site)) == (["yes"], [("final", "yes")])
    assert told(site, check_in(site, 2, "yes"))["now"] == 2
    site.desk.health()


def test_a_correction_that_cannot_be_relied_on_leaves_standing_what_it_corrects(site: Site) -> None:
    """And the next one takes back what was written. Planted: counted as nothing; only the version before taken back.

    Both caught: the Goal's outcomes were not those that were counted, and an Observation stayed final.
    """
    planned(site)
    first = site.desk.check_in(check_in(site, 1, "yes"))["check_in"]
    site.pass_time(minutes=5)
    half = site.desk.check_in(check_in(site, 1, "no", **corrects(first, status="in-progress")))
    assert (half["counted"], half["goals"][0]["now"], outcomes(site)) == (False, 1, ["yes"])
    site.pass_time(minutes=5)
    last = site.desk.check_in(check_in(site, 1, None, **corrects(first)))
    assert (last["goals"][0]["now"], last["goals"][0]["skipped"], outcomes(site)) == (0, 1, [])
    assert observations(site) == [("entered-in-error", "yes")]
    site.desk.health()


@pytest.mark.parametrize("cited", [["x"], {}, None, 7, "QuestionnaireResponse/", "x" * 5000])
def test_a_correction_of_nothing_is_kept_and_not_counted(site: Site, cited: Any) -> None:
    """I7. Planted: looked up whatever it is, which ended in a traceback; caught."""
    two(site)
    extension = [{"url": codes.CORRECTS, "valueReference": {"reference": cited}}]
    answer = site.desk.check_in(check_in(site, 1, "yes", extension=extension))
    assert (answer["counted"], answer["delivery"]) == (False, "inside")
    assert answer["faults"] == [{"item": "extension", "why": "corrects names no check-in of this person"}]


def test_what_the_ehr_takes_back_counts_no_more(site: Site) -> None:
    """It is marked as entered in error there, by whoever found it in the wrong chart.

    Planted: counted on from what was recorded here, its Observation named on as an outcome; both caught.
    """
    planned(site)
    two(site)
    for one in responses(site):
        site.write_to_chart({**one, "status": "entered-in-error", "meta": {"profile": one["meta"]["profile"]}})
    [found] = site.desk.count_goals(ROSA, actor=CLINICIAN)["goals"]
    assert (found["now"], outcomes(site)) == (0, [])


def test_a_session_that_is_called_off_takes_its_outcome_along(site: Site) -> None:
    """Planted: the Observation of a session that counts no more left in the Goal; caught."""
    planned(site)
    for session in (1, 2):
        site.write_to_chart(encounter(site, session))
        told(site, check_in(site, session, "yes"))
        site.pass_time(days=7)
    assert outcomes(site) == ["yes", "yes"]
    theirs = {**goal(site), "outcomeReference": [{"reference": "Observation/theirs"}, *goal(site)["outcomeReference"]]}
    site.write_to_chart({name: value for name, value in theirs.items() if name != "meta"})
    site.write_to_chart(encounter(site, 1, status="cancelled"))
    [found] = site.desk.count_goals(ROSA, actor=CLINICIAN)["goals"]
    assert (found["now"], len(found["sessions"])) == (1, 1)
    [first, _] = goal(site)["outcomeReference"]
    assert first == {"reference": "Observation/theirs"}


@pytest.mark.parametrize("period", [True, False])
def test_a_check_in_of_a_session_that_was_called_off_counts_for_nothing(site: Site, period: bool) -> None:
    """One that never began mostly has no period. Planted: then taken for a session that was held; caught."""
    planned(site)
    held = encounter(site, 1, status="cancelled")
    site.write_to_chart(held if period else {name: one for name, one in held.items() if name != "period"})
    found = told(site, check_in(site, 1, "yes"))
    assert (found["now"], found["sessions"]) == (0, [])


def test_a_list_counts_on_its_day_whatever_session_it_names(site: Site) -> None:
    """The EHR may not know the session, or have called it off. Planted: then never counted; caught."""
    planned(site, make_goal(**OWN_LIST))
    site.write_to_chart(encounter(site, 1, status="cancelled"))
    empty = made(site, PRIORITIES, 1, ROSA, group("priority", wrote("priority.why", "Because.")))
    assert told(site, empty)["achievement"] == "in-progress"
    assert told(site, own_list(site, 1, "Sleep"))["achievement"] == "achieved"
    assert achievement(site) == "achieved"


@pytest.mark.parametrize(("encounter", "counts"), [("Encounter/e1", True), ("Encounter/e9", False), (None, False)])
def test_a_list_from_before_the_goal_is_another_goals(site: Site, encounter: str | None, counts: bool) -> None:
    """But for one written in the session in which the plan was made. Planted: a list of last year counted; caught."""
    named = {"encounter": encounter and {"reference": encounter}, "authored": "2025-01-01T10:00:00Z"}
    site.desk.check_in(made(site, PRIORITIES, 1, ROSA, group("priority", wrote("priority.words", "Sleep")), **named))
    planned(site, make_goal(**OWN_LIST))
    [found] = site.desk.count_goals(ROSA, actor=CLINICIAN)["goals"]
    assert (found["now"], found["achievement"] == "achieved", len(outcomes(site))) == (counts, counts, counts)


# -- what others write into the EHR

DECOYS: dict[str, dict[str, Any]] = {
    "another's": {"subject": {"reference": TOM}},
    "nobody's": {"subject": None},
    "of a group": {"subject": {"reference": "Group/rosa"}},
    "taken back": {"status": "entered-in-error"},
    "a draft": {"status": "in-progress"},
    "another version": {"questionnaire": f"{codes.questionnaire('session-check-in')}|9.9.9"},
    "no version": {"questionnaire": codes.questionnaire("session-check-in")},
    "another form": {"questionnaire": "https://elsewhere.example/Questionnaire/session-check-in|0.1.0"},
    "no time": {"authored": None},
    "a day for a time": {"authored": "2026-11-21"},
    "rules of its own": {"implicitRules": "https://elsewhere.example/rules"},
    "items that are none": {"item": "yes"},
    "an item that is none": {"item": ["understood"]},
    "an item twice": {"item": [chose(CHECK_IN, "understood", "yes"), chose(CHECK_IN, "understood", "no")]},
    "two answers": {"item": [chose(CHECK_IN, "understood", "yes", "no")]},
    "another code system": {"item": [chose(CHECK_IN, "understood", "yes", system="urn:theirs")]},
    "under an answer": {"item": [{**chose(CHECK_IN, "missed"), "item": [chose(CHECK_IN, "understood", "yes")]}]},
}


@pytest.mark.parametrize("name", DECOYS)
def test_what_cannot_be_taken_from_the_ehr_is_no_yes(site: Site, name: str) -> None:
    """Nor does it stop what can be. Planted: another version taken; the first of two answers; both caught."""
    planned(site)
    decoy = {**check_in(site, 1, "yes"), "id": "decoy", **DECOYS[name]}
    site.write_to_chart({element: value for element, value in decoy.items() if value is not None})
    assert told(site, check_in(site, 2, "yes"))["now"] == 1
    assert outcomes(site) == ["yes"]
    assert observations(site) == [("final", "yes")]


# -- what nobody's file can break

_TEXTS = st.sampled_from(
    ["", "Patient/rosa", "Patient/", "yes", "understood", "1", "2026-11-21", "\U0001f331", "x" * 99]
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 2**60, 10**40, 1.5, 1e300]),
    _TEXTS,
    st.text(max_size=9),
)
_KEYS = st.sampled_from(["reference", "linkId", "answer", "item", "valueCoding", "valueString", "url", "id", "status"])
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=8
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside."""
    named = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in named:
        yield (*path, name)
        yield from places(one, (*path, name))


@st.composite
def hostile(draw: st.DrawFn) -> Any:
    """A check-in with anything at all in up to three of its places."""
    items = [
        chose(CHECK_IN, "understood", "yes"),
        {"linkId": "day", "answer": [{"valueDate": "2026-11-21"}]},
        {"linkId": "today", "answer": [{"valueInteger": 3}]},
        group("possibility", wrote("possibility.named", "A course"), wrote("possibility.described", "More.")),
    ]
    url = codes.questionnaire("session-check-in")
    made: dict[str, Any] = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{url}|{CHECK_IN.version}",
        "status": "completed",
        "subject": {"reference": ELSEWHERE},
        "encounter": {"reference": "Encounter/e3"},
        "authored": "2026-11-21T10:30:00Z",
        "author": {"reference": CLINICIAN},
        "extension": [{"url": codes.CORRECTS, "valueReference": {"reference": "QuestionnaireResponse/r1"}}],
        "item": items,
    }
    if draw(st.booleans()):
        del made["extension"]
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(made))))
        inner: Any = made
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = draw(_JSON)
    return made if draw(st.integers(0, 19)) else draw(_JSON)


def test_a_thousand_hostile_values_end_in_an_answer_or_a_named_field(tmp_path: Path) -> None:
    """Planted: a reference that is a list looked up; a number that canonical JSON does not know; both caught."""
    with Site(tmp_path / "home", tmp_path / "site.key") as site:
        kept, refusals = [], []

        @settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
        @given(hostile())
        def run(value: Any) -> None:
            try:
                answer = site.desk.check_in(value, actor=ELSEWHERE)
            except InvalidInput as refused:
                refusals.append(refused)
            else:
                kept.append(answer)
                json.dumps(answer)

        run()
        assert len(kept) > 100
        assert all(one.field and "course" not in str(one) for one in refusals)
        site.desk.health()


@pytest.mark.parametrize("number", [2**60, -(10**40), 1e300, 0.1])
def test_a_number_of_any_size_is_kept(site: Site, number: float) -> None:
    """I7, and the trail is whole. Planted: hashed as canonical JSON, which knows no such number; caught."""
    answer = site.desk.check_in(check_in(site, 1, "yes", length=number))
    with site.context.store.transaction() as tx:
        row = tx.check_in(answer["check_in"])
    assert row is not None
    assert row.content["resource"]["length"] == number
    site.desk.health()
