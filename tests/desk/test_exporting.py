"""Exports and proofs: recorded first, checked by the offline verifier, named only under a compliance signature."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.system.site import CLINICIAN, COMPLIANCE, Site, make_draft
from tests.system.test_the_trail_shows_every_edit import behind_our_back

from withness.audit import log, offline_verifier
from withness.audit.log import Head
from withness.audit.merkle import Frontier
from withness.audit.record import Kind, NoRoom, Record
from withness.desk import exporting
from withness.desk.asking import actor_of
from withness.desk.export_fhir import fhir
from withness.desk.export_forms import named_csv, ndjson, pseudonymous_csv
from withness.desk.exporting import Form, export, export_signed
from withness.desk.proving import prove
from withness.desk.stretch import Period, Stretch
from withness.desk.verify import verify
from withness.directory import open_store
from withness.errors import CannotTell, InvalidInput, Refused, TrailDamaged


@pytest.fixture
def clinic(site: Site) -> Site:
    """A site with people who sign, a screen and a saved plan."""
    site.enrol()
    site.screen()
    site.save()
    return site


def checked(site: Site, *arguments: str) -> tuple[int, list[str]]:
    """What the offline verifier says of a file, with the log's key as it was told."""
    publisher = site.context.store.publisher
    assert publisher is not None
    findings = offline_verifier.Findings([offline_verifier.read_key(publisher.key.vkey)])
    given = offline_verifier._parser().parse_args(arguments)
    try:
        offline_verifier.run(given, findings)
    except offline_verifier.Damaged as found:
        return 4, [found.sentence()]
    return (7 if findings.doubts else 0), [*findings.doubts, *findings.holds]


EVER = Period()


