"""One clinic for a test: its desk with a settable clock, its people's screens and drafts, its console."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.console import console
from tests.makers import make_evidence, make_screen
from withness.desk.front import Desk
from withness.fhir import codes
from withness.packs.policy import load_policy
from withness.settings import Settings
from withness.signing import Signer, new_signer
from withness.wiring import build

PLUGIN = Path(__file__).resolve().parents[2] / "plugin"
CLINICIAN = "Practitioner/p1"
SUPERVISOR = "Practitioner/s1"
COMPLIANCE = "Practitioner/c1"
ENCOUNTERS = {"Patient/rosa": "Encounter/e1", "Patient/tom": "Encounter/e2", "Patient/ana": "Encounter/e3"}
WORDS = "  I want somebody to get it \n"
INTEGRATION = {
    "integration.provider": "Dr. Ngata",
    "integration.last-contact": "2026-11-02",
    "integration.supports": "Day programme on Tuesdays",
    "integration.release-of-information": "client declines",
    "integration.relapse-plan": "Call the programme",
}
CONCERN = "At home I talk and nobody hears me.\r\nأريد أن يفهمني أحد 🌱 — <b>&amp;"


class Site:
    """A data directory and its desk. `at` is the desk's time; the console keeps the real one."""

    def __init__(self, home: Path, key_file: Path, **settings: Any) -> None:
        self.home, self.key_file = home, key_file
        self.settings = Settings(home=home, key_file=key_file, **settings)
        self.at = datetime.now(UTC).replace(microsecond=0)
        self.policy = load_policy()
        self.keys: dict[str, Signer] = {}
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

    def remote(self) -> None:
        """Let the embedded chart stand in for an EHR elsewhere: what happens between look and write can be shown."""
        chart = self.context.ehr
        chart.__class__ = type("Elsewhere", (type(chart),), {"embedded": False})

    # -- people who sign

    def enrol(self) -> None:
        """Enrol Kim (compliance), Pat (the clinician) and Sam (the supervisor), each with a key of their own."""
        kim = self._enrolled(COMPLIANCE, "Kim Lee", "L-100", ["compliance"], None)
        self._enrolled(CLINICIAN, "Pat Roe", "L-200", ["clinician"], kim)
        self._enrolled(SUPERVISOR, "Sam Fox", "L-300", ["supervisor"], kim)

    def _enrolled(self, who: str, name: str, licence: str, roles: list[str], by: Signer | None) -> Signer:
        self.keys[who] = new_signer(who)
        self.desk.enrol(who, name=name, licence=licence, roles=roles, key=self.keys[who], by=by)
        return self.keys[who]

    @property
    def pat(self) -> Signer:
        """The clinician's key."""
        return self.keys[CLINICIAN]

    @property
    def sam(self) -> Signer:
        """The supervisor's key."""
        return self.keys[SUPERVISOR]

    def evidence(self, need: str, who: str = "Patient/rosa", **fields: str) -> dict[str, Any]:
        """Write down evidence that completes a need, signed by Pat."""
        return self.desk.evidence(who, need, make_evidence(self.policy, need, self.at, **fields), signer=self.pat)

    def all_evidence(self, domain: str, who: str = "Patient/rosa") -> None:
        """Write down everything that a domain's hold still needs."""
        for need in self.desk.protocol(who, actor=CLINICIAN)["missing_needs"].get(domain, []):
            self.evidence(need, who)

    def release(self, domain: str, who: str = "Patient/rosa") -> dict[str, Any]:
        """Release a domain, signed by Pat and Sam."""
        return self.desk.release(who, domain, reason="The plan holds.", signer=self.pat, second=self.sam)

    def join(
        self, who: str, name: str, licence: str, *roles: str, medical: bool = False, trainee_of: str = ""
    ) -> Signer:
        """Enrol one more person, vouched for by Kim, and return their key."""
        self.keys[who] = new_signer(who)
        self.desk.enrol(
            who,
            name=name,
            licence=licence,
            roles=list(roles),
            key=self.keys[who],
            by=self.keys[COMPLIANCE],
            medical=medical,
            trainee_of=trainee_of,
        )
        return self.keys[who]

    def assess(self, domain: str, who: str = "Patient/rosa", *, level: str = "low") -> dict[str, Any]:
        """End a domain's elevated findings by an assessment: low by Pat alone, else with Sam."""
        return self.desk.assess(who, domain, level=level, signer=self.pat, second=None if level == "low" else self.sam)

    # -- time and the trail

    def morning(self) -> None:
        """Begin less than a day ago, early enough: no story's day ends in its middle, and the console's time is later.

        Before noon that is yesterday from nine on, later it is this night.
        """
        now = datetime.now(UTC).replace(microsecond=0)
        nine = (now - timedelta(days=1)).replace(hour=9, minute=0, second=0)
        tonight = now.replace(hour=0, minute=30, second=0)
        self.at = tonight if now.hour >= 12 else max(nine, now - timedelta(hours=23))

    def records(self, limit: int = 50, patient: str | None = None) -> list[dict[str, Any]]:
        """Return the trail's newest records, oldest first, as they are written."""
        with self.context.store.transaction() as tx:
            return [json.loads(leaf.body) for leaf in tx.newest_leaves(limit, patient)]

    def damage_the_trail(self) -> None:
        """Change a record behind the software's back, let somebody find it, and open the desk again."""
        self.desk.close()
        with sqlite3.connect(self.settings.database, isolation_level=None) as database:
            triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                database.execute(f"DROP TRIGGER {name}")
            database.execute("UPDATE audit_leaf SET outcome = 'cleared' WHERE seq = 1")
            for _, sql in triggers:
                database.execute(sql)
        database.close()
        assert self.console("audit", "verify").returncode == 4
        self.open()
        self.catch_up()

    # -- the embedded chart

    def write_to_chart(self, *resources: Mapping[str, Any]) -> None:
        """Write resources into the embedded chart, as another system of the clinic would."""
        entry = [
            {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
            for one in resources
        ]
        bundle = {"resourceType": "Bundle", "id": "written-elsewhere", "type": "transaction", "entry": entry}
        self.context.ehr.transact(bundle)

    def plan_status(self, who: str = "Patient/rosa") -> str:
        """Return the status of a person's one collaborative CarePlan."""
        [plan] = self.care_plans(who)
        return str(plan["status"])

    def everything_about(self, who: str) -> list[dict[str, Any]]:
        """Return every version of every resource in the embedded chart that is about a person."""
        kinds = ("CarePlan", "Goal", "QuestionnaireResponse", "Provenance", "Flag", "Task", "RiskAssessment")
        newest = self.chart(*kinds, "GuidanceResponse", "DetectedIssue", "Observation", "Patient")
        mine = [one.resource for one in newest if _about(one.resource, who)]
        return [
            version.resource
            for one in mine
            for version in self.context.ehr.history(f"{one['resourceType']}/{one['id']}")  # type: ignore[attr-defined]
        ]

    def chart(self, *types: str) -> list[Any]:
        """Return what the embedded chart holds of these types."""
        return [stored for kind in types for stored in self.context.ehr.search(kind)]  # type: ignore[attr-defined]

    def plans_in_chart(self) -> int:
        """Return how many collaborative CarePlans and Goals the embedded chart holds."""
        return len(self.care_plans()) + len(self.chart("Goal"))

    def care_plans(self, who: str | None = None) -> list[Any]:
        """Return the collaborative CarePlans of the embedded chart; a directive one is no plan of the gate's."""
        found = [one.resource for one in self.chart("CarePlan")]
        mine = [one for one in found if who is None or one["subject"]["reference"] == who]
        return [one for one in mine if any(id["system"] == codes.UNIT_PLAN for id in one["identifier"])]

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
        if self.settings.database_url:
            found["WITHNESS_DATABASE_URL"] = self.settings.database_url
        return found

    def console(self, *arguments: str, stdin: str | bytes = "") -> subprocess.CompletedProcess[str]:
        """Run the console command in a process of its own."""
        given = stdin.encode() if isinstance(stdin, str) else stdin
        done = console(*arguments, environment=self.environment(), stdin=given)
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def console_json(self, *arguments: str, stdin: str = "") -> tuple[int, Any]:
        """Run the console command with --json and return exit code and document."""
        done = self.console(*arguments, "--json", stdin=stdin)
        assert "Traceback" not in done.stderr
        return done.returncode, json.loads(done.stdout)


def _about(resource: Mapping[str, Any], who: str) -> bool:
    """Whether a resource is in this person's chart; a Provenance is where its agent or target is."""
    named = [resource.get(name) for name in ("subject", "patient", "for")]
    named += [agent["who"] for agent in resource.get("agent", [])]
    return any(isinstance(one, Mapping) and one.get("reference") == who for one in named) or (
        f"{resource['resourceType']}/{resource['id']}" == who
    )


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
