"""Ways around the gate that were found by somebody who looked for them, each closed and kept closed."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.makers import make_screen
from tests.system.site import Site, make_draft
from tests.system.test_the_trail_shows_every_edit import behind_our_back
from withness.desk.front import Desk
from withness.errors import EhrUnavailable, InvalidInput, PolicyRefused, TrailDamaged, WithnessError
from withness.packs import policy as policies


def answer_lost(site: Site) -> dict[str, Any]:
    """Save while the EHR's answer gets lost after it took the plan."""
    real = site.context.ehr.transact

    def taken_and_silent(bundle: Any) -> Any:
        real(bundle)
        raise EhrUnavailable("The EHR did not answer.")

    site.context.ehr.transact = taken_and_silent  # type: ignore[method-assign]
    answer = site.save()
    site.context.ehr.transact = real  # type: ignore[method-assign]
    return answer


@pytest.mark.parametrize(
    ("newer", "stands"), [({"eating.rapid-loss": "unsure"}, "delivered"), ({"suicide.now": "yes"}, "on-hold")]
)
def test_a_plan_that_reached_the_ehr_is_never_called_withheld(site: Site, newer: dict[str, str], stands: str) -> None:
    """Its fate is looked up before a newer screen is asked; where that is acute, the plan goes on hold (I4).

    Planted: withheld before the look-up; caught.
    """
    site.screen()
    assert answer_lost(site)["delivery"] == "sending"
    site.pass_time(minutes=1)
    site.screen(answers=newer)
    done = site.desk.sync(actor="Practitioner/p1")
    assert (done["delivered"], done["withheld"]) == (1, 0)
    assert "on hold" in done["troubles"][0]
    assert len(site.care_plans()) == 1
    [plan] = site.desk.plans()
    assert (plan["state"], plan["decision"].startswith("held")) == (stands, True)


def test_one_request_never_makes_two_plans_through_a_lost_answer(site: Site) -> None:
    """Clear, lost, unsure, clear again, saved again: still one CarePlan."""
    site.screen()
    draft = make_draft()
    real = site.context.ehr.transact
    site.context.ehr.transact = _silent(real)  # type: ignore[method-assign]
    site.save(draft)
    site.context.ehr.transact = real  # type: ignore[method-assign]
    site.pass_time(minutes=1)
    site.screen(answers={"eating.rapid-loss": "unsure"})
    site.desk.sync(actor="Practitioner/p1")
    site.pass_time(minutes=1)
    site.screen()
    site.save(draft)
    assert len(site.care_plans()) == 1


def _silent(real: Any) -> Any:
    def transact(bundle: Any) -> Any:
        real(bundle)
        raise EhrUnavailable("The EHR did not answer.")

    return transact


def test_an_acute_screen_during_the_write_is_told_at_once(site: Site) -> None:
    """A screen that comes in while the plan is on its way: the answer is held, and the plan goes on hold (I4).

    Planted: no look after the write; caught.
    """
    site.remote()
    site.screen()
    real = site.context.ehr.transact

    def meanwhile(bundle: Any) -> Any:
        site.context.ehr.transact = real  # type: ignore[method-assign]
        site.pass_time(seconds=1)
        site.screen(answers={"suicide.now": "yes"})
        return real(bundle)

    site.context.ehr.transact = meanwhile  # type: ignore[method-assign]
    answer = site.save()
    assert (answer["saved"], answer["decision"]) == (False, "held-for-directive-protocol")
    assert "on hold" in answer["trouble"]
    assert answer["protocol"]
    assert [one["status"] for one in site.care_plans()] == ["on-hold"]


@pytest.mark.parametrize(
    "change",
    [
        {"author": "Practitioner/p1/_history/2"},
        {"author": "Practitioner/böb"},
        {"author": "Practitioner/"},
        {"subject": "Patient/rosa/_history/3"},
    ],
)
def test_an_acute_screen_is_recorded_whatever_its_author_looks_like(site: Site, change: dict[str, str]) -> None:
    """Who acts never stops a screen. Planted: the author's text handed on as it is; caught."""
    site.screen()
    response = make_screen(site.policy, authored=site.at, answers={"suicide.now": "yes"}, **change)
    code, told = site.console_json("screen", "-", stdin=json.dumps(response))
    assert (code, told["decision"]) == (3, "held-for-directive-protocol")
    site.catch_up()
    assert site.save()["saved"] is False