def exported(site: Site, out: Path, period: Period = EVER, who: str = COMPLIANCE) -> Stretch:
    """Export NDJSON, signed."""
    return export_signed(site.context, period, out, ndjson, site.keys[who], actor_of(who), Form.NDJSON)[0]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class TestNdjson:
    def test_the_whole_trail_proves_itself_and_the_export_is_on_record(self, clinic: Site, tmp_path: Path) -> None:
        """Planted: the export recorded before its stretch is settled; caught."""
        before = len(clinic.records())
        out = tmp_path / "trail.ndjson"
        done = exported(clinic, out)
        assert (done.first, done.records, done.size) == (0, before, before)
        assert checked(clinic, str(out))[0] == 0
        assert out.stat().st_mode & 0o777 == 0o600
        [newest] = clinic.records(1)
        assert (newest["kind"], newest["outcome"], newest["actor"]) == ("trail.exported", "ndjson", COMPLIANCE)
        assert newest["asserted"] is False
        assert {name: newest["details"][name] for name in ("first", "records", "size")} == done.details()
        lines = out.read_text(encoding="utf-8").split("\n")[1:-1]
        bodies = [json.loads(json.loads(line)["record"]) for line in lines]
        assert bodies == clinic.records()[:-1]
        assert verify(clinic.context.store, actor_of(COMPLIANCE), clinic.at).whole is True

    def test_a_period_proves_itself_too(self, clinic: Site, tmp_path: Path) -> None:
        """Planted: the end of the period included; the sides of another range; both caught."""
        start = len(clinic.records())
        for _ in range(3):
            clinic.pass_time(hours=1)
            clinic.screen()
        middle = [one["at"] for one in clinic.records()]
        out = tmp_path / "part.ndjson"
        done = exported(clinic, out, Period(middle[start], clinic.records(1)[0]["at"]))
        assert done.first == start
        assert 0 < done.records < len(middle) - start
        code, said = checked(clinic, str(out))
        assert code == 0
        assert f"{done.records} of the {len(middle)}" in said[0]

    def test_what_was_kept_before_fits_what_is_exported_later(self, clinic: Site, tmp_path: Path) -> None:
        """The reviewer's own anchor. Planted: the checkpoint of an older head signed; caught."""
        store = clinic.context.store
        with store.transaction() as tx:
            head = tx.head()
        assert head is not None
        assert store.publisher is not None
        (tmp_path / "kept").write_text(store.publisher.note(head), encoding="utf-8")
        clinic.screen()
        exported(clinic, tmp_path / "e")
        assert checked(clinic, str(tmp_path / "e"), "--checkpoint", str(tmp_path / "kept"))[0] == 0

    def test_more_records_than_a_page(self, clinic: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each page in a transaction. Planted: each page begun with the last one's last record; caught."""
        for size in (1, 2, 3, 7):
            monkeypatch.setattr(exporting, "PAGE", size)
            out = tmp_path / f"{size}.ndjson"
            exported(clinic, out)
            assert checked(clinic, str(out))[0] == 0

    def test_past_full_tiles(self, clinic: Site, tmp_path: Path) -> None:
        """600 records: the sides come from tiles. Planted: a tile's root taken for a leaf; caught."""
        made = [Record(Kind.TRAIL_VIEWED, CLINICIAN, "pat", outcome="shown") for _ in range(600)]
        clinic.pass_time(hours=1)
        with clinic.context.store.transaction() as tx:
            log.append(tx, made, at=clinic.at)
        at = clinic.records(1)[0]["at"]
        clinic.pass_time(hours=1)
        clinic.screen()
        out = tmp_path / "e"
        done = exported(clinic, out, Period(at, at.replace(".000000Z", ".000001Z")))
        assert done.records == 600
        assert checked(clinic, str(out))[0] == 0

    def test_a_trail_that_went_on_after_damage_is_exported_whole(self, clinic: Site, tmp_path: Path) -> None:
        """Two segments, two headers, all proved; and the file says what was found before. Planted: only the newest
        segment written, and the damage not told (exit 0, here and of the verifier); caught."""
        clinic.damage_the_trail()
        clinic.screen()
        out = tmp_path / "e"
        done = exported(clinic, out)
        assert [part.head.segment for part in done.parts] == [0, 1]
        assert "its column " in done.finding, "the row of then is still not what it says"
        assert done.rest == ()
        mark, first, *_ = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        assert mark["finding"] == done.told
        assert done.before.startswith("it was found damaged before record ")
        assert first["format"] == "withness-audit-export/1"
        code, said = checked(clinic, str(out))
        assert (code, len(said)) == (4, 1)
        key = clinic.context.store.publisher
        assert key is not None
        assert offline_verifier.main([str(out), "--vkey", key.key.vkey]) == 4
        clinic.desk.close()
        code, told = clinic.console_json("audit", "export", "--format", "csv", "--out", str(tmp_path / "e.csv"))
        assert (code, told["finding"], told["covered"]) == (4, done.told, told["records"])
        assert "TRAIL-DAMAGED" in (tmp_path / "e.csv").read_text(encoding="utf-8")


class TestWhoMay:
    def test_only_compliance_signs_for_references(self, clinic: Site, tmp_path: Path) -> None:
        """Planted: any enrolled person's signature taken; caught. Nothing is left of the file."""
        out = tmp_path / "e"
        with pytest.raises(Refused, match="compliance"):
            exported(clinic, out, who=CLINICIAN)
        assert not out.exists()
        [newest] = clinic.records(1)
        assert (newest["kind"], newest["outcome"]) == ("trail.exported", "refused")

    def test_an_export_that_cannot_be_recorded_is_not_written(self, clinic: Site, tmp_path: Path) -> None:
        """Planted: the file made before the period is looked at, and left there; caught."""
        for period in (Period("2020-01-01T00:00:00.000000Z", "2020-01-02T00:00:00.000000Z"),):
            with pytest.raises(InvalidInput, match="no record of this period"):
                exported(clinic, tmp_path / "e", period)
        assert not (tmp_path / "e").exists()

    def test_no_file_is_written_over(self, clinic: Site, tmp_path: Path) -> None:
        """Planted: opened with mode w; caught."""
        (tmp_path / "e").write_text("mine", encoding="utf-8")
        before = clinic.records(1)
        for out in (tmp_path / "e", tmp_path / "none" / "e", tmp_path):
            with pytest.raises(InvalidInput) as refused:
                exported(clinic, out)
            assert refused.value.field == "--out"
        assert (tmp_path / "e").read_text(encoding="utf-8") == "mine"
        assert clinic.records(1) == before

    def test_a_log_that_was_cut_signs_nothing_new(self, clinic: Site, tmp_path: Path) -> None:
        """What contradicts a published checkpoint gets no signature. Planted: signed as it stands; caught."""
        store = clinic.context.store
        with store.transaction() as tx:
            head = tx.head()
        assert head is not None
        assert store.publisher is not None
        store.publisher.publish(head)
        clinic.desk.close()
        with sqlite3.connect(clinic.settings.database) as database:
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f"DROP TRIGGER {name}")
            database.execute("UPDATE audit_head SET root = zeroblob(32)")
        database.close()
        done, _ = export(store, Period(), tmp_path / "e", named_csv, actor_of(CLINICIAN), clinic.at, Form.CSV)
        assert done.finding != ""
        published = (one.read_text(encoding="utf-8") for one in store.publisher.folder.path.glob("*.checkpoint"))
        assert {one.note for one in done.parts} <= set(published)
        mark, *rows = table(tmp_path / "e")
        assert (mark["kind"], mark["outcome"], len(rows)) == ("TRAIL-DAMAGED", done.finding, done.records)

    def test_without_the_log_key_nothing_is_proved(self, clinic: Site, tmp_path: Path) -> None:
        """Planted: an export without a checkpoint; caught."""
        clinic.context.store.publisher = None
        with pytest.raises(CannotTell, match="log key"):
            exported(clinic, tmp_path / "e")


