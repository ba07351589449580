"""A couple: one private screen each; whatever is wrong with one, the unit hears one and the same sentence (I8)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.system.site import Site, make_draft, make_goal
from tests.system.test_a_newer_result_in_the_chart import result
from withness.store import sql, sqlite
from withness.store.transaction import Transaction

COUPLE = ("Patient/rosa", "Patient/tom")


def clear(site: Site, who: str, **answers: Any) -> None:
    """A private screen in the couple's encounter."""
    site.screen(who, encounter="Encounter/e1", **answers)


REASONS: dict[str, Callable[[Site], object]] = {
    "unscreened": lambda site: None,
    "incomplete": lambda site: clear(site, "Patient/tom", answers={"eating.rapid-loss": None}),
    "elevated": lambda site: clear(site, "Patient/tom", answers={"violence.controlled": "yes"}),
    "acute": lambda site: clear(site, "Patient/tom", answers={"violence.afraid": "yes"}),
    "not asked alone": lambda site: clear(site, "Patient/tom", answers={"violence.asked-alone": "no"}),
    "other encounter": lambda site: site.screen("Patient/tom"),
}


def outputs(site: Site, tmp: Any) -> list[Any]:
    """Everything that can be told about the unit, without what is random in it."""
    draft = make_draft(*COUPLE)
    saved, shown = site.save(draft), site.desk.preview(draft)
    gate = site.desk.decide(COUPLE, actor="Practitioner/p1", encounter="Encounter/e1", kind="couple")
    console = site.console("gate", "Patient/rosa", "--with", "Patient/tom", "--encounter", "Encounter/e1")
    path = tmp / "draft.json"
    path.write_text(json.dumps(draft), encoding="utf-8")
    save = site.console("plan", "save", str(path))
    saved["plan"] = shown["plan"] = None
    return [
        saved,
        shown,
        gate,
        console.stdout,
        console.stderr,
        console.returncode,
        save.stdout.splitlines()[:-1],
        save.returncode,
    ]


def test_every_reason_gives_the_same_outputs(tmp_path: Any) -> None:
    """Planted: the member's decision name in the unit's answer; "acute" against "unscreened" caught it."""
    seen = {}
    for number, (name, make) in enumerate(REASONS.items()):
        with Site(tmp_path / f"home{number}", tmp_path / f"{number}.key") as site:
            clear(site, "Patient/rosa")
            make(site)
            seen[name] = outputs(site, tmp_path)
            assert site.plans_in_chart() == 0
    first = seen["unscreened"]
    assert all(one == first for one in seen.values())
    assert first[0]["decision"] == "held"
    assert (first[0]["findings"], first[0]["missing"], first[0]["protocol"]) == ([], [], [])
    assert (first[5], first[7]) == (3, 3)


def test_each_chart_names_only_its_own_member(site: Site) -> None:
    """Two CarePlans, linked by one identifier only. Planted: every acceptance copied into each Goal; caught."""
    clear(site, "Patient/rosa")
    clear(site, "Patient/tom", answers={"psychosis.known-illness": "yes", **_integration()})
    draft = make_draft(*COUPLE)
    draft["concern"] = {
        "words": "We talk past each other",
        "voices": [
            {"who": "Patient/rosa", "words": "He never listens"},
            {"who": "Patient/tom", "words": "She has made up her mind"},
        ],
        "problems": ["communication-difficulties"],
    }
    both = [{"who": one, "status": "agree"} for one in COUPLE]
    shared = make_goal(
        template="monologue",
        words="Hear each other out",
        by=None,
        within={"sessions": 6},
        target={"count": 2},
        responsible="partners",
        acceptance=both,
    )
    draft["goals"] = [
        make_goal("Patient/rosa", words="Be heard"),
        make_goal("Patient/tom", words="Not be judged"),
        shared,
    ]
    answer = site.save(draft)
    assert (answer["decision"], answer["saved"], answer["conditions"]) == ("released", True, [])
    assert len(answer["care_plans"]) == 2
    resources = [
        stored.resource
        for kind in ("CarePlan", "Goal", "QuestionnaireResponse", "Provenance")
        for stored in site.chart(kind)
    ]
    traces = {
        "rosa": ("rosa", "He never listens", "Be heard"),
        "tom": ("tom", "made up her mind", "Not be judged", "Ngata"),
    }
    for resource in resources:
        text = json.dumps(resource)
        found = {name for name, words in traces.items() if any(word in text for word in words)}
        assert len(found) == 1, resource["resourceType"]
        assert "violence" not in text
        assert "We talk past each other" not in text
    marks = {
        next(one["value"] for one in plan.resource["identifier"] if one["system"].endswith("unit-plan"))
        for plan in site.chart("CarePlan")
    }
    assert len(marks) == 1


