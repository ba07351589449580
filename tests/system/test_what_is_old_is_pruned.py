"""What is older than the retention is pruned: by two people, from an export, on record; and every proof still holds."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_audit_export import offline
from tests.desk.test_feeding import Noting
from tests.system.site import CLINICIAN, COMPLIANCE, SUPERVISOR, Site
from tests.system.test_an_anchor_outside import folder
from withness.audit.pruned import PRUNED
from withness.audit.record import Kind, instant
from withness.desk import feeding, pruning
from withness.desk.asking import actor_of
from withness.desk.compliance import show
from withness.desk.export_fhir import fhir
from withness.desk.export_forms import named_csv, ndjson
from withness.desk.exporting import Form, export_signed
from withness.desk.feeding import Fed, feed
from withness.desk.proving import prove
from withness.desk.pruning import Selection, look, prune
from withness.desk.sign_off import Matter, sign_off
from withness.desk.stretch import Period, Stretch
from withness.desk.verify import Asked, Verdict, verify
from withness.ehr.local import LocalChart
from withness.errors import InvalidInput, Refused, TrailDamaged
from withness.seal import Seal
from withness.signing import write_signer

EVERYTHING = Period()
GONE = {"trail.viewed": 4, "trail.verified": 1, "trail.exported": 1, "trail.signed-off": 1}
"""What of the old year may go: the looks, the first verification, a proof, and a refusal."""


@pytest.fixture
def old(site: Site) -> Site:
    """A site that began eight years ago, was looked at and verified then, and goes on today."""
    now = site.at
    site.at = now - timedelta(days=8 * 366)
    site.enrol()
    site.screen()
    site.save()
    for _ in range(3):
        show(site.context.store, actor_of(COMPLIANCE), site.at)
    checked(site)
    checked(site)
    with pytest.raises(Refused):
        sign_off(site.context, Matter("item"), site.pat, actor=actor_of(CLINICIAN))
    refused = [one["item"] for one in site.desk.worklist(actor=COMPLIANCE) if one["kind"] == "refused"]
    site.desk.sign_off(refused, note="A slip of Pat's", signer=site.keys[COMPLIANCE])
    prove(site.context.store, 2, site.home / "old-proof.json", actor_of(COMPLIANCE), site.at)
    site.at = now
    site.screen()
    site.save()
    return site


def checked(site: Site, **asked: Any) -> Verdict:
    """Verify."""
    return verify(site.context.store, actor_of(COMPLIANCE), site.at, Asked(**asked))


def before(site: Site) -> datetime:
    """The latest time before which records may go."""
    return site.at.replace(year=site.at.year - 7) - timedelta(days=1)


def written(site: Site, out: Path, form: Form = Form.NDJSON, period: Period = EVERYTHING) -> Stretch:
    """Export, signed by Kim."""
    forms = {Form.NDJSON: ndjson, Form.CSV: named_csv, Form.FHIR: fhir(site.context)}
    return export_signed(site.context, period, out, forms[form], site.keys[COMPLIANCE], actor_of(COMPLIANCE), form)[0]


def pruned(site: Site, kept: Path, second: str | None = SUPERVISOR) -> Selection:
    """Prune as Kim and somebody else."""
    also = site.keys[second] if second else None
    return prune(site.context, before(site), kept, site.keys[COMPLIANCE], also, actor_of(COMPLIANCE))


def rows(site: Site) -> list[tuple[Any, ...]]:
    """Every record's row."""
    with site.context.store.transaction() as tx:
        return list(tx.rows())


def empty(site: Site) -> list[int]:
    """The numbers of the records without bytes."""
    return [row[0] for row in rows(site) if not row[3]]


def forge(site: Site, *statements: str) -> None:
    """Change the database behind the software's back, its triggers as they were afterwards."""
    site.desk.close()
    with sqlite3.connect(site.settings.database, isolation_level=None) as database:
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        for one in statements:
            database.execute(one)
        for _, sql in triggers:
            database.execute(sql)
    database.close()
    site.open()


# what empties a record behind the software's back
EMPTIED = (
    "UPDATE audit_leaf SET body = x'', actor = '', second_actor = NULL, patient = NULL, outcome = NULL, "
    "reason_code = NULL, policy_hash = NULL, request_id = NULL WHERE "
)