class TestCsv:
    def unsigned(self, site: Site, out: Path) -> list[dict[str, str]]:
        store, seal = open_store(site.settings, fresh=False)
        export(store, Period(), out, pseudonymous_csv(seal), actor_of(CLINICIAN), site.at, Form.CSV)
        store.close()
        return table(out)

    def test_it_names_nobody_unless_it_is_signed_for(self, clinic: Site, tmp_path: Path) -> None:
        """Planted: the second actor written as he is; caught. A pseudonym stays the same, in another export too."""
        clinic.desk.close()
        first, second = self.unsigned(clinic, tmp_path / "1.csv"), self.unsigned(clinic, tmp_path / "2.csv")
        text = (tmp_path / "1.csv").read_text(encoding="utf-8")
        for name in ("rosa", "p1", "c1", "s1"):
            assert f"/{name}" not in text
        assert first == second[: len(first)]
        assert {one["patient"].partition("-")[0] for one in first} <= {"", "Patient", "Practitioner"}
        mine = {one["patient"] for one in first if one["kind"] == "screen.recorded"}
        assert len(mine) == 1
        clinic.open()
        [newest] = clinic.records(1)
        assert (newest["kind"], newest["outcome"], newest["asserted"]) == ("trail.exported", "csv", True)

    def test_signed_for_it_names_them(self, clinic: Site, tmp_path: Path) -> None:
        """Planted: pseudonyms there too; caught."""
        out = tmp_path / "e.csv"
        export_signed(clinic.context, Period(), out, named_csv, clinic.keys[COMPLIANCE], actor_of(COMPLIANCE), Form.CSV)
        found = table(out)
        assert [(one["seq"], one["kind"], one["patient"] or None) for one in found] == [
            (str(one["seq"]), one["kind"], one["patient"]) for one in clinic.records()[:-1]
        ]

    @pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n"])
    def test_no_cell_is_a_formula(self, clinic: Site, tmp_path: Path, first: str) -> None:
        """Planted: the apostrophe left out for a tab; caught. Whoever writes the database can write any text."""
        said = f"{first}HYPERLINK(1)"
        made = Record(Kind.TRAIL_VIEWED, said, "x", outcome=said, reason=said, patient=said, second_actor=said)
        with clinic.context.store.transaction() as tx:
            log.append(tx, [made], at=clinic.at)
        out = tmp_path / "e.csv"
        export(clinic.context.store, Period(), out, named_csv, actor_of(CLINICIAN), clinic.at, Form.CSV)
        last = table(out)[-1]
        for column in ("actor", "outcome", "reason_code", "patient", "second_actor"):
            assert last[column] == f"'{said}"
        rows = list(csv.reader(io.StringIO(out.read_text(encoding="utf-8"), newline="")))
        assert not [cell for row in rows for cell in row if cell[:1] in "=+-@\t\r\n" and cell]

    def test_it_holds_nothing_but_the_search_columns(self, clinic: Site, tmp_path: Path) -> None:
        """Planted: details written along; caught."""
        out = tmp_path / "e.csv"
        export(clinic.context.store, Period(), out, named_csv, actor_of(CLINICIAN), clinic.at, Form.CSV)
        digest = next(one["details"]["digest"] for one in clinic.records() if "digest" in one["details"])
        assert digest not in out.read_text(encoding="utf-8")
        assert ",".join(table(out)[0]) == (
            "seq,segment,recorded_at,kind,outcome,reason_code,patient,actor,second_actor,policy_hash,request_id"
        )


