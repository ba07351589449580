"""No client word and no answer can be found in any file that Withness writes (I6, I9)."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.makers import make_screen
from tests.system.at_rest import Look
from tests.system.site import Site, make_draft, make_goal
from withness.errors import InvalidInput, KeyMissing

SECRETS = ["zebra-concern", "zebra-goal", "zebra-reason", "zebra-provider", "zebra-sister", "zebra-treatment"]
ANSWERS = [
    "suicide.now",
    "violence.afraid",
    "psychosis.known-illness",
    "valueCoding",
    "answered yes",
    "risk-screen-answer",
]


def _live(site: Site) -> None:
    """A held and a saved plan, full of words to look for."""
    known = {"psychosis.known-illness": "yes"}
    record = {
        f"integration.{one}": "zebra-provider"
        for one in ("provider", "last-contact", "supports", "release-of-information", "relapse-plan")
    }
    site.screen(answers={**known, **record})
    site.screen("Patient/tom", answers={"violence.afraid": "yes"})
    for who in ("Patient/rosa", "Patient/tom"):
        draft = make_draft(who, resources_named_by_client=["zebra-sister"])
        draft["concern"]["words"] = "zebra-concern"
        declined = make_goal(who, template="story", words="zebra-goal", within={"sessions": 8}, target={"count": 1})
        declined["acceptance"] = [{"who": who, "status": "disagree", "reason": "zebra-reason"}]
        draft["goals"].append(declined)
        draft["frame"]["other_treatment"] = "zebra-treatment"
        site.save(draft)


def test_database_wal_chart_and_temp_files_hold_no_word_and_no_answer(nothing_is_left: Look) -> None:
    """Planted: screens stored as plain JSON; caught, in the database and in its WAL."""
    nothing_is_left(_live, SECRETS + ANSWERS)


def test_files_are_for_their_owner_only(site: Site) -> None:
    """Mode 0600 for key, database, WAL and chart; the key lies outside the data directory."""
    _live(site)
    files = [site.key_file, *(path for path in site.home.iterdir() if "sqlite3" in path.name)]
    assert len(files) >= 4
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name
    assert site.home not in site.key_file.parents


def test_a_used_directory_without_its_key_refuses_and_a_backup_brings_it_back(site: Site, tmp_path: Path) -> None:
    """Planted: a missing key silently made anew; caught."""
    site.screen()
    held = site.save(make_draft(encounter="Encounter/e2"))
    site.desk.close()
    copy = tmp_path / "safe" / "copy.key"
    assert site.console("key", "backup", "--out", str(copy)).returncode == 0
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert site.console("key", "backup", "--out", str(copy)).returncode == 2
    site.key_file.unlink()
    with pytest.raises(KeyMissing):
        site.open()
    code, said = site.console_json("plan", "list")
    assert (code, said["error"]) == (2, "key-missing")
    assert not site.key_file.exists()
    verified = site.console("audit", "verify")
    assert "not recomputed" in verified.stdout
    assert verified.returncode == 7
    os.replace(copy, site.key_file)
    site.open()
    assert site.desk.plan(held["plan"])["draft"]["encounter"] == "Encounter/e2"


def test_another_directorys_key_is_refused(site: Site, tmp_path: Path) -> None:
    """The database knows its key's fingerprint."""
    site.screen()
    site.desk.close()
    with Site(tmp_path / "other", tmp_path / "other.key"):
        pass
    os.replace(tmp_path / "other.key", site.key_file)
    with pytest.raises(InvalidInput):
        site.open()


def test_errors_and_refusals_repeat_nobodys_words(site: Site) -> None:
    """I9: a sentence names the field, never what was written there."""
    draft: dict[str, Any] = make_draft()
    draft["goals"][0]["target"] = {"count": "zebra-goal"}
    draft["concern"]["words"] = "zebra-concern"
    code, said = site.console_json("plan", "save", "-", stdin=json.dumps(draft))
    assert code == 2
    assert "zebra" not in json.dumps(said)
    response = make_screen(site.policy, authored=site.at)
    response["subject"] = {"reference": "zebra-concern"}
    code, said = site.console_json("screen", "-", stdin=json.dumps(response))
    assert code == 2
    assert "zebra" not in json.dumps(said)
