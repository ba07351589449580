"""Somebody with a client before them meets a damaged trail: they are told so, what is saved, and whom to tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.system.site import Site, make_draft
from withness.errors import TrailDamaged

ROSA = "Patient/rosa"
NEEDED = ("Notes, screens, check-ins, safety plans", "To screen again does not help", "compliance", "audit verify")


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
    assert all(one in done.stderr for one in ("The audit trail is damaged", *NEEDED))
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