class TestProof:
    def proved(self, site: Site, seq: int, out: Path) -> dict[str, Any]:
        prove(site.context.store, seq, out, actor_of(COMPLIANCE), site.at)
        found = json.loads(out.read_text(encoding="utf-8"))
        assert isinstance(found, dict)
        return found

    def test_one_record_without_the_others(self, clinic: Site, tmp_path: Path) -> None:
        """Planted: the proof made for the size after its own record; caught."""
        clinic.screen("Patient/tom")
        number = len(clinic.records())
        record = clinic.records()[number - 2]
        found = self.proved(clinic, number - 2, tmp_path / "p.json")
        assert json.loads(found["record"]) == record
        assert (found["size"], len(found["says"])) == (number, 2)
        assert checked(clinic, "--proof", str(tmp_path / "p.json"))[0] == 0
        others = {one["nonce"] for one in clinic.records()[:-1]} - {record["nonce"]}
        text = (tmp_path / "p.json").read_text(encoding="utf-8")
        assert not [nonce for nonce in others if nonce in text]
        [newest] = clinic.records(1)
        assert (newest["kind"], newest["outcome"], newest["patient"]) == ("trail.exported", "proof", record["patient"])
        assert newest["details"] == {"first": number - 2, "records": 1, "size": number}

    def test_every_record_has_one(self, clinic: Site, tmp_path: Path) -> None:
        """In an older segment too. Planted: the index counted from the log's first record; caught."""
        clinic.damage_the_trail()
        clinic.screen()
        for seq in range(len(clinic.records())):
            self.proved(clinic, seq, tmp_path / f"{seq}.json")
            assert checked(clinic, "--proof", str(tmp_path / f"{seq}.json"))[0] == 0, seq

    @pytest.mark.parametrize("there", [b"\x00\xff", "Patient/somebody-else"])
    def test_whose_columns_were_edited_is_proved_by_its_bytes(
        self, clinic: Site, tmp_path: Path, there: bytes | str
    ) -> None:
        """And what is recorded of the proof names whom the bytes name. Seen: a fault in rfc8785, for a column that held
        a blob. Planted: the column's patient recorded; caught."""
        seq = next(one["seq"] for one in clinic.records() if one["patient"] == "Patient/rosa")
        with behind_our_back(clinic) as database:
            database.execute("UPDATE audit_leaf SET patient = ? WHERE seq = ?", (there, seq))
        clinic.open()
        found = self.proved(clinic, seq, tmp_path / "p.json")
        assert checked(clinic, "--proof", str(tmp_path / "p.json"))[0] == 0
        [newest] = clinic.records(1)
        assert newest["patient"] == json.loads(found["record"])["patient"] == "Patient/rosa"

    def test_what_has_no_proof(self, clinic: Site, tmp_path: Path) -> None:
        """Planted: a record number past the end; caught. A partner or proxy proves nothing."""
        with pytest.raises(InvalidInput, match="no record 999"):
            self.proved(clinic, 999, tmp_path / "p.json")
        with pytest.raises(Refused):
            prove(clinic.context.store, 1, tmp_path / "p.json", actor_of("RelatedPerson/x"), clinic.at)
        assert not (tmp_path / "p.json").exists()