# -- pruning


def test_what_is_old_goes_and_every_proof_still_holds(old: Site, tmp_path: Path) -> None:
    """Planted: the leaf hash emptied with the body; then the newest verification taken along; this caught both."""
    written(old, tmp_path / "old.ndjson")
    with old.context.store.transaction() as tx:
        heads = tx.heads()
    anchors = [one.read_text() for one in folder(old).rglob("*.checkpoint")]
    assert anchors
    was = {row[0]: row for row in rows(old)}
    found = pruned(old, tmp_path / "old.ndjson")
    with old.context.store.transaction() as tx:
        assert tx.schema_damage() is None
    verdict = checked(old, anchors=anchors)
    assert (verdict.damages, verdict.whole) == ((), True)
    assert f"says that {found.count} records" in verdict.losses[-1]
    assert found.kinds == GONE
    now = {row[0]: row for row in rows(old)}
    for seq in empty(old):
        stays = [was[seq][place] for place in (0, 1, 2, 4, 5, 13)]
        assert [now[seq][place] for place in (0, 1, 2, 4, 5, 13)] == stays
        assert now[seq][3] == b""
        assert now[seq][6] == ""
        assert set(now[seq][7:13]) == {None}
    assert {seq: row for seq, row in now.items() if seq in was and row[3]} == {
        seq: row for seq, row in was.items() if now[seq][3]
    }
    assert heads[0].size == len(was)
    old.save()
    assert checked(old).whole is True


def test_what_it_was_is_on_record_and_signed_by_two(old: Site, tmp_path: Path) -> None:
    """Planted: the export's digest left out of what is signed; this caught it."""
    kept = tmp_path / "old.ndjson"
    written(old, kept)
    found = pruned(old, kept)
    [said] = old.records(1)
    assert (said["kind"], said["outcome"], said["asserted"]) == ("trail.signed-off", PRUNED, False)
    assert (said["actor"], said["second_actor"]) == (COMPLIANCE, SUPERVISOR)
    details = said["details"]
    assert details["count"] == found.count == sum(last - first + 1 for first, last in details["ranges"])
    assert details["export"] == hashlib.sha256(kept.read_bytes()).hexdigest()
    with old.context.store.transaction() as tx:
        row = tx.act(details["act"])
    assert row is not None
    body = row.content["statement"]["body"]
    assert {name: body[name] for name in ("before", "count", "export", "leaves", "ranges")} == {
        name: details[name] for name in ("before", "count", "export", "leaves", "ranges")
    }


@pytest.mark.parametrize("second", [None, COMPLIANCE])
def test_one_person_alone_is_refused_on_record(old: Site, tmp_path: Path, second: str | None) -> None:
    """Planted: `of_two` left out; this caught it."""
    written(old, tmp_path / "old.ndjson")
    with pytest.raises(Refused):
        pruned(old, tmp_path / "old.ndjson", second)
    assert (old.records(1)[0]["kind"], old.records(1)[0]["outcome"]) == ("trail.signed-off", "refused")
    assert empty(old) == []


def test_a_refused_attempt_that_nobody_examined_stays(site: Site, tmp_path: Path) -> None:
    """It was emptied, and left the worklist with nobody having looked."""
    now = site.at
    site.at = now - timedelta(days=8 * 366)
    site.enrol()
    with pytest.raises(Refused):
        sign_off(site.context, Matter("item"), site.pat, actor=actor_of(CLINICIAN))
    show(site.context.store, actor_of(COMPLIANCE), site.at)
    site.at = now
    waits = [one["item"] for one in site.desk.worklist(actor=COMPLIANCE) if one["kind"] == "refused"]
    written(site, tmp_path / "old.ndjson")
    assert (len(waits), pruned(site, tmp_path / "old.ndjson").count) == (1, 1)
    assert [one["item"] for one in site.desk.worklist(actor=COMPLIANCE) if one["kind"] == "refused"] == waits


def test_a_dry_run_counts_what_the_real_one_empties(site: Site, tmp_path: Path) -> None:
    """Of a directory that nobody has used for years, it counted one less: its newest record was the last one then."""
    now = site.at
    site.at = now - timedelta(days=8 * 366)
    site.enrol()
    for _ in range(3):
        show(site.context.store, actor_of(COMPLIANCE), site.at)
    site.at = now
    seen = look(site.context, before(site), actor_of(COMPLIANCE)).count
    written(site, tmp_path / "old.ndjson")
    assert pruned(site, tmp_path / "old.ndjson").count == seen == 3


