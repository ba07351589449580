"""Kim, in compliance, looks at what needs her eyes, and signs off what she has examined (45 CFR 164.312(b))."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.busy import BusyServer
from tests.system.site import CLINICIAN, COMPLIANCE, SUPERVISOR, Site, make_draft
from tests.system.test_an_acute_hold_is_left_honestly import ACUTE
from tests.system.test_an_override_of_a_named_item import ANA, LEFT_OPEN, RATIONALE, override
from tests.system.test_the_sweep import typed_in
from tests.system.test_the_trail_shows_every_edit import behind_our_back
from withness.audit.record import canonical
from withness.core.acts import ActKind
from withness.desk.asking import actor_of
from withness.desk.sweep import sweep
from withness.desk.sweep_adopting import adopt
from withness.errors import InvalidInput, Refused
from withness.signing import write_signer

PASSPHRASE = "kim walks by the river"
NOTE = "Asked Pat and Sam; the item was asked a day later."
COUPLE = ("Patient/rosa", "Patient/tom")


@pytest.fixture
def busy(site: Site) -> Site:
    """A day with an override of Ana's, an acute hold of Rosa's that was released, and one of Tom's that is open.

    Tom lives with violence, which his partner must not learn; he is Rosa's partner, and they come as a couple.
    """
    site.morning()
    site.enrol()
    site.screen(ANA, answers=LEFT_OPEN)
    override(site)
    site.save(make_draft(ANA))
    site.screen(answers=ACUTE)
    with pytest.raises(Refused):
        site.release("suicide")
    site.pass_time(minutes=20)
    site.all_evidence("suicide")
    site.pass_time(minutes=10)
    site.screen()
    site.release("suicide")
    site.screen("Patient/tom", encounter="Encounter/e1", answers={"violence.afraid": "yes"})
    site.save(make_draft(*COUPLE))
    site.pass_time(hours=6)
    return site


def kim(site: Site) -> dict[str, Any]:
    """Kim's signature."""
    return {"signer": site.keys[COMPLIANCE]}


def kims_key(site: Site, folder: Path) -> tuple[str, ...]:
    """The console's options by which Kim signs."""
    write_signer(site.keys[COMPLIANCE], folder / "kim.key", PASSPHRASE)
    (folder / "kim.txt").write_text(f"{PASSPHRASE}\n", encoding="utf-8")
    return ("--actor", COMPLIANCE, "--key", str(folder / "kim.key"), "--passphrase-file", str(folder / "kim.txt"))


# -- the report


def test_the_report_has_every_acute_hold_override_and_release(busy: Site) -> None:
    """Planted: the time of the release left out of its protocol; this caught it."""
    told = busy.desk.report(actor=COMPLIANCE, **kim(busy), names=True)
    rosa, tom = told["acute"]
    assert (rosa["person"], rosa["domain"], rosa["how"], rosa["late"]) == ("Patient/rosa", "suicide", "released", False)
    assert (tom["person"], tom["domain"], tom["how"], tom["late"]) == ("Patient/tom", "violence", "open", True)
    assert {one["state"] for one in rosa["steps"]} >= {"done"}
    assert [rosa["ended"]] == [one["at"] for one in told["signed"] if one["what"] == "release"]
    assert tom["responsible"] == CLINICIAN
    assert told["unopened"] == []
    released, overridden = told["signed"][1], told["signed"][0]
    assert (overridden["what"], overridden["first"], overridden["second"]) == ("override", CLINICIAN, SUPERVISOR)
    assert overridden["items"] == ["eating.rapid-loss"]
    assert (released["what"], released["domain"], released["person"]) == ("release", "suicide", "Patient/rosa")
    assert sum(told["decisions"].values()) == len([one for one in busy.records(500) if one["kind"] == "gate.decided"])
    eating = next(one for one in told["questions"] if one["item"] == "eating.rapid-loss")
    assert (eating["overrides"], eating["share"]) == (1, 1.0 / eating["held"])
    assert {one["domain"] for one in told["domains"]} >= {"suicide", "violence", "eating"}
    assert {one["code"] for one in told["refusals"]} >= {"need-missing"}
    assert told["attention"][0]["said"] == "1 acute hold has steps that were not recorded in time."
    assert "42 CFR part 2" in told["notice"]