def _integration() -> dict[str, str]:
    names = ("provider", "last-contact", "supports", "release-of-information", "relapse-plan")
    return {f"integration.{name}": "Dr Ngata" for name in names}


def test_no_record_names_two_members_or_says_why(site: Site) -> None:
    """An audit extract of one member holds nothing of the other. Planted: members listed in details; caught."""
    clear(site, "Patient/rosa")
    clear(site, "Patient/tom", answers={"violence.afraid": "yes"})
    site.save(make_draft(*COUPLE))
    with sqlite3.connect(site.settings.database) as database:
        bodies = [row[0].decode() for row in database.execute("SELECT body FROM audit_leaf")]
    database.close()
    assert len(bodies) > 4
    for body in bodies:
        assert not ("Patient/rosa" in body and "Patient/tom" in body)
        assert "violence" not in body
        assert "afraid" not in body


def test_a_member_who_is_no_patient_needs_a_screen_and_gets_no_chart(site: Site) -> None:
    """A RelatedPerson's screen stays inside; the unit's plan goes into the patient's chart alone."""
    family = ("Patient/rosa", "RelatedPerson/mum")
    clear(site, "Patient/rosa")
    draft = make_draft(*family, goals=[make_goal("Patient/rosa")])
    assert site.save(draft)["decision"] == "held"
    clear(site, "RelatedPerson/mum")
    answer = site.save(draft)
    assert answer["saved"] is True
    assert len(answer["care_plans"]) == 1
    assert "RelatedPerson" not in json.dumps(answer["bundle"])


def test_a_members_own_plan_stays_possible(site: Site) -> None:
    """Tom's finding holds Tom and the couple, never Rosa's own plan."""
    clear(site, "Patient/rosa")
    clear(site, "Patient/tom", answers={"violence.afraid": "yes"})
    assert site.save(make_draft(*COUPLE))["decision"] == "held"
    assert site.save(make_draft("Patient/rosa"))["saved"] is True


@pytest.mark.parametrize("kind", ["organization"])
def test_an_organization_cannot_have_a_plan(site: Site, kind: str) -> None:
    """R4 CarePlan.subject is Patient or Group; the console says so in a sentence, exit 2."""
    draft = make_draft()
    draft["unit"]["kind"] = kind
    code, said = site.console_json("plan", "save", "-", stdin=json.dumps(draft))
    assert (code, said["field"]) == (2, "unit.kind")
    assert "CarePlan" in said["message"]


@pytest.mark.parametrize("nth", [2, 3, 4])
def test_a_database_that_goes_away_after_the_decision_says_no_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    """What one member's protocol has to send is nobody else's to hear, whether it can be sent or not (I8).

    A commit's failure cannot be had on purpose from SQLite, so it is made here. Planted: the answer that says that
    something waits to be sent; caught.
    """
    heard = []
    for name in ("unscreened", "acute in the chart"):
        with Site(tmp_path / name / "home", tmp_path / name / "key") as site, monkeypatch.context() as patched:
            site.morning()
            clear(site, "Patient/rosa")
            if name != "unscreened":
                clear(site, "Patient/tom")
                site.pass_time(hours=1)
                high = {"valueCodeableConcept": {"text": "High"}}
                site.write_to_chart(result("93374-7", site.at, high, subject={"reference": "Patient/tom"}))
                site.pass_time(minutes=5)
            commits = _failing(patched, nth)
            answer = site.save(make_draft(*COUPLE))
            patched.undo()
            heard.append({**answer, "plan": None})
            site.desk.sync(actor="Practitioner/p1")
            flagged = [one.resource["subject"]["reference"] for one in site.chart("Flag")]
            assert flagged == (["Patient/tom"] if name != "unscreened" else [])
    assert len(commits) >= nth
    assert heard[0] == heard[1]


def _failing(patched: pytest.MonkeyPatch, nth: int) -> list[int]:
    """Let the nth commit fail that finds a plan; return a list that grows with each."""
    real, commits = sqlite.SqliteStore._commit, list[int]()

    def commit(store: sqlite.SqliteStore, connection: Any) -> None:
        if Transaction(connection, None).count("plan"):
            commits.append(nth)
        if len(commits) != nth:
            return real(store, connection)
        store._discard()
        raise sql.CommitUnknown("The database could not confirm that the record is durable.")

    patched.setattr(sqlite.SqliteStore, "_commit", commit)
    return commits