def test_nothing_inside_the_retention_goes(old: Site, tmp_path: Path) -> None:
    """Planted: the retention left out; this caught it."""
    with pytest.raises(InvalidInput, match="inside the retention of 7 years"):
        look(old.context, old.at - timedelta(days=365), actor_of(COMPLIANCE))
    long_ago = old.at - timedelta(days=20 * 365)
    with pytest.raises(InvalidInput, match="may be pruned"):
        prune(old.context, long_ago, tmp_path / "none", old.keys[COMPLIANCE], None, actor_of(COMPLIANCE))


def test_a_crash_in_the_middle_leaves_all_as_it_was(old: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mock stands for a crash between emptying and recording.

    Planted: emptying in a transaction of its own; this caught it.
    """
    written(old, tmp_path / "old.ndjson")
    was = rows(old)

    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr("withness.audit.log.append", crash)
        with pytest.raises(RuntimeError):
            pruned(old, tmp_path / "old.ndjson")
    assert rows(old) == was
    with old.context.store.transaction() as tx:
        assert tx.schema_damage() is None
    assert checked(old).whole is True


def test_what_was_pruned_is_not_left_in_the_file(old: Site, tmp_path: Path) -> None:
    """Planted: secure_delete left out; this caught it, for the nonces were still there."""
    written(old, tmp_path / "old.ndjson")
    was = {row[0]: json.loads(row[3])["nonce"] for row in rows(old)}
    pruned(old, tmp_path / "old.ndjson")
    gone = empty(old)
    old.desk.close()
    left = old.settings.database.read_bytes()
    old.open()
    assert [seq for seq in gone if was[seq].encode() in left] == []
    assert was[1].encode() in left


# -- the export


def test_the_export_must_hold_what_goes_and_be_of_this_log(old: Site, tmp_path: Path) -> None:
    """Planted: the missing records not counted; then an edited export taken; this caught both."""
    kept, part = tmp_path / "old.ndjson", tmp_path / "part.ndjson"
    with pytest.raises(InvalidInput, match="cannot be read"):
        pruned(old, kept)
    written(old, kept)
    written(old, part, period=Period(start=old.records(60)[-1]["at"]))
    with pytest.raises(InvalidInput, match="lacks 7 of the 7 records"):
        pruned(old, part)
    (tmp_path / "edited.ndjson").write_text(kept.read_text().replace('\\"shown\\"', '\\"Shown\\"'))
    with pytest.raises(InvalidInput, match="does not prove itself"):
        pruned(old, tmp_path / "edited.ndjson")
    assert empty(old) == []


def test_anothers_export_is_refused(old: Site, tmp_path: Path) -> None:
    """Planted: the log's keys not asked for; this caught it."""
    with Site(tmp_path / "other", tmp_path / "other.key") as other:
        other.enrol()
        other.screen()
        written(other, tmp_path / "other.ndjson")
    with pytest.raises(InvalidInput, match="does not prove itself"):
        pruned(old, tmp_path / "other.ndjson")
    assert empty(old) == []


# -- forgeries


def of_kind(site: Site, kind: Kind, *, last: bool = False) -> int:
    """The number of the first, or last, record of a kind that has bytes."""
    found = [row[0] for row in rows(site) if row[5] == kind.value and row[3]]
    return int(found[-1] if last else found[0])


def test_what_nobody_signed_for_is_damage(old: Site) -> None:
    """Planted: records without bytes taken as they come; this caught it."""
    seq = of_kind(old, Kind.TRAIL_VIEWED)
    forge(old, f"{EMPTIED} seq = {seq}")
    assert [one.sentence() for one in checked(old).damages] == [
        f"Record {seq}: its bytes are gone and nobody signed for it."
    ]
    with pytest.raises(TrailDamaged):
        look(old.context, before(old), actor_of(COMPLIANCE))


def test_one_more_than_was_signed_for_is_damage(old: Site, tmp_path: Path) -> None:
    """Planted: every record before the act taken as named by it; this caught it."""
    written(old, tmp_path / "old.ndjson")
    pruned(old, tmp_path / "old.ndjson")
    seq = of_kind(old, Kind.TRAIL_VERIFIED)
    forge(old, f"{EMPTIED} seq = {seq}")
    assert seq in [one.record for one in checked(old).damages]


@pytest.mark.parametrize(
    "change",
    ["recorded_at = '2018-01-01T00:00:00.000000Z'", "kind = 'trail.exported'", "actor = 'Practitioner/x'", "v = 2"],
)
def test_what_stays_of_a_pruned_record_is_bound_too(old: Site, tmp_path: Path, change: str) -> None:
    """Planted: the digest made of the hashes alone; this caught it."""
    written(old, tmp_path / "old.ndjson")
    pruned(old, tmp_path / "old.ndjson")
    seq = next(row[0] for row in rows(old) if not row[3] and row[5] == "trail.viewed")
    forge(old, f"UPDATE audit_leaf SET {change} WHERE seq = {seq}")
    assert checked(old).whole is False


def test_a_decision_is_never_pruned_whoever_signs(old: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mock stands for a release that two people have made to name decisions.

    Planted: the kinds that may go not asked for when verifying; this caught it.
    """
    written(old, tmp_path / "old.ndjson")
    with monkeypatch.context() as patched:
        patched.setattr(pruning, "MAY", {Kind.GATE_DECIDED.value})
        patched.setattr(pruning, "prunable", lambda leaf: True)
        pruned(old, tmp_path / "old.ndjson")
    [first, *_] = empty(old)
    said = "its bytes are gone, and a record of its kind is never pruned"
    assert (first, said) in [(one.record, one.what) for one in checked(old).damages]


def test_an_act_that_says_something_else_is_damage(old: Site) -> None:
    """Planted: the signed act not held against its record; this caught it."""
    seq = of_kind(old, Kind.TRAIL_VIEWED)
    with old.context.store.transaction() as tx:
        spans = [[seq, seq]]
        count, digest = pruning._digest(tx, spans)
    said = {"before": instant(before(old)), "count": count, "leaves": digest, "export": "0" * 64, "ranges": spans}
    matter = Matter(PRUNED, {**said, "count": 0, "ranges": []}, of_two=True, plain=said)
    sign_off(old.context, matter, old.keys[COMPLIANCE], old.sam, actor=actor_of(COMPLIANCE))
    forge(old, f"{EMPTIED} seq = {seq}")
    assert "the pruning that it records is not the one that was signed" in [one.what for one in checked(old).damages]


def test_what_was_younger_than_six_years_is_damage_whoever_signed(old: Site, tmp_path: Path) -> None:
    """The clock stands for a machine that was set forward, and right again; what two people signed then is no excuse.

    Planted: the time not looked at; this caught it.
    """
    written(old, tmp_path / "old.ndjson")
    seq = of_kind(old, Kind.TRAIL_EXPORTED, last=True)
    show(old.context.store, actor_of(COMPLIANCE), old.at)
    with old.context.store.transaction() as tx:
        count, leaves = pruning._digest(tx, [[seq, seq]])
    young = instant(old.at + timedelta(days=1))
    said = {"before": young, "count": count, "leaves": leaves, "export": "0" * 64, "ranges": [[seq, seq]]}
    matter = Matter(PRUNED, said, of_two=True, plain=said)
    sign_off(old.context, matter, old.keys[COMPLIANCE], old.sam, actor=actor_of(COMPLIANCE))
    forge(old, f"{EMPTIED} seq = {seq}")
    assert "it pruned what was not 6 years old" in [one.what for one in checked(old).damages]


def test_on_a_server_it_is_refused(old: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mock stands for a PostgreSQL server. Planted: the engine not asked; this caught it."""
    monkeypatch.setattr(old.context.store, "engine", "postgresql")
    with pytest.raises(InvalidInput, match="on a PostgreSQL server"):
        look(old.context, before(old), actor_of(COMPLIANCE))


# -- whoever reads the trail


def test_exports_reports_and_proofs_cope(old: Site, tmp_path: Path) -> None:
    """Planted: a pruned record written as an empty one; then the count left out of the report; this caught both."""
    kept = tmp_path / "old.ndjson"
    written(old, kept)
    found = pruned(old, kept)
    again, table, events = tmp_path / "again.ndjson", tmp_path / "trail.csv", tmp_path / "trail.json"
    done = written(old, again)
    assert done.pruned == found.count
    told = offline(again, "--vkey", done.vkey)
    assert told.returncode == 0, told.stdout + told.stderr
    assert f"{found.count} of them were pruned" in told.stdout
    assert written(old, table, Form.CSV).records - found.count == len(table.read_text().splitlines()) - 1
    assert written(old, events, Form.FHIR).records - found.count == len(json.loads(events.read_text())["entry"])
    with pytest.raises(InvalidInput, match="was pruned"):
        prove(old.context.store, empty(old)[0], tmp_path / "p.json", actor_of(COMPLIANCE), old.at)
    prove(old.context.store, empty(old)[0] - 4, tmp_path / "p.json", actor_of(COMPLIANCE), old.at)
    assert offline("--proof", tmp_path / "p.json", "--vkey", done.vkey).returncode == 0
    report = old.desk.report(actor=COMPLIANCE)
    assert any(f"{found.count} records of this time were pruned" in one for one in report["limits"])
    old.desk.worklist(actor=COMPLIANCE)
    with pytest.raises(InvalidInput, match="may be pruned"):
        pruned(old, kept)


def test_an_audit_repository_is_told_the_rest(old: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a Bundle without entries sent, where all of its records were pruned; this caught it."""
    written(old, tmp_path / "old.ndjson")
    found = pruned(old, tmp_path / "old.ndjson")
    monkeypatch.setattr(feeding, "BATCH", 1)
    noting = Noting(LocalChart(tmp_path / "arr.sqlite3", Seal(b"k" * 32), now=lambda: datetime.now(UTC)))
    sent: list[int] = []
    monkeypatch.setattr(noting, "transact", lambda bundle: sent.append(len(bundle["entry"])))
    many = len(rows(old))
    assert feed(replace(old.context, repository=noting)) == Fed(many - found.count, 0)
    assert sent == [1] * (many - found.count)


def test_an_export_that_ends_before_the_act_is_in_doubt(old: Site, tmp_path: Path) -> None:
    """Planted: every line that says that it was pruned believed; this caught it."""
    written(old, tmp_path / "old.ndjson")
    pruned(old, tmp_path / "old.ndjson")
    done = written(old, tmp_path / "early.ndjson", period=Period(end=before(old).isoformat()))
    told = offline(tmp_path / "early.ndjson", "--vkey", done.vkey)
    assert told.returncode == 7
    assert "nothing in the export says that two people signed" in told.stdout


def test_at_the_console(old: Site, tmp_path: Path) -> None:
    """A dry run first, then the real one. Planted: the dry run pruned; this caught it."""
    day = str(before(old).date())
    written(old, tmp_path / "old.ndjson")
    old.desk.close()
    old.at = datetime.now(UTC)
    code, said = old.console_json("audit", "prune", "--before", day, "--dry-run")
    assert (code, said["pruned"], said["records"], said["kinds"]) == (0, False, sum(GONE.values()), GONE)
    code, said = old.console_json("audit", "prune", "--before", day)
    assert (code, said["field"]) == (2, "--export")
    (tmp_path / "phrase").write_text("a phrase that is long enough")
    for who, name in ((COMPLIANCE, "kim"), (SUPERVISOR, "sam")):
        write_signer(old.keys[who], tmp_path / f"{name}.key", "a phrase that is long enough")
    phrase = str(tmp_path / "phrase")
    first = ("--actor", COMPLIANCE, "--key", str(tmp_path / "kim.key"), "--passphrase-file", phrase)
    second = ("--second", SUPERVISOR, "--second-key", str(tmp_path / "sam.key"), "--second-passphrase-file", phrase)
    kept = ("--export", str(tmp_path / "old.ndjson"))
    code, said = old.console_json("audit", "prune", "--before", day, *kept, *first, *second)
    assert (code, said["pruned"], said["records"]) == (0, True, sum(GONE.values()))
    assert old.console("audit", "verify").returncode == 0
    code, shown = old.console_json("audit", "show", "--limit", "60")
    assert (code, sum(one["pruned"] for one in shown)) == (0, sum(GONE.values()))
    old.open()