def test_making_a_report_is_recorded_and_a_signed_one_is_an_act(busy: Site) -> None:
    """Planted: the record of the signed report left out; this caught it."""
    busy.desk.report(actor=CLINICIAN)
    [plain] = busy.records(1)
    assert (plain["kind"], plain["outcome"], plain["asserted"]) == ("trail.viewed", "report", True)
    busy.desk.report(actor=COMPLIANCE, **kim(busy), names=True)
    [signed] = busy.records(1)
    assert (signed["kind"], signed["outcome"], signed["asserted"]) == ("trail.viewed", "report", False)
    assert signed["details"]["names"] is True
    assert busy.desk.health()["records"] > 0


def test_without_the_privilege_nothing_that_is_sealed_is_told(busy: Site, tmp_path: Path) -> None:
    """Domains, items, steps, people and words stay inside (I8, 42 CFR part 2).

    Planted: the episodes' domains left in, then people's references; this caught both.
    """
    told = busy.desk.report(actor=CLINICIAN)
    work = busy.desk.worklist(actor=CLINICIAN)
    page, table = tmp_path / "report.html", tmp_path / "report.csv"
    assert busy.console("audit", "report", "--out", str(page), "--format", "html").returncode == 0
    assert busy.console("audit", "report", "--out", str(table), "--format", "csv").returncode == 0
    text = busy.console("audit", "report").stdout + busy.console("audit", "worklist").stdout
    everything = json.dumps([told, work]) + page.read_text() + table.read_text() + text
    domains = [one.id for one in busy.policy.domains] + [one.title for one in busy.policy.domains]
    questions = [one.id for one in busy.policy.questions()]
    steps = [step.id for one in busy.policy.domains for step in one.directive]
    for secret in (*domains, *questions, *steps, *COUPLE, ANA, CLINICIAN, SUPERVISOR, RATIONALE, "The plan holds."):
        assert secret not in everything, secret
    assert told["domains"] is None
    assert told["notice"] == ""
    assert any("sealed" in one for one in told["limits"])
    assert [one["how"] for one in told["acute"]] == ["released", "open"]


@pytest.mark.parametrize("who", [CLINICIAN, SUPERVISOR])
def test_nobody_but_compliance_signs_for_what_is_sealed(busy: Site, who: str) -> None:
    """Planted: the signature asked for, and its role not; this caught it."""
    with pytest.raises(Refused, match="compliance"):
        busy.desk.report(actor=who, signer=busy.keys[who])
    [newest] = busy.records(1)
    assert (newest["kind"], newest["outcome"], newest["reason"]) == ("trail.viewed", "refused", "not-compliance")


@pytest.mark.parametrize("given", [{"names": True}, {"rationales": True}])
def test_names_and_words_need_the_signature(busy: Site, given: dict[str, bool]) -> None:
    """Planted: `rationales` not looked at; this caught it."""
    with pytest.raises(InvalidInput):
        busy.desk.report(actor=COMPLIANCE, **given)


def test_words_are_left_out_until_they_are_asked_for(busy: Site) -> None:
    """Planted: the rationale told whenever somebody signs; this caught it."""
    assert RATIONALE not in json.dumps(busy.desk.report(actor=COMPLIANCE, **kim(busy)))
    assert RATIONALE in json.dumps(busy.desk.report(actor=COMPLIANCE, **kim(busy), rationales=True))


def test_a_partner_or_proxy_sees_neither_report_nor_worklist(busy: Site) -> None:
    """Planted: the look at who asks left out of the worklist; this caught it."""
    for look in (busy.desk.report, busy.desk.worklist):
        with pytest.raises(Refused):
            look(actor="RelatedPerson/mia")


def test_codes_of_people_stay_the_same_in_every_report(busy: Site) -> None:
    """Planted: people numbered as they come; this caught it."""
    first = busy.desk.report(actor=CLINICIAN)["acute"]
    until = first[1]["opened"]
    assert until
    later = busy.desk.report(actor=CLINICIAN, since=busy.at.replace(microsecond=1))["acute"]
    assert [one["person"] for one in later] == [first[1]["person"]]


