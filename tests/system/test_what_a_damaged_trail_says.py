"""Somebody with a client before them meets a damaged trail: they are told so, what is saved, and whom to tell."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.system.site import CLINICIAN, Site, make_draft
from tests.system.test_a_newer_result_in_the_chart import BEHAVIOUR, YES, result
from withness.errors import CannotTell, TrailDamaged

ROSA = "Patient/rosa"
NEEDED = (
    "Notes, screens, check-ins, safety plans",
    "A new screen does not mend the technical fault",
    "compliance",
    "audit verify",
)


def test_nobody_is_sent_to_screen_again(site: Site, tmp_path: Path) -> None:
    """At the gate, after a screen and at a save. Planted: the sentence of an unfinished screen at the gate, and the
    bare hint of old at the save; both were caught."""
    site.screen()
    site.damage_the_trail()
    told = site.screen()
    assert told["decision"] == "held-incomplete"
    assert all(one in told["sentence"] for one in NEEDED)
    assert "record a new screen" not in told["sentence"]
    (tmp_path / "plan.json").write_text(json.dumps(make_draft()), encoding="utf-8")
    done = site.console("plan", "save", str(tmp_path / "plan.json"))
    assert done.returncode == 4
    assert all(
        one in done.stderr
        for one in (
            "nothing to do with you or with your client: the audit trail is damaged",
            "Keep the draft file",
            *NEEDED,
        )
    )
    gate = site.console("gate", ROSA, "--encounter", "Encounter/e1")
    assert (gate.returncode, "trail (trail)" in gate.stdout) == (3, False)


def test_what_is_acute_is_said_first(site: Site) -> None:
    """Planted: the trail's sentence in the place of the steps; caught."""
    site.screen()
    site.damage_the_trail()
    told = site.screen(answers={"suicide.now": "yes"})
    assert told["decision"] == "held-for-directive-protocol"
    assert told["sentence"].startswith("The plan waits. Act now, by the steps below")
    assert all(one in told["sentence"] for one in NEEDED)


def test_a_release_says_it_too(site: Site) -> None:
    """Planted: the bare hint of old; caught."""
    site.enrol()
    site.screen(answers={"suicide.now": "yes"})
    site.damage_the_trail()
    site.all_evidence("suicide")
    site.screen()
    with pytest.raises(TrailDamaged) as refused:
        site.release("suicide")
    assert NEEDED[0] in refused.value.hint


def away(site: Site) -> None:
    """The folder of checkpoints is not mounted."""
    assert site.context.store.publisher is not None
    shutil.rmtree(site.context.store.publisher.folder.path)
    site.open()


BROKEN = {"damaged": (Site.damage_the_trail, 4), "in doubt": (away, 7)}


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_elevated_comes_first(site: Site, how: str) -> None:
    """Planted: the trail alone, and its reason before what is elevated; each was seen here."""
    site.screen()
    BROKEN[how][0](site)
    told = site.screen(answers={"suicide.ideation": "yes"})
    assert "elevated" in [one["acuity"] for one in told["findings"]]
    assert told["sentence"].startswith("First: assess this person, today, about what is listed as elevated")
    assert [one["item"] for one in told["findings"]].index("trail") == len(told["findings"]) - 1


def test_in_doubt_is_no_damage(site: Site) -> None:
    """Planted: one sentence for both; caught."""
    away(site)
    told = site.screen()
    assert "cannot be checked now, because a part of the system is not reachable" in told["sentence"]
    assert "Keep working with the client" in told["sentence"]
    assert "damaged" not in told["sentence"]


@pytest.mark.parametrize("how", BROKEN)
def test_a_refused_save_tells_what_is_acute(site: Site, tmp_path: Path, how: str) -> None:
    """And what is for whoever runs Withness stands last. Planted: the bare refusal; caught."""
    site.morning()
    site.screen(answers={"suicide.now": "yes"})
    broken, code = BROKEN[how]
    broken(site)
    (tmp_path / "plan.json").write_text(json.dumps(make_draft()), encoding="utf-8")
    done = site.console("plan", "save", str(tmp_path / "plan.json"))
    assert done.returncode == code
    assert done.stdout.split("\n")[1].startswith("held-for-directive-protocol: The plan waits. Act now")
    assert "Directive protocol" in done.stdout
    assert done.stderr.startswith("The plan is not saved, for a technical reason that has nothing to do with you")
    said, it = done.stderr.split("For whoever runs Withness:")
    assert "Keep the draft file" in said
    assert not any(one in said for one in ("audit verify", "checkpoint", "--take-over", "/"))
    assert "withness audit" in it
    exit_code, told = site.console_json("plan", "save", str(tmp_path / "plan.json"))
    assert (exit_code, told["decision"], told["saved"]) == (code, "held-for-directive-protocol", False)
    assert told["protocol"]


@pytest.mark.parametrize("how", BROKEN)
def test_what_a_refused_save_finds_in_the_chart_opens_its_protocol(site: Site, how: str) -> None:
    """An acute result that came after the screen. Planted: the refusal alone; caught."""
    site.screen()
    BROKEN[how][0](site)
    site.pass_time(minutes=5)
    site.write_to_chart(result(BEHAVIOUR, site.at, YES))
    with pytest.raises((TrailDamaged, CannotTell)) as refused:
        site.save()
    assert refused.value.answer["decision"] == "held-for-directive-protocol"
    assert [one["domain"] for one in site.desk.protocol(ROSA, actor=CLINICIAN)["episodes"]] == ["suicide"]
    assert site.desk.plans() == []


def test_nobody_is_sent_to_sign_for_what_cannot_be_signed_for(site: Site) -> None:
    """A record in the middle is gone: verify, checkpoint and worklist named a command that refuses exactly that."""
    site.screen()
    site.save()
    assert site.console("audit", "checkpoint").returncode == 0
    site.desk.close()
    with sqlite3.connect(site.settings.database, isolation_level=None) as database:
        [[sql]] = database.execute("SELECT sql FROM sqlite_master WHERE name = 'audit_leaf_no_delete'").fetchall()
        database.execute("DROP TRIGGER audit_leaf_no_delete")
        database.execute("DELETE FROM audit_leaf WHERE seq = 2")
        database.execute(sql)
    database.close()
    for command in ("verify", "checkpoint", "worklist"):
        told = site.console("audit", command)
        assert "--acknowledge" not in told.stdout + told.stderr, command
    assert site.console("audit", "verify").returncode == 4
