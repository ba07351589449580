"""One clinic for a test: its desk with a settable clock, its people's screens and drafts, its console."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.makers import make_screen
from withness.desk.front import Desk
from withness.packs.policy import load_policy
from withness.settings import Settings
from withness.wiring import build

PLUGIN = Path(__file__).resolve().parents[2] / "plugin"
CLINICIAN = "Practitioner/p1"
ENCOUNTERS = {"Patient/rosa": "Encounter/e1", "Patient/tom": "Encounter/e2", "Patient/ana": "Encounter/e3"}
WORDS = "  I want somebody to get it \n"
CONCERN = "At home I talk and nobody hears me.\r\nأريد أن يفهمني أحد 🌱 — <b>&amp;"


class Site:
    """A data directory and its desk. `at` is the desk's time; the console keeps the real one."""

    def __init__(self, home: Path, key_file: Path, **settings: Any) -> None:
        self.home, self.key_file = home, key_file
        self.settings = Settings(home=home, key_file=key_file, **settings)
        self.at = datetime.now(UTC).replace(microsecond=0)
        self.policy = load_policy()
        self.open()

    def open(self) -> None:
        """(Re)open the desk, as after a restart."""
        self.context = replace(build(self.settings), now=lambda: self.at)
        self.desk = Desk(self.context)

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.desk.close()

    def pass_time(self, **delta: float) -> None:
        """Let time go by."""
        self.at += timedelta(**delta)

    def catch_up(self) -> None:
        """Bring the desk's time up to the real one, which the console uses."""
        self.at = max(self.at, datetime.now(UTC))

    def screen(self, who: str = "Patient/rosa", **answers: Any) -> dict[str, Any]:
        """Record a screen; keyword arguments of make_screen, or `answers={linkId: code or None}`."""
        given = {"encounter": ENCOUNTERS.get(who, "Encounter/e1"), "authored": self.at, **answers}
        return self.desk.screen(make_screen(self.policy, subject=who, **given), actor=CLINICIAN)

    def save(self, draft: Mapping[str, Any] | None = None, *, actor: str = CLINICIAN) -> dict[str, Any]:
        """Save a draft (default: Rosa's)."""
        return self.desk.save(draft or make_draft(), actor=actor)

    def chart(self, *types: str) -> list[Any]:
        """Return what the embedded chart holds of these types."""
        return [stored for kind in types for stored in self.context.ehr.search(kind)]  # type: ignore[attr-defined]

    def plans_in_chart(self) -> int:
        """Return how many CarePlans and Goals the embedded chart holds."""
        return len(self.chart("CarePlan", "Goal"))

    def environment(self) -> dict[str, str]:
        """The console's environment: this site, and nothing of the machine's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WITHNESS_")}
        found = {
            **kept,
            "COLUMNS": "1000",
            "PYTHONPATH": str(PLUGIN),
            "WITHNESS_HOME": str(self.home),
            "WITHNESS_KEY_FILE": str(self.key_file),
        }
        if self.settings.ehr_url:
            found["WITHNESS_EHR_URL"] = self.settings.ehr_url
        return found

    def console(self, *arguments: str, stdin: str | bytes = "") -> subprocess.CompletedProcess[str]:
        """Run the console command in a process of its own."""
        given = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [sys.executable, "-m", "withness", *arguments],
            input=given,
            env=self.environment(),
            capture_output=True,
            check=False,
            timeout=120,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def console_json(self, *arguments: str, stdin: str = "") -> tuple[int, Any]:
        """Run the console command with --json and return exit code and document."""
        done = self.console(*arguments, "--json", stdin=stdin)
        assert "Traceback" not in done.stderr
        return done.returncode, json.loads(done.stdout)


def make_goal(who: str = "Patient/rosa", **changes: Any) -> dict[str, Any]:
    """A goal that `who` agreed to."""
    goal = {
        "template": "heard",
        "words": WORDS,
        "by": who,
        "within": {"sessions": 4},
        "target": {"count": 3, "of": 4},
        "responsible": "client",
        "acceptance": [{"who": who, "status": "agree"}],
        **changes,
    }
    return {name: value for name, value in goal.items() if value is not None}


def make_draft(*members: str, **changes: Any) -> dict[str, Any]:
    """A plan draft for one member (default: Rosa) or several."""
    people = members or ("Patient/rosa",)
    kind = {1: "individual", 2: "couple"}.get(len(people), "group")
    return {
        "unit": {"kind": kind, "members": list(people)},
        "encounter": ENCOUNTERS.get(people[0], "Encounter/e1"),
        "author": CLINICIAN,
        "lead": "client-led",
        "concern": {"words": CONCERN, "problems": ["feeling-unheard"]},
        "frame": {
            "start": "2026-11-21",
            "review_by": "2027-02-19",
            "frequency_weeks": 1,
            "session_minutes": 50,
            "other_treatment": "A skills group was talked about and not wanted now.",
        },
        "goals": [make_goal(one) for one in people],
        "resources_named_by_client": ["My sister"],
        "psychoeducation": {},
        "supersedes": None,
        "request_id": str(uuid4()),
        **changes,
    }