def test_a_span_and_a_policy_narrow_the_report(busy: Site) -> None:
    """Planted: `until` taken as included; this caught it."""
    whole = busy.desk.report(actor=CLINICIAN)
    none = busy.desk.report(actor=CLINICIAN, until=busy.at.replace(year=2020))
    assert sum(none["decisions"].values()) == 0
    assert none["acute"] == []
    same = busy.desk.report(actor=CLINICIAN, policy=busy.policy.version)
    assert same["decisions"] == whole["decisions"]
    with pytest.raises(InvalidInput, match="no policy"):
        busy.desk.report(actor=CLINICIAN, policy="9.9.9")
    at = next(one["at"] for one in busy.records(500) if one["kind"] == "gate.decided")
    from datetime import datetime

    edge = busy.desk.report(actor=CLINICIAN, until=datetime.fromisoformat(at))
    assert sum(edge["decisions"].values()) == 0


def test_without_the_data_key_the_report_says_what_it_does_not_know(busy: Site) -> None:
    """Planted: the sentence left out; this caught it."""
    busy.key_file.rename(busy.key_file.with_suffix(".away"))
    code, told = busy.console_json("audit", "report")
    assert code == 0
    assert any("data key is not at hand" in one for one in told["limits"])
    assert told["near_expiry"] is None
    assert [one["how"] for one in told["acute"]] == ["", ""]