def blemished(site: Site) -> dict[str, bytes]:
    """An acute screen with one thing wrong in a far corner of its file."""
    text = json.dumps(make_screen(site.policy, authored=site.at, answers={"suicide.now": "yes"}))
    deep = '{"a":' * 60 + "1" + "}" * 60
    return {
        "control character": text.replace('"completed"', '"completed", "language": "e\\u0007n"').encode(),
        "lone surrogate": text.replace('"completed"', '"completed", "language": "\\ud800"').encode(),
        "infinite number": text.replace('"completed"', '"completed", "extension": [{"valueDecimal": 1e999}]').encode(),
        "key twice": text.replace('"completed"', '"completed", "status": "completed"').encode(),
        "deep": text.replace('"completed"', f'"completed", "extension": [{deep}]').encode(),
    }


def test_a_blemish_elsewhere_never_keeps_an_acute_screen_out(site: Site) -> None:
    """Exit 2 only when the file or its subject cannot be read. Planted: the strict reader for screens; each caught."""
    for name, content in blemished(site).items():
        with site.context.store.transaction() as tx:
            before = len(tx.screens("Patient/rosa"))
        done = site.console("screen", "-", "--json", stdin=content)
        assert done.returncode == 3, name
        assert json.loads(done.stdout)["decision"] == "held-for-directive-protocol"
        with site.context.store.transaction() as tx:
            assert len(tx.screens("Patient/rosa")) == before + 1


def test_a_screen_that_is_refused_says_loudly_that_it_was_not_recorded(site: Site) -> None:
    """The clinician must know that an earlier screen still stands."""
    response = make_screen(site.policy, authored=site.at, subject="https://elsewhere.example/Patient/rosa")
    done = site.console("screen", "-", stdin=json.dumps(response))
    assert done.returncode == 2
    assert "NOT recorded" in done.stderr


def test_a_chart_that_cannot_be_read_never_keeps_a_screen_out(site: Site) -> None:
    """A birth date that cannot be had proves nothing, and stops nothing."""
    site.screen()
    site.settings.chart.write_bytes(b"garbage" * 100)
    told = site.screen(answers={"suicide.now": "yes", "suicide.validated.result": "not-applicable-age"})
    assert told["decision"] == "held-for-directive-protocol"


def test_a_clock_that_went_back_holds_as_often_as_it_is_asked(site: Site) -> None:
    """The latest time ever recorded counts. Planted: the last record's time; the second save caught it."""
    site.screen()
    site.pass_time(hours=25)
    assert site.save()["decision"] == "held-incomplete"
    site.pass_time(hours=-2)
    for _ in range(3):
        assert "clock" in site.save()["missing"]
        site.pass_time(seconds=1)
    assert "clock" in site.screen()["missing"]
    assert site.plans_in_chart() == 0


@pytest.mark.parametrize(
    "edit", ["DELETE FROM screen WHERE number = 2", "UPDATE screen SET person = 'Patient/tom' WHERE number = 2"]
)
def test_the_gate_holds_the_screens_against_the_trail(site: Site, edit: str) -> None:
    """An acute screen made to vanish clears nothing. Planted: the comparison left out; caught."""
    site.screen()
    site.pass_time(minutes=1)
    site.screen(answers={"suicide.now": "yes"})
    site.pass_time(minutes=1)
    with behind_our_back(site) as database:
        database.execute(edit)
    site.open()
    told = site.desk.decide(["Patient/rosa"], actor="Practitioner/p1", encounter="Encounter/e1")
    assert told["decision"].startswith("held")
    with pytest.raises(TrailDamaged):
        site.save()
    assert site.screen()["decision"].startswith("held")
    assert site.console("audit", "verify").returncode == 4


def test_a_covered_up_deletion_is_found_without_the_key(site: Site) -> None:
    """The first record names the data directory and its key."""
    site.screen(answers={"suicide.now": "yes"})
    with behind_our_back(site) as database:
        database.execute("DELETE FROM screen")
        database.execute("UPDATE meta SET value = '00000000-0000-4000-8000-000000000000' WHERE key = 'data_id'")
    site.key_file.unlink()
    done = site.console("audit", "verify")
    assert done.returncode == 4
    assert "key file" in done.stdout


