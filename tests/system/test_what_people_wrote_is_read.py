"""What examiners noted and why somebody raised a domain: read by whoever signs for it in compliance, by nobody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.system.site import CLINICIAN, COMPLIANCE, SUPERVISOR, Site
from tests.system.test_compliance_examines import kim, kims_key

ROSA = "Patient/rosa"
WHY = "She said goodbye to her dog on the stairs."
NOTE = "Asked Pat; the dog is with her sister for the week."


@pytest.fixture
def examined(site: Site) -> Site:
    """Rosa's domain was raised by Pat, and the policy of day one signed off by Kim."""
    site.enrol()
    site.screen()
    site.desk.raise_acuity(ROSA, "suicide", to="elevated", reason=WHY, actor=CLINICIAN)
    site.desk.sign_off(["policy-0"], note=NOTE, **kim(site))
    return site


def told(site: Site, *command: str) -> str:
    """What a command prints, in words and as JSON."""
    done = [site.console("audit", *command, *form) for form in ((), ("--json",))]
    assert [one.returncode for one in done] == [0, 0], done[0].stderr
    return " ".join(f"{one.stdout}{one.stderr}" for one in done)


def test_compliance_reads_them_where_the_record_is_shown(examined: Site, tmp_path: Path) -> None:
    """Planted: sign-offs without their notes, raises left out of the report, `--all` without notes, and `show` without
    words; all four were caught."""
    signs = kims_key(examined, tmp_path)
    report = told(examined, "report", "--rationales", *signs)
    assert (WHY in report, NOTE in report, "a clinician's judgement" in report) == (True, True, True)
    assert NOTE in told(examined, "worklist", "--all", "--names", *signs)
    shown = told(examined, "show", *signs)
    assert (WHY in shown, NOTE in shown, ROSA in shown) == (True, True, True)
    assert examined.desk.health()["records"] > 0
    assert examined.console("audit", "verify").returncode == 0


def test_nobody_else_reads_a_word_or_a_name(examined: Site, tmp_path: Path) -> None:
    """Extracts under pseudonyms hold no word that somebody wrote, and `show` is one of them.

    Planted: `show` with people by reference, and the notes of `--all` for everybody; both were caught.
    """
    out = tmp_path / "e.csv"
    assert examined.console("audit", "export", "--format", "csv", "--out", str(out)).returncode == 0
    looks = (("show",), ("worklist",), ("worklist", "--all"), ("report",))
    everything = " ".join([out.read_text(encoding="utf-8"), *(told(examined, *one) for one in looks)])
    for secret in (WHY, NOTE, ROSA, CLINICIAN, COMPLIANCE, SUPERVISOR):
        assert secret not in everything, secret
    names = kims_key(examined, tmp_path)
    assert NOTE not in told(examined, "report", "--names", *names), "words are asked for by --rationales"


def test_one_persons_records_are_signed_for(examined: Site, tmp_path: Path) -> None:
    """Beside a name a pseudonym is none. Planted: `--patient` answered under codes; caught."""
    code, said = examined.console_json("audit", "show", "--patient", ROSA)
    assert (code, said["field"]) == (2, "--patient")
    code, found = examined.console_json("audit", "show", "--patient", ROSA, *kims_key(examined, tmp_path))
    assert (code, {one["patient"] for one in found}) == (0, {ROSA})
    [looked] = examined.records(1)
    assert (looked["kind"], looked["outcome"], looked["asserted"]) == ("trail.viewed", "shown", False)
    assert (looked["details"]["of"], looked["details"]["names"]) == (ROSA, True)


def test_the_worklists_history_says_who_signed_what_off_and_when(examined: Site) -> None:
    """What is over stands at its end. Planted: what is over left out; caught."""
    listed: dict[str, Any] = {one["item"]: one for one in examined.desk.worklist(actor=CLINICIAN, everything=True)}
    done, waits = listed["policy-0"], listed["enrolment-1"]
    assert done["signed_off"] is not None
    assert done["signed_off_by"].startswith("Staff ")
    assert (done["noted"], waits["signed_off"]) == (None, None)
    assert "policy-0" not in json.dumps(examined.desk.worklist(actor=CLINICIAN))
    [mine] = [one for one in examined.desk.worklist(actor="", everything=True, **kim(examined)) if one["noted"]]
    assert (mine["item"], mine["noted"], mine["signed_off_by"]) == ("policy-0", NOTE, COMPLIANCE)