def test_the_table_is_tidy_and_no_cell_is_a_formula(busy: Site, tmp_path: Path) -> None:
    """Planted: the apostrophe left out of `harmless`; this caught it."""
    busy.screen(ANA, answers=LEFT_OPEN)
    override(busy, rationale='=HYPERLINK("http://evil.example","her sister says that nothing has changed")')
    table = tmp_path / "report.csv"
    signed = kims_key(busy, tmp_path)
    done = busy.console("audit", "report", "--rationales", *signed, "--out", str(table), "--format", "csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.reader(io.StringIO(table.read_text(encoding="utf-8"))))
    assert rows[0] == ["part", "row", "column", "value"]
    assert {len(one) for one in rows} == {4}
    assert any(cell.startswith("'=HYPERLINK") for *_, cell in rows)
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


# -- the worklist


def test_what_is_signed_off_leaves_the_worklist(busy: Site) -> None:
    """Planted: the record of the sign-off written without its items; this caught it."""
    listed = {one["item"]: one for one in busy.desk.worklist(actor=CLINICIAN)}
    [granted] = [id for id in listed if id.startswith("override")]
    assert next(iter(listed.values()))["kind"] == "acute"
    assert {one["kind"] for one in listed.values()} >= {"acute", "override", "release", "refused", "policy"}
    done = busy.desk.sign_off([granted], note=NOTE, **kim(busy))
    assert done["signed_off"] == 1
    assert granted not in {one["item"] for one in busy.desk.worklist(actor=CLINICIAN)}
    with pytest.raises(InvalidInput, match="not on the worklist"):
        busy.desk.sign_off([granted], note=NOTE, **kim(busy))
    [signed] = [one for one in busy.records(500) if one["kind"] == "trail.signed-off"]
    assert (signed["outcome"], signed["details"]["items"], signed["asserted"]) == ("item", [granted], False)
    assert NOTE not in str(busy.records(500))
    with busy.context.store.transaction() as tx:
        [act] = tx.acts_of_kinds(ActKind.SIGNED_OFF.value)
    assert act.content["statement"]["body"]["note"] == NOTE
    assert busy.desk.health()["records"] > 0


def test_looking_at_the_worklist_is_recorded(busy: Site) -> None:
    """Planted: the record left out; this caught it."""
    busy.desk.worklist(actor=CLINICIAN)
    [newest] = busy.records(1)
    assert (newest["kind"], newest["outcome"]) == ("trail.viewed", "worklist")


def test_nobody_signs_off_what_they_did_themselves(busy: Site) -> None:
    """Kim was enrolled first; that is for somebody else in compliance to look at.

    Planted: `own` not asked; this caught it.
    """
    [hers] = [one["item"] for one in busy.desk.worklist(actor=CLINICIAN) if one["kind"] == "enrolment"]
    with pytest.raises(Refused, match="what they did themselves"):
        busy.desk.sign_off([hers], note=NOTE, **kim(busy))
    [newest] = busy.records(1)
    assert (newest["kind"], newest["outcome"], newest["reason"]) == ("trail.signed-off", "refused", "own-work")
    kay = busy.join("Practitioner/c2", "Kay Ode", "L-900", "compliance")
    assert busy.desk.sign_off([hers], note=NOTE, signer=kay)["signed_off"] == 1


def test_a_clinician_signs_nothing_off(busy: Site) -> None:
    """Planted: any enrolled person let through; this caught it."""
    item = busy.desk.worklist(actor=CLINICIAN)[0]["item"]
    with pytest.raises(Refused, match="compliance"):
        busy.desk.sign_off([item], note=NOTE, signer=busy.pat)


def test_a_period_is_signed_off_at_once_when_it_is_over(busy: Site) -> None:
    """Planted: items after the period signed off with it; this caught it."""
    begun, ended = busy.at.replace(year=busy.at.year - 1), busy.at
    kay = busy.join("Practitioner/c2", "Kay Ode", "L-900", "compliance")
    with pytest.raises(InvalidInput, match="when it is over"):
        busy.desk.sign_off(since=begun, until=ended.replace(year=ended.year + 1), note=NOTE, signer=kay)
    before = len(busy.desk.worklist(actor=CLINICIAN))
    busy.pass_time(minutes=1)
    with pytest.raises(Refused):
        busy.release("violence", "Patient/tom")
    done = busy.desk.sign_off(since=begun, until=ended, note=NOTE, signer=kay)
    assert done["signed_off"] == before
    assert [one["kind"] for one in busy.desk.worklist(actor=CLINICIAN)] == ["refused"]


def test_what_goes_on_is_back_a_week_after_it_was_signed_off(busy: Site) -> None:
    """Planted: an item that goes on gone for good; this caught it."""
    [open_hold] = [one["item"] for one in busy.desk.worklist(actor=CLINICIAN) if one["kind"] == "acute"]
    busy.desk.sign_off([open_hold], note=NOTE, **kim(busy))
    busy.pass_time(days=6)
    assert open_hold not in {one["item"] for one in busy.desk.worklist(actor=CLINICIAN)}
    busy.pass_time(days=2)
    assert open_hold in {one["item"] for one in busy.desk.worklist(actor=CLINICIAN)}


def test_kim_works_at_the_console(busy: Site, tmp_path: Path) -> None:
    """Planted: `--names` shown without a key; this caught it."""
    signed = kims_key(busy, tmp_path)
    busy.catch_up()
    assert busy.console("audit", "worklist", "--names").returncode == 2
    named = busy.console("audit", "worklist", "--names", *signed)
    assert named.returncode == 0, named.stderr
    assert "Patient/tom" in named.stdout
    [item] = [word for word in named.stdout.split() if word.startswith("override-")]
    done = busy.console("audit", "sign-off", item, "--note", NOTE, *signed)
    assert (done.returncode, done.stdout) == (0, "1 item is signed off.\n")
    assert item not in busy.console("audit", "worklist").stdout
    shown = busy.console("audit", "report", "--rationales", *signed).stdout
    assert RATIONALE in shown
    assert "42 CFR part 2" in shown
    assert busy.console("audit", "verify").returncode == 0


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Site]:
    """A site whose EHR takes nothing."""
    with BusyServer() as server, Site(tmp_path / "home", tmp_path / "site.key", ehr_url=server.base_url) as made:
        yield made


def test_a_plan_that_does_not_arrive_needs_eyes_after_a_day(away: Site) -> None:
    """Planted: the plan listed at once; this caught it."""
    away.screen()
    assert away.save()["saved"] is False
    assert not [one for one in away.desk.worklist(actor=CLINICIAN) if one["kind"] == "undelivered"]
    away.pass_time(days=1, minutes=1)
    [item] = [one for one in away.desk.worklist(actor=CLINICIAN) if one["kind"] == "undelivered"]
    approved = next(one for one in away.records() if one["kind"] == "plan.approved")
    assert item["item"] == f"undelivered-{approved['seq']}"
    [plan] = away.desk.report(actor=CLINICIAN)["plans"]
    assert plan["state"] in ("waiting", "sending", "refused")