EDITS = {
    "a plan's state": "UPDATE plan SET state = 'held'",
    "a plan's request": "UPDATE plan SET request_id = 'x'",
    "a plan's decision": "UPDATE plan SET decision_id = 'x'",
    "a plan gone": "DELETE FROM plan",
    "a plan more": "INSERT INTO plan SELECT 'x', 'y', state, decision_id, updated_at, content FROM plan LIMIT 1",
    "an outbox row's state": "UPDATE outbox SET state = 'waiting'",
    "an outbox row's EHR": "UPDATE outbox SET ehr = 'http://127.0.0.1:1/'",
    "an outbox row's plan": "UPDATE outbox SET plan_id = 'x'",
    "an outbox row more": "INSERT INTO outbox"
    " SELECT 'x', kind, plan_id, ehr, state, attempts, not_before, approved_at, content FROM outbox",
    "what an outbox row sends": "UPDATE outbox SET kind = 'change'",
    "a policy's version": "UPDATE policy SET version = '9.9.9'",
    "a policy more": "INSERT INTO policy VALUES ('x', '0.0.1', x'00')",
    "a screen's number": "UPDATE screen SET number = 9223372036854775807 WHERE number = 1",
    "a fact": "UPDATE meta SET value = 'x' WHERE key = 'schema'",
    "a fact more": "INSERT INTO meta VALUES ('x', 'y')",
    "the facts gone": "DELETE FROM meta",
    "the key's fingerprint": "UPDATE meta SET value = 'x' WHERE key = 'key'",
    "the tree's first record": "UPDATE audit_head SET first_seq = 5",
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_a_plain_column_is_found_and_steers_nothing(site: Site, name: str) -> None:
    """Every plain column is bound to its sealed row, and every row to its record."""
    site.screen()
    draft = make_draft()
    site.save(draft)
    with behind_our_back(site) as database:
        database.execute(EDITS[name])
    code, said = site.console_json("audit", "verify")
    assert code == 4, said
    done = site.console("plan", "save", "-", stdin=json.dumps(draft))
    assert done.returncode in (0, 2, 3, 4, 7)
    assert "Traceback" not in done.stderr
    assert len(site.care_plans()) == 1


def test_another_patients_plan_is_never_answered(site: Site) -> None:
    """A swapped decision id opens nothing (I8)."""
    site.screen()
    site.screen("Patient/tom")
    rosas, toms = make_draft(), make_draft("Patient/tom")
    site.save(rosas)
    site.save(toms)
    with behind_our_back(site) as database:
        database.execute("UPDATE plan SET decision_id = (SELECT max(decision_id) FROM plan)")
    site.open()
    for draft in (rosas, toms):
        try:
            answer = site.save(draft)
        except WithnessError:
            continue
        assert set(answer["bundle"]["entry"][0]["resource"]["subject"].values()) == set(draft["unit"]["members"])


def test_one_row_that_does_not_open_never_stops_the_others(site: Site) -> None:
    """`sync` tells it and goes on."""
    real = site.context.ehr.read
    site.context.ehr.read = _away  # type: ignore[method-assign]
    for who in ("Patient/rosa", "Patient/tom"):
        site.screen(who)
        assert site.save(make_draft(who))["delivery"] == "waiting"
    with behind_our_back(site) as database:
        [first] = database.execute("SELECT min(decision_id) FROM outbox").fetchone()
        database.execute("UPDATE outbox SET content = zeroblob(100) WHERE decision_id = ?", (first,))
    site.context.ehr.read = real  # type: ignore[method-assign]
    done = site.desk.sync(actor="Practitioner/p1")
    assert (done["delivered"], done["waiting"]) == (1, 1)
    assert len(site.care_plans()) == 1


def _away(_: str) -> Any:
    raise EhrUnavailable("The EHR cannot be reached.")


def test_a_withheld_unit_hears_the_one_sentence_and_gets_no_bundle(site: Site) -> None:
    """A newer screen's reason is nobody else's. Planted: the old answer told with a trouble beside it; caught."""
    couple = ("Patient/rosa", "Patient/tom")
    for who in couple:
        site.screen(who, encounter="Encounter/e1")
    draft, real = make_draft(*couple), site.context.ehr.read
    site.context.ehr.read = _away  # type: ignore[method-assign]
    assert site.save(draft)["delivery"] == "waiting"
    site.context.ehr.read = real  # type: ignore[method-assign]
    site.pass_time(minutes=1)
    site.screen("Patient/tom", encounter="Encounter/e1", answers={"violence.afraid": "yes"})
    assert site.desk.sync(actor="Practitioner/p1")["troubles"] == []
    [plan] = site.desk.plans()
    assert (plan["state"], plan["decision"]) == ("withheld", "held")
    fresh, again = site.save(make_draft(*couple)), site.save(draft)
    for one in (fresh, again):
        one["plan"] = None
    assert fresh == again
    assert again["bundle"] is None


NOTHING = [
    "\u200b",
    "\u2060",
    "\xad",
    "\u3164",
    "\u2800",
    "Ｎ／Ａ",
    "n/a.",
    "N / A",
    "—",
    "...",
    "??",
    "none",
    "declined",
    "not asked",
]


@pytest.mark.parametrize("written", NOTHING)
def test_words_that_say_nothing_clear_nothing(site: Site, written: str) -> None:
    """Blank in every script. Planted: `strip()` alone; caught by all but two."""
    told = site.screen(answers={"suicide.validated.version": written})
    assert told["missing"] == ["suicide.validated.version"]
    record = {f"integration.{one}": written for one in ("provider", "last-contact", "supports", "relapse-plan")}
    site.pass_time(minutes=1)
    told = site.screen(
        answers={"psychosis.known-illness": "yes", "integration.release-of-information": "client declines", **record}
    )
    assert set(told["missing"]) == set(record)


def test_a_fresh_database_beside_a_used_chart_is_refused(site: Site) -> None:
    """The database gone and the chart left: nothing starts anew in silence."""
    site.screen()
    site.save()
    site.desk.close()
    for path in site.home.glob("withness.sqlite3*"):
        path.unlink()
    with pytest.raises(InvalidInput):
        site.open()


def test_a_policy_edited_under_its_old_version_decides_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Even with its digest made to fit: the trail knows the version with another text."""
    site.screen()
    site.desk.close()
    catalogue = tmp_path / "catalogue"
    catalogue.mkdir()
    text = policies.policy_bytes().replace(b'right now?", yes = "acute"', b'right now?", yes = "elevated"')
    (catalogue / "risk_policy.toml").write_bytes(text)
    parsed = policies.parse_policy(text, name="edited")
    site.open()
    site.context = replace(site.context, policy=parsed, policy_bytes=text)
    site.desk = Desk(site.context)
    with pytest.raises(PolicyRefused):
        site.screen(answers={"suicide.now": "yes"})


def test_a_childs_clear_newer_screen_lets_a_waiting_plan_through(site: Site) -> None:
    """The second look reads the birth date too."""
    child = {"resourceType": "Patient", "id": "rosa", "birthDate": f"{site.at.year - 6}-01-01"}
    entry = {"resource": child, "request": {"method": "PUT", "url": "Patient/rosa"}}
    site.context.ehr.transact(
        {"resourceType": "Bundle", "id": "written-elsewhere", "type": "transaction", "entry": [entry]}
    )
    young: dict[str, Any] = {"answers": {"suicide.validated.result": "not-applicable-age"}}
    assert site.screen(**young)["decision"] == "released"
    real = site.context.ehr.transact
    site.context.ehr.transact = lambda bundle: _away("")  # type: ignore[method-assign]
    assert site.save()["delivery"] == "sending"
    site.context.ehr.transact = real  # type: ignore[method-assign]
    site.pass_time(minutes=1)
    site.screen(**young)
    assert site.desk.sync(actor="Practitioner/p1")["delivered"] == 1


def test_an_answer_that_cannot_be_printed_is_no_traceback(site: Site) -> None:
    """A full disk behind standard output: what was done stands, exit 7."""
    site.screen()
    with Path("/dev/full").open("wb") as full:
        for arguments in (["templates", "--json"], ["plan", "list", "--json"]):
            done = subprocess.run(
                [sys.executable, "-m", "withness", *arguments],
                env=site.environment(),
                stdout=full,
                stderr=subprocess.PIPE,
                check=False,
            )
            assert done.returncode == 7
            assert b"Traceback" not in done.stderr


def test_no_free_text_gets_into_the_trail_through_a_filter(site: Site) -> None:
    """`audit show --patient` takes a reference and nothing else (I9)."""
    site.screen()
    done = site.console("audit", "show", "--patient", "I want to die")
    assert done.returncode == 2
    with sqlite3.connect(site.settings.database) as database:
        assert not any(b"want to die" in row[0] for row in database.execute("SELECT body FROM audit_leaf"))
    database.close()


def test_only_the_key_that_fits_is_backed_up(site: Site, tmp_path: Path) -> None:
    """Another directory's key is not this one's backup."""
    site.screen()
    site.desk.close()
    with Site(tmp_path / "other", tmp_path / "other.key"):
        pass
    (tmp_path / "other.key").replace(site.key_file)
    assert site.console("key", "backup", "--out", str(tmp_path / "copy.key")).returncode == 2
    assert not (tmp_path / "copy.key").exists()


def test_a_swapped_blob_does_not_open(site: Site) -> None:
    """Sealed content is bound to its row: a clear screen's answers never stand in an acute one's place."""
    site.screen()
    site.pass_time(minutes=1)
    site.screen(answers={"suicide.now": "yes"})
    with behind_our_back(site) as database:
        database.execute("UPDATE screen SET content = (SELECT content FROM screen WHERE number = 1)")
    site.open()
    with pytest.raises(TrailDamaged):
        site.save()
    assert site.plans_in_chart() == 0