def test_the_words_of_a_plan_are_in_no_export(clinic: Site, tmp_path: Path) -> None:
    """Records hold ids, codes and digests. Planted: the concern's words in a record's details; caught."""
    clinic.save(make_draft(concern={"words": "Zanzibar", "problems": ["feeling-unheard"]}))
    exported(clinic, tmp_path / "e")
    export(clinic.context.store, Period(), tmp_path / "c", named_csv, actor_of(CLINICIAN), clinic.at, Form.CSV)
    for name in ("e", "c"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "Zanzibar" not in text
        assert "somebody to get it" not in text


def test_the_trail_as_fhir_passes_the_check(clinic: Site, tmp_path: Path) -> None:
    """A collection of one AuditEvent for each record. Planted: an entry without its fullUrl; caught."""
    out = tmp_path / "e.json"
    write = fhir(clinic.context)
    export_signed(clinic.context, EVER, out, write, clinic.keys[COMPLIANCE], actor_of(COMPLIANCE), Form.FHIR)
    bundle = json.loads(out.read_text(encoding="utf-8"))
    before = clinic.records()[:-1]
    assert (bundle["type"], len(bundle["entry"])) == ("collection", len(before))
    for entry, record in zip(bundle["entry"], before, strict=True):
        event = entry["resource"]
        assert entry["fullUrl"] == f"urn:uuid:{event['id']}"
        assert event["recorded"] == record["at"]
    done = clinic.console("ig", "check", str(out))
    assert (done.returncode, done.stderr) == (0, "")
    [newest] = clinic.records(1)
    assert (newest["kind"], newest["outcome"]) == ("trail.exported", "fhir")


class TestDamagedTrail:
    """When a trail is damaged an inquiry needs it: what a published checkpoint still covers is proved as ever."""

    KEPT = 6
    """How many records the checkpoint of the day before covers."""

    @pytest.fixture
    def hurt(self, clinic: Site) -> Site:
        """A site whose log was published early, then grew, and then lost its newest records."""
        store = clinic.context.store
        assert store.publisher is not None
        with store.transaction() as tx:
            head, leaves = tx.head(), [one for one in tx.leaves() if one.seq < self.KEPT]
        assert head is not None
        frontier = Frontier()
        for one in leaves:
            frontier = frontier.append(one.leaf_hash)
        early = Head(0, 0, self.KEPT, frontier.root(), frontier.to_bytes())
        store.publisher.publish(head)
        store.publisher.folder.path.joinpath("2020-01-01-segment-0.checkpoint").write_text(store.publisher.note(early))
        self.behind(clinic, f"DELETE FROM audit_leaf WHERE seq > {self.KEPT + 2}")
        return clinic

    def behind(self, site: Site, *changes: str) -> None:
        """Change the database as its owner can."""
        site.desk.close()
        with sqlite3.connect(site.settings.database, isolation_level=None) as database:
            triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                database.execute(f"DROP TRIGGER {name}")
            for change in changes:
                database.execute(change)
            for _, sql in triggers:
                database.execute(sql)
        database.close()

    def lines(self, path: Path) -> list[dict[str, Any]]:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def test_what_is_there_is_exported_and_marked(self, hurt: Site, tmp_path: Path) -> None:
        """Planted: the mark left out, the newest published checkpoint taken though it does not fit, and the rest left
        out; all three were caught."""
        out = tmp_path / "e.ndjson"
        done = exported(hurt, out)
        assert [(one.records, one.head.size) for one in done.parts] == [(self.KEPT, self.KEPT)]
        said = self.lines(out)
        assert (said[0]["format"], said[0]["finding"]) == ("withness-audit-damaged/1", done.finding)
        assert done.finding != ""
        assert sum("record" in one for one in said) >= self.KEPT + 3
        code, sentences = checked(hurt, str(out))
        assert (code, sentences) == (
            4,
            ["The trail was damaged when it was exported: what holds is said above, and no more."],
        )
        [record] = hurt.records(1)
        assert (record["kind"], record["outcome"]) == ("trail.exported", "ndjson")
        assert offline_verifier.main([str(out)]) == 4

    def test_the_verifier_says_what_of_it_holds(
        self, hurt: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Planted: an export that admits damage taken for whole; caught. Its proved part is still looked at."""
        out, key = tmp_path / "e.ndjson", hurt.context.store.publisher
        assert key is not None
        exported(hurt, out)
        assert offline_verifier.main([str(out), "--vkey", key.key.vkey, "--json"]) == 4
        said = json.loads(capsys.readouterr().out)
        assert said["holds"] == ["Records 0 to 5 are whole: all that segment 0 had when its checkpoint was signed."]
        assert any("no checkpoint covers them" in one for one in said["doubts"])
        text = out.read_text(encoding="utf-8")
        out.write_text(text.replace('\\"kind\\":\\"actor.changed', '\\"kind\\":\\"actor.chanded', 1), encoding="utf-8")
        assert offline_verifier.main([str(out), "--vkey", key.key.vkey, "--json"]) == 4
        assert json.loads(capsys.readouterr().out)["damage"]["kind"] == "edited"

    @pytest.mark.parametrize(("newest", "said"), [(False, "has later ones"), (True, "tree counts it")])
    def test_a_record_that_was_deleted_is_named_as_missing(
        self, clinic: Site, tmp_path: Path, newest: bool, said: str
    ) -> None:
        """Seen: "the trail has no record", and exit 2, as of a number that there never was."""
        last = clinic.records(1)[0]["seq"]
        gone = last if newest else last - 2
        with behind_our_back(clinic) as database:
            database.execute("DELETE FROM audit_leaf WHERE seq = ?", (gone,))
        clinic.open()
        with pytest.raises(TrailDamaged, match=f"record {gone} is missing, though the trail.*{said}"):
            prove(clinic.context.store, gone, tmp_path / "p", actor_of(CLINICIAN), clinic.at)
        assert not (tmp_path / "p").exists()
        with pytest.raises(InvalidInput, match="has no record"):
            prove(clinic.context.store, last + 100, tmp_path / "p", actor_of(CLINICIAN), clinic.at)

    def test_a_record_under_an_intact_checkpoint_is_proved_and_no_other(self, hurt: Site, tmp_path: Path) -> None:
        """Planted: damage refuses every proof, and any record proved under it; both were caught."""
        store, out = hurt.context.store, tmp_path / "p.json"
        done = prove(store, 2, out, actor_of(COMPLIANCE), hurt.at)
        assert done.finding != ""
        assert checked(hurt, "--proof", str(out))[0] == 0
        [record] = hurt.records(1)
        assert (record["kind"], record["outcome"], record["details"]["size"]) == ("trail.exported", "proof", self.KEPT)
        with pytest.raises(TrailDamaged, match="under no published checkpoint"):
            prove(store, self.KEPT + 1, tmp_path / "q.json", actor_of(COMPLIANCE), hurt.at)
        assert not (tmp_path / "q.json").exists()

    def test_a_record_that_is_missing_or_no_text_is_exported_as_that(self, hurt: Site, tmp_path: Path) -> None:
        """Planted: the export stopped there; caught. Such a record itself is never proved."""
        self.behind(hurt, "DELETE FROM audit_leaf WHERE seq = 7", "UPDATE audit_leaf SET body = x'fffe' WHERE seq = 5")
        out = tmp_path / "e.ndjson"
        done = exported(hurt, out)
        said = self.lines(out)
        assert [one["index"] for one in said if "bytes" in one] == [5]
        assert 7 in [one.get("seq") for one in said if "missing" in one]
        code, sentences = checked(hurt, str(out))
        assert (code, sentences) == (4, ["Record 5: what lies there is not a record's text."])
        with pytest.raises(TrailDamaged, match="record 5 is not as it was written"):
            prove(hurt.context.store, 5, tmp_path / "p", actor_of(COMPLIANCE), hurt.at)
        assert done.records == self.KEPT + 2

    FORGED = (10**12, 2**53 - 1, 2**53, 2**63 - 2)
    """Numbers that only a forger gives a record; after each of them there is room for one more."""

    @pytest.mark.parametrize("seq", FORGED)
    def test_numbers_that_no_record_has_are_one_line_however_many_they_are(
        self, hurt: Site, tmp_path: Path, seq: int
    ) -> None:
        """Seen: each of 10**12 written down, and faults for what canonical JSON or SQLite do not hold. Planted: a gap
        written in two halves, and the number of an export's last record as it is; both were caught."""
        self.behind(hurt, f"UPDATE audit_leaf SET seq = {seq} WHERE seq = {self.KEPT}")
        out = tmp_path / "e.ndjson"
        done, held = export_signed(
            hurt.context, EVER, out, ndjson, hurt.keys[COMPLIANCE], actor_of(COMPLIANCE), Form.NDJSON
        )
        assert (done.records, held.records, held.first, held.last) == (self.KEPT + 3, self.KEPT + 3, 0, seq)
        rest, one, _, _, run, last = self.lines(out)[-6:]
        first, records, to, seqs = (n if n < 2**53 else str(n) for n in (6, seq - 5, seq - 1, seq))
        assert rest == {"first": first, "format": "withness-audit-rest/1", "records": records}
        assert (one, run) == ({"missing": True, "seq": 6}, {"missing": True, "seq": 9, "to": to})
        assert last["seq"] == seqs
        assert checked(hurt, str(out))[1][0].startswith("The trail was damaged when it was exported")
        [record] = hurt.records(1)
        assert record["details"]["records"] == self.KEPT + 3

    @pytest.mark.parametrize("seq", FORGED)
    def test_the_other_forms_say_a_run_of_missing_records_once(self, hurt: Site, tmp_path: Path, seq: int) -> None:
        """Planted: no row for a gap, and a Bundle that passes the rest over; both were caught."""
        self.behind(hurt, f"UPDATE audit_leaf SET seq = {seq} WHERE seq = {self.KEPT}")
        wanted = ["record 6 is missing", f"records 9 to {seq - 1} are missing"]
        rows, bundle = tmp_path / "e.csv", tmp_path / "e.json"
        done, held = export(hurt.context.store, EVER, rows, named_csv, actor_of(CLINICIAN), hurt.at, Form.CSV)
        assert (held.records, len(table(rows))) == (self.KEPT + 3, 1 + self.KEPT + 3 + 2 + 1)
        assert [one["outcome"] for one in table(rows) if one["kind"] == "TRAIL-DAMAGED"] == [
            done.finding,
            *wanted,
            "the next row: its column seq does not say what its bytes say",
        ]
        if seq == max(self.FORGED):
            return  # there is no room for the record of another export
        write, keys = fhir(hurt.context), hurt.keys[COMPLIANCE]
        _, held = export_signed(hurt.context, EVER, bundle, write, keys, actor_of(COMPLIANCE), Form.FHIR)
        said = [one["resource"] for one in json.loads(bundle.read_text(encoding="utf-8"))["entry"]]
        issues = [one["issue"][0]["diagnostics"] for one in said if one["resourceType"] == "OperationOutcome"]
        assert [one.rstrip(".").lower() for one in issues[1:]] == wanted
        assert held.records == sum(one["resourceType"] == "AuditEvent" for one in said) < done.records

    def test_records_that_are_missing_under_a_checkpoint_are_one_line_too(self, clinic: Site, tmp_path: Path) -> None:
        """A stored tile bears the checkpoint out. Planted: their places counted from the log's first record, in a
        segment that begins later; caught."""
        made = [Record(Kind.TRAIL_VIEWED, CLINICIAN, "pat", outcome="shown") for _ in range(600)]
        clinic.damage_the_trail()
        store = clinic.context.store
        with store.transaction() as tx:
            log.append(tx, made, at=clinic.at)
            head = tx.head()
        assert head is not None
        assert store.publisher is not None
        store.publisher.publish(head)
        first = head.first_seq
        assert first > 0
        self.behind(clinic, f"DELETE FROM audit_leaf WHERE seq BETWEEN {first + 20} AND {first + 29}")
        out = tmp_path / "e.ndjson"
        exported(clinic, out)
        assert [one for one in self.lines(out) if "missing" in one] == [{"index": 20, "missing": True, "to": 29}]
        those = f"Record {first + 20}: it and those up to record {first + 29} are missing from the trail."
        assert checked(clinic, str(out)) == (4, [those])

    @pytest.mark.parametrize("form", ["csv", "ndjson", "fhir"])
    def test_after_the_largest_number_nothing_is_recorded_so_nothing_exported(
        self, hurt: Site, tmp_path: Path, form: str
    ) -> None:
        """In a sentence. Seen: a fault. Planted: the number behind the last one asked of SQLite; caught."""
        self.behind(hurt, f"UPDATE audit_leaf SET seq = {2**63 - 1} WHERE seq = {self.KEPT}")
        write = {"csv": named_csv, "ndjson": ndjson, "fhir": fhir(hurt.context)}[form]
        out, actor = tmp_path / "e", actor_of(COMPLIANCE)
        with pytest.raises(NoRoom):
            export_signed(hurt.context, EVER, out, write, hurt.keys[COMPLIANCE], actor, Form(form))
        with pytest.raises(NoRoom):
            export(hurt.context.store, EVER, out, write, actor, hurt.at, Form(form))
        assert not out.exists()

    def test_the_other_forms_are_marked_too(self, hurt: Site, tmp_path: Path) -> None:
        """Planted: a Bundle that says nothing of it; caught. The console's exit code is 4, and the file is there."""
        out = tmp_path / "e.json"
        export_signed(
            hurt.context, EVER, out, fhir(hurt.context), hurt.keys[COMPLIANCE], actor_of(COMPLIANCE), Form.FHIR
        )
        first, *events = [one["resource"] for one in json.loads(out.read_text(encoding="utf-8"))["entry"]]
        assert first["resourceType"] == "OperationOutcome"
        assert "damaged" in first["issue"][0]["diagnostics"]
        assert len(events) == self.KEPT
        hurt.desk.close()
        code, said = hurt.console_json("audit", "export", "--format", "csv", "--out", str(tmp_path / "e.csv"))
        assert (code, said["covered"] >= self.KEPT, bool(said["finding"])) == (4, True, True)
        assert (tmp_path / "e.csv").exists()
        code, said = hurt.console_json("audit", "prove", "2", "--out", str(tmp_path / "p.json"))
        assert (code, bool(said["finding"])) == (0, True)