def test_what_the_sweep_found_is_examined_and_an_adopted_plan_reviewed_by_it(site: Site) -> None:
    """Planted: the findings left out of what is signed; this caught it, for the sweep found it again."""
    site.enrol()
    site.write_to_chart(typed_in("old", who="Patient/tom"))
    adopt(site.context, site.keys[COMPLIANCE], site.sam, actor=actor_of(COMPLIANCE), days=90, progress=lambda _: None)
    site.write_to_chart(typed_in("new"))
    sweep(site.context, actor_of(COMPLIANCE))
    listed = [one for one in site.desk.worklist(actor=CLINICIAN) if one["kind"] == "finding"]
    assert sorted(one["why"] for one in listed) == [
        "A plan or goal stands in the EHR without a decision of the gate.",
        "A plan or goal was there before the gate and was adopted: to be reviewed.",
    ]
    assert "CarePlan/new" not in json.dumps(listed)
    site.desk.sign_off([one["item"] for one in listed], note=NOTE, **kim(site))
    sweep(site.context, actor_of(COMPLIANCE))
    site.pass_time(days=8)
    [around] = [one for one in site.desk.worklist(actor=CLINICIAN) if one["kind"] == "finding"]
    assert "without a decision" in around["why"]


def test_a_damaged_trail_is_on_top_of_the_worklist(site: Site) -> None:
    """Planted: breaks left out of the items; this caught it."""
    site.screen()
    site.save()
    site.damage_the_trail()
    first, second = site.desk.worklist(actor=CLINICIAN)[:2]
    assert (first["kind"], "Record 1: its column outcome" in first["why"]) == ("damage", True)
    assert (second["kind"], second["item"]) == ("segment", "segment-1")
    assert site.desk.report(actor=CLINICIAN)["attention"][0]["part"] == "trail"


def edit(site: Site, sql: str, *given: object) -> None:
    """Edit the closed database, its triggers put aside and back."""
    with behind_our_back(site) as database:
        database.execute(sql, given)
    site.open()
    site.catch_up()


def of_damage(listed: dict[str, dict[str, Any]]) -> str:
    """What the one item of damage says."""
    [why] = [str(one["why"]) for one in listed.values() if one["kind"] == "damage"]
    return why


def numbered(site: Site, kind: str, outcome: str) -> int:
    """The number of the one record of a kind and outcome."""
    [seq] = [one["seq"] for one in site.records(500) if (one["kind"], one["outcome"]) == (kind, outcome)]
    return int(seq)


def test_a_release_whose_columns_call_it_a_look_is_listed_and_named(busy: Site, tmp_path: Path) -> None:
    """Planted: the search columns believed, as they were; both said "no damage" and listed no release. Then the pass
    made and the records not read by it; each was caught."""
    seq = numbered(busy, "protocol.released", "released")
    before = busy.desk.report(actor=CLINICIAN)
    edit(busy, "UPDATE audit_leaf SET kind = 'trail.viewed', recorded_at = '2020-01-01' WHERE seq = ?", seq)
    listed = {one["item"]: one for one in busy.desk.worklist(actor=CLINICIAN)}
    assert f"release-{seq}" in listed
    assert f"Record {seq}: its column recorded_at does not say" in of_damage(listed)
    told = busy.desk.report(actor=CLINICIAN)
    assert told["damages"] == [
        {"record": seq, "what": "its column recorded_at does not say what its bytes say"},
    ]
    assert told["attention"][0]["said"].startswith(f"The trail is damaged now: record {seq}:")
    assert (told["signed"], told["span"][0]) == (before["signed"], before["span"][0])
    asked = {form: busy.console("audit", "report", "--out", str(tmp_path / f"r.{form}")) for form in ("csv", "html")}
    asked["text"] = busy.console("audit", "report")
    assert {one.returncode for one in asked.values()} == {4}
    assert "No break and no damage seen" not in asked["text"].stdout
    assert busy.console_json("audit", "report")[0] == 4
    assert f"release-{seq}" in busy.console("audit", "worklist").stdout


