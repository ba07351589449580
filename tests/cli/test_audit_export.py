"""Export, proof and the reviewer's witness at the console: options, exit codes, and what is printed."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.audit.forging import forge
from tests.system.site import CLINICIAN, COMPLIANCE, PLUGIN, Site

from withness.signing import write_signer

PASSPHRASE = "a phrase that is long enough"


@pytest.fixture
def signs(site: Site, tmp_path: Path) -> list[str]:
    """A trail of some records, and the options with which Kim of compliance signs."""
    site.enrol()
    site.screen()
    site.desk.close()
    site.catch_up()
    for who, name in ((COMPLIANCE, "kim"), (CLINICIAN, "pat")):
        write_signer(site.keys[who], tmp_path / f"{name}.key", PASSPHRASE)
    (tmp_path / "phrase").write_text(PASSPHRASE, encoding="utf-8")
    passphrase = ["--passphrase-file", str(tmp_path / "phrase")]
    return ["--actor", COMPLIANCE, "--key", str(tmp_path / "kim.key"), *passphrase]


def offline(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the offline verifier as a reviewer would: a file, and Python."""
    script = PLUGIN / "withness" / "audit" / "offline_verifier.py"
    command = [sys.executable, str(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_export_is_signed_written_and_checked(site: Site, signs: list[str], tmp_path: Path) -> None:
    """Planted: the vkey of another key printed; caught by the verifier, which is given what was printed."""
    out = tmp_path / "trail.ndjson"
    done = site.console("audit", "export", "--format", "ndjson", "--out", str(out), *signs)
    assert (done.returncode, done.stderr) == (0, "")
    key = done.stdout.split("The key of its checkpoint: ")[1].strip()
    assert offline(out, "--vkey", key).returncode == 0
    out.write_text(out.read_text(encoding="utf-8").replace("readable", "unreadable"), encoding="utf-8")
    assert offline(out, "--vkey", key).returncode == 4


@pytest.mark.parametrize("form", ["ndjson", "fhir"])
def test_what_names_people_needs_a_signature(site: Site, signs: list[str], tmp_path: Path, form: str) -> None:
    """Exit 2 says so. Planted: an assertion of who acts taken for one; caught."""
    code, said = site.console_json(
        "audit", "export", "--format", form, "--out", str(tmp_path / "e"), "--actor", COMPLIANCE
    )
    assert (code, said["field"]) == (2, "--key")
    assert "enrolled as compliance" in said["message"]
    assert not (tmp_path / "e").exists()


def test_a_clinicians_signature_is_refused(site: Site, signs: list[str], tmp_path: Path) -> None:
    """Exit 3, as each refused act. Planted: exit 2 for it; caught."""
    pat = ["--actor", CLINICIAN, "--key", str(tmp_path / "pat.key"), *signs[4:]]
    code, said = site.console_json("audit", "export", "--format", "csv", "--out", str(tmp_path / "e"), *pat)
    assert (code, said["error"]) == (3, "refused")


def test_csv_without_a_signature_names_nobody(site: Site, signs: list[str], tmp_path: Path) -> None:
    """Planted: --actor alone makes the names appear; caught."""
    out = tmp_path / "e.csv"
    code, said = site.console_json("audit", "export", "--format", "csv", "--out", str(out), "--actor", COMPLIANCE)
    assert (code, said["signed"], said["first"]) == (0, False, 0)
    assert "rosa" not in out.read_text(encoding="utf-8")
    code, said = site.console_json("audit", "export", "--format", "csv", "--out", str(tmp_path / "n.csv"), *signs)
    assert (code, said["signed"]) == (0, True)
    assert "Patient/rosa" in (tmp_path / "n.csv").read_text(encoding="utf-8")


def test_a_row_that_does_not_say_what_its_bytes_say_is_marked(site: Site, signs: list[str], tmp_path: Path) -> None:
    """In the CSV and at a look. Seen: exit 0, and the forged row handed out as it was."""
    forge(site.home / "withness.sqlite3", "audit_leaf", "outcome", "forged", "seq = 1")
    for name, more in (("bare", []), ("named", signs)):
        out = tmp_path / f"{name}.csv"
        done = site.console("audit", "export", "--format", "csv", "--out", str(out), *more)
        assert done.returncode == 4, done.stdout
        rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
        assert rows[0]["kind"] == "TRAIL-DAMAGED"
        assert "Record 1: its column outcome does not say what its bytes say" in rows[0]["outcome"]
        [marked] = [one for one in rows[1:] if one["kind"] == "TRAIL-DAMAGED"]
        assert (marked["seq"], rows[rows.index(marked) + 1]["outcome"]) == ("1", "forged")
    code, shown = site.console_json("audit", "show")
    assert code == 0
    assert [one["seq"] for one in shown if one["damage"]] == [1]
    assert "Record 1: its column outcome does not say what its bytes say" in site.console("audit", "show").stdout


def test_a_name_that_is_no_text_is_exported_as_it_lies_there(site: Site, signs: list[str], tmp_path: Path) -> None:
    """Exit 4. Seen: a fault, for bytes have no pseudonym."""
    forge(site.home / "withness.sqlite3", "audit_leaf", "actor", b"\xff", "seq = 1")
    assert site.console("audit", "export", "--format", "csv", "--out", str(tmp_path / "e.csv")).returncode == 4


@pytest.mark.parametrize(("seq", "wanted"), [(2**53 - 1, 4), (2**63 - 2, 4), (2**63 - 1, 7)])
@pytest.mark.parametrize("form", ["csv", "ndjson", "fhir"])
def test_a_number_that_nobody_could_count_to_is_no_fault(
    site: Site, signs: list[str], tmp_path: Path, form: str, seq: int, wanted: int
) -> None:
    """Seen: a fault in SQLAlchemy or rfc8785. After the largest one nothing can be recorded: exit 7 says so."""
    forge(site.home / "withness.sqlite3", "audit_leaf", "seq", seq, "seq = 3")
    out = tmp_path / "e"
    code, said = site.console_json("audit", "export", "--format", form, "--out", str(out), *signs)
    assert (code, out.exists()) == (wanted, wanted == 4)
    if wanted == 7:
        assert said["error"] == "no-room"


def test_it_says_how_many_records_the_file_holds(site: Site, signs: list[str], tmp_path: Path) -> None:
    """A Bundle holds what can be proved and no more. Seen: "69 records" of a Bundle without any. Planted: the number
    that lie there in the JSON; caught."""
    kinds = [one["kind"] for one in site.records()]
    count, screen = len(kinds), kinds.index("screen.recorded")
    site.desk.close()
    with sqlite3.connect(site.home / "withness.sqlite3") as database:
        [sql] = database.execute("SELECT sql FROM sqlite_master WHERE name = 'audit_leaf_no_delete'").fetchone()
        database.execute("DROP TRIGGER audit_leaf_no_delete")
        database.execute("DELETE FROM audit_leaf WHERE seq IN (?, ?)", (screen, count - 1))
        database.execute(sql)
    database.close()
    run = ["audit", "export", "--format", "fhir", *signs, "--out"]
    done = site.console(*run, str(tmp_path / "a"))
    assert done.returncode == 4
    held = [(tmp_path / "a").read_text(encoding="utf-8").count('"AuditEvent"')]
    assert f": {held[0]} of {count - 2} records" in done.stdout.splitlines()[0]
    code, said = site.console_json(*run, str(tmp_path / "b"))
    held.append((tmp_path / "b").read_text(encoding="utf-8").count('"AuditEvent"'))
    assert (code, said["records"]) == (4, held[1])
    assert held[0] < count - 2


def test_a_period_is_days_of_the_practice_or_instants(site: Site, signs: list[str], tmp_path: Path) -> None:
    """The last day is included. Planted: --to taken for the beginning of its day; caught."""
    today = site.records(1)[0]["at"][:10]
    run = ["audit", "export", "--format", "csv"]
    assert site.console_json(*run, "--out", str(tmp_path / "1"), "--from", today, "--to", today)[0] == 0
    code, said = site.console_json(*run, "--out", str(tmp_path / "2"), "--to", "2020-01-01T00:00:00Z")
    assert (code, said["field"]) == (2, "--from, --to")
    for wrong in (["--from", "yesterday"], ["--to", "2026-11-22T09:00:00"], ["--from", today, "--to", "2020-01-01"]):
        code, said = site.console_json(*run, "--out", str(tmp_path / "3"), *wrong)
        assert (code, said["field"]) == (2, wrong[0])
    assert sorted(one.name for one in tmp_path.glob("?")) == ["1"]


def test_the_proof_of_a_record(site: Site, signs: list[str], tmp_path: Path) -> None:
    """Planted: the sentences left out of what is printed; caught."""
    out = tmp_path / "p.json"
    done = site.console("audit", "prove", "1", "--out", str(out), "--actor", COMPLIANCE)
    assert done.returncode == 0
    said = json.loads(out.read_text(encoding="utf-8"))
    assert " ".join(said["says"]) in " ".join(done.stdout.split())
    assert offline("--proof", out, "--vkey", said["vkey"]).returncode == 0
    assert offline("--proof", out).returncode == 7
    assert site.console_json("audit", "prove", "999", "--out", str(tmp_path / "q"))[0] == 2


def test_a_reviewer_syncs(site: Site, signs: list[str], tmp_path: Path) -> None:
    """One line on standard output, the rest beside it. Planted: the key's line printed there too; caught."""
    state, proof = tmp_path / "mine.json", tmp_path / "since.json"
    first = site.console("audit", "sync-reviewer", "--state", str(state))
    assert (first.returncode, first.stdout.count("\n")) == (0, 1)
    key = json.loads(state.read_text(encoding="utf-8"))["vkey"]
    assert key in first.stderr
    assert site.console("audit", "prove", "1", "--out", str(tmp_path / "p")).returncode == 0
    code, said = site.console_json(
        "audit", "sync-reviewer", "--state", str(state), "--consistency-out", str(proof), "--vkey", key
    )
    assert (code, said["earlier"]["size"] + 1, said["key_changed"]) == (0, said["size"], False)
    assert said["line"] == f"{said['size']} {said['root'][:16]}"
    assert offline("--consistency", proof, "--vkey", key).returncode == 0
    state.write_text(state.read_text(encoding="utf-8").replace("withness-reviewer/1", "x"), encoding="utf-8")
    assert site.console("audit", "sync-reviewer", "--state", str(state)).returncode == 2


def test_a_period_that_is_signed_off_begins_before_it_ends(site: Site, signs: list[str]) -> None:
    """It said that nothing was signed off, and recorded that. Planted: the days not compared; caught."""
    before = len(site.records())
    backwards = ["--period", "2026-11-22", "2026-11-01", "--note", "Went through all of them"]
    code, said = site.console_json("audit", "sign-off", *backwards, *signs)
    assert (code, said["field"]) == (2, "--period")
    assert len(site.records()) == before


def test_a_reviewers_first_use_says_that_there_is_no_proof_yet(site: Site, signs: list[str], tmp_path: Path) -> None:
    out = tmp_path / "step.json"
    done = site.console("audit", "sync-reviewer", "--state", str(tmp_path / "s"), "--consistency-out", str(out))
    assert (done.returncode, out.exists(), "no proof is written" in done.stderr) == (0, False, True)