@pytest.mark.parametrize("sealed", [False, True])
def test_a_held_decision_whose_column_says_released_counts_as_held(busy: Site, sealed: bool) -> None:
    """Planted: the counts, then what held by domain, taken from the columns; each was caught."""
    signs = kim(busy) if sealed else {}
    busy.catch_up()  # the edit does too, and a step that is due meanwhile would be overdue in the second report
    before = busy.desk.report(actor=COMPLIANCE, **signs)
    held = "SELECT max(seq) FROM audit_leaf WHERE kind = 'gate.decided' AND outcome LIKE 'held%'"
    edit(busy, f"UPDATE audit_leaf SET outcome = 'released' WHERE seq = ({held})")
    after = busy.desk.report(actor=COMPLIANCE, **signs)
    for part in ("decisions", "weeks", "domains", "acute", "unopened"):
        assert after[part] == before[part], part
    assert len(after["damages"]) == 1


def test_nobody_has_signed_off_what_a_forged_record_says_they_did(busy: Site) -> None:
    """Planted: a record whose bytes nothing bears out taken for a sign-off; the release was gone from the list."""
    release, seq = numbered(busy, "protocol.released", "released"), numbered(busy, "override.granted", "override")
    value = next(one for one in busy.records(500) if one["seq"] == seq)
    details = {**value["details"], "items": [f"release-{release}"]}
    body = canonical({**value, "kind": "trail.signed-off", "outcome": "item", "details": details})
    edit(busy, "UPDATE audit_leaf SET kind = 'trail.signed-off', outcome = 'item', body = ? WHERE seq = ?", body, seq)
    listed = {one["item"]: one for one in busy.desk.worklist(actor=CLINICIAN)}
    assert f"release-{release}" in listed
    assert f"Record {seq}: its bytes do not fit its hash" in of_damage(listed)


def test_a_record_that_is_missing_is_named(busy: Site) -> None:
    """Planted: each row looked at by itself alone; caught."""
    seq = numbered(busy, "protocol.released", "released")
    edit(busy, "DELETE FROM audit_leaf WHERE seq = ?", seq)
    assert [one["record"] for one in busy.desk.report(actor=CLINICIAN)["damages"]] == [seq]
    assert f"record {seq}: the record is missing" in busy.desk.worklist(actor=CLINICIAN)[0]["why"]


def test_a_record_that_was_emptied_as_if_pruned_is_named(busy: Site) -> None:
    """Planted: what was signed for not asked; caught."""
    seq = numbered(busy, "protocol.released", "released")
    blank = "body = x'', actor = '', second_actor = NULL, patient = NULL, outcome = NULL, policy_hash = NULL"
    edit(busy, f"UPDATE audit_leaf SET kind = 'trail.viewed', {blank}, request_id = NULL WHERE seq = ?", seq)
    [one] = busy.desk.report(actor=CLINICIAN)["damages"]
    assert (one["record"], one["what"]) == (seq, "its bytes are gone and nobody signed for it")


def test_of_a_whole_trail_no_damage_is_told(busy: Site) -> None:
    """The base line."""
    assert busy.desk.report(actor=CLINICIAN)["damages"] == []
    assert "damage" not in {one["kind"] for one in busy.desk.worklist(actor=CLINICIAN)}
    done = busy.console("audit", "report")
    assert (done.returncode, "No break and no damage seen" in done.stdout) == (0, True)


def test_a_clock_that_went_back_needs_eyes(site: Site) -> None:
    """Planted: only the first record of a run looked at; this caught it."""
    site.screen()
    site.pass_time(hours=-2)
    site.screen()
    site.screen()
    [run] = site.desk.report(actor=CLINICIAN)["clock"]
    [item] = [one for one in site.desk.worklist(actor=CLINICIAN) if one["kind"] == "clock"]
    assert item["item"] == f"clock-{run['first']}"
    assert run["last"] > run["first"]
    assert run["back"] == 7200


def test_the_reason_code_of_a_refused_attempt_is_shown(busy: Site) -> None:
    """Planted: the code left out of `audit show`; this caught it."""
    assert "refused need-missing" in busy.console("audit", "show", "--limit", "500").stdout
