"""The gate's whole life at random: every way to record, save, amend, raise, release, correct and break off.

Each step is held against a small model (`life_model`) written from the contracts alone: what the model holds is never
saved, what is clearly clear is. After each step the contracts' invariants are looked at in the chart, the trail and
the answers. 2,000 runs of up to 50 steps in `make prove`, a tenth of them, of 25 steps, elsewhere. On a real SQLite
file, in memory where the machine has such a place: what a commit costs on a disk is not the subject.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid5

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.makers import make_evidence, make_screen
from tests.system import life_model
from tests.system.life_model import DOMAINS, KNOWN, NEEDS, RESULT, SITES_OWN, Model, Screen
from tests.system.site import CLINICIAN, INTEGRATION, Site, make_draft, make_goal
from withness.desk import policies
from withness.desk.asking import actor_of
from withness.desk.front import Desk
from withness.ehr.local import LocalChart
from withness.errors import CannotTell, Conflict, EhrUnavailable, InvalidInput, Refused, WithnessError
from withness.fhir import codes
from withness.packs.policy import load_policy, policy_bytes
from withness.signing import Signer
from withness.store.sql import CommitUnknown
from withness.store.sqlite import SqliteStore
from withness.store.transaction import Transaction
from withness.wiring import build_for_signing

pytestmark = pytest.mark.campaign
RUNS, STEPS, FEWER_STEPS = 2000, 50, 25
WHOLE = os.environ.get("WITHNESS_CAMPAIGN") == "whole"
PARTS = 8 if WHOLE else 2
START = datetime(2026, 11, 21, 8, tzinfo=UTC)
ROSA, TOM = "Patient/rosa", "Patient/tom"
PEOPLE = (ROSA, TOM)
UNITS = ((ROSA,), (TOM,), PEOPLE)
HERE, ELSEWHERE = "Encounter/e1", "Encounter/e9"
OWNER = "Practitioner/olga"
REASON = "Written down because the test's story asks for it."
HOME = Path(tempfile.mkdtemp(prefix="withness-life-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))  # noqa: S108
SEEN: Counter[str] = Counter()
"""What all the runs came to."""


REACHED = (
    "saves released",
    "saves held",
    "couples saved",
    "couples held",
    "screens while acute",
    "released from an acute hold",
    "assessed",
    "corrected",
    "retracted",
    "overridden",
    "amended",
    "safety added",
    "closed",
    "refused",
    "requests repeated",
    "site's own policy",
)
"""What the runs must have come to, or they prove little."""

SELDOM = {"corrected", "retracted", "overridden", "requests repeated", "safety added"}
"""What only the whole campaign is long enough to come to for certain."""


class CrashError(BaseException):
    """The process dies here."""


# -- one clinic, copied from a template: nobody enrols anew, no key is made twice


def folder_of(home: Path) -> Path:
    """Return where a clinic publishes its checkpoints."""
    return home.with_name(f"{home.name}-checkpoints")


class Clinic(Site):
    """A site on a copy of the template, with ids that repeat and a policy that can become the site's own."""

    def __init__(self, home: Path, key_file: Path) -> None:
        self.dice = random.Random(20261122)  # noqa: S311  ids that repeat, not a secret
        # Each run has one log: what another run published is none of its own.
        super().__init__(home, key_file, checkpoint_folder=folder_of(home))
        self.at = START

    def open(self) -> None:
        super().open()
        self.context = replace(self.context, new_id=lambda: str(UUID(int=self.dice.getrandbits(128), version=4)))
        self.desk = Desk(self.context)

    @property
    def chart_file(self) -> LocalChart:
        """The embedded chart."""
        assert isinstance(self.context.ehr, LocalChart)
        return self.context.ehr


@dataclass
class Template:
    """What every run starts from, made once."""

    home: Path
    key_file: Path
    keys: dict[str, Signer]
    own_policy: bytes

    @classmethod
    def make(cls) -> Template:
        home, key_file = HOME / "template", HOME / "site.key"
        with Site(home, key_file, checkpoint_folder=folder_of(home)) as site:
            site.at = START
            site.enrol()
            site.join(OWNER, "Olga Example", "L-500", "policy-owner")
            keys = site.keys
        before = '  {id = "intoxicated", '
        asked = f'  {{id = "{SITES_OWN.partition(".")[2]}", text = "Two falls or more?", yes = "elevated"}},\n'
        text = policy_bytes().decode()
        own = (
            text.replace(f'version = "{load_policy().version}"', 'version = "9.0.0"')
            .replace('owner = "unassigned"', 'owner = "Dr Olga Example, Example Clinic"')
            .replace('amendment = "P30D"', f'amendment = "P{life_model.SITES_AMENDMENT.days}D"')
            .replace(before, asked + before)
        )
        assert own.count('amendment = "P14D"') == len(DOMAINS)
        assert SITES_OWN.partition(".")[2] in own
        return cls(home, key_file, keys, own.encode())


_TEMPLATE: list[Template] = []


def template() -> Template:
    """Return the template, made when it is first asked for."""
    if not _TEMPLATE:
        _TEMPLATE.append(Template.make())
    return _TEMPLATE[0]


# -- what can go wrong


@dataclass
class Fault:
    """One thing that goes wrong once, at the `nth` time that it could."""

    where: str
    nth: int
    fired: bool = False
    calls: int = 0

    def now(self) -> bool:
        """Whether this is the time."""
        self.calls += 1
        self.fired = self.calls == self.nth
        return self.fired


WRITES = ("put_screen", "put_act", "put_decision", "put_plan", "put_outbox", "put")
COMMITS = ("commit-lost", "commit-landed", "commit-crash")
CHART = ("transact-down", "transact-unknown", "transact-crash", "linked-down", "read-down")


@contextmanager
def going_wrong(fault: Fault | None) -> Iterator[None]:
    """Let `fault` happen inside the block, once."""
    if fault is None:
        yield
        return
    owner, name = _place(fault.where)
    real = getattr(owner, name)

    def instead(self: Any, *given: Any) -> Any:
        if fault.fired or not fault.now():
            return real(self, *given)
        return _what(fault.where, real, self, *given)

    with patch.object(owner, name, instead):
        yield


def _place(where: str) -> tuple[type, str]:
    if where in WRITES:
        return Transaction, where
    if where in COMMITS:
        return SqliteStore, "_commit"
    return LocalChart, where.partition("-")[0]


def _what(where: str, real: Callable[..., Any], self: Any, *given: Any) -> Any:
    match where:
        case "commit-lost":
            self._roll_back(*given)
            raise CommitUnknown("The test lost this commit.")
        case "commit-landed":
            real(self, *given)
            raise CommitUnknown("The test lost the answer to this commit.")
        case "commit-crash" | "transact-crash":
            real(self, *given)
            raise CrashError
        case "transact-unknown":
            real(self, *given)
            raise CannotTell("The test lost the chart's answer.")
        case "transact-down" | "linked-down" | "read-down":
            raise EhrUnavailable("The test took the chart away.")
        case _:
            raise CrashError


# -- what is drawn

people, domains, codes_open = (
    st.sampled_from(PEOPLE),
    st.sampled_from(DOMAINS),
    st.sampled_from(["unsure", "declined", None]),
)
ACUTES = [one for one, said in life_model.YES.items() if said == life_model.ACUTE]
ELEVATEDS = [one for one, said in life_model.YES.items() if said == life_model.ELEVATED]
CAUTIONS = [one for one, said in life_model.YES.items() if said == life_model.CAUTION]
_TIMES = {
    "now": timedelta(0),
    "a little ago": timedelta(minutes=-7),
    "hours ago": timedelta(hours=-5),
    "late": timedelta(hours=-25),
    "ahead, as clocks differ": timedelta(minutes=4),
    "in the future": timedelta(days=3),
}


@st.composite
def some_answers(draw: Callable[..., Any], *, acute: bool = True) -> dict[str, str | None]:
    """Answers that differ from a clear screen."""
    found: dict[str, str | None] = {}
    kinds = ["elevated", "open", "caution", "result", "violence", "suicide declined", "vitals"]
    for kind in draw(st.lists(st.sampled_from([*(["acute"] * 3 if acute else []), *kinds]), min_size=1, max_size=2)):
        match kind:
            case "acute" | "elevated" | "caution":
                pool = {"acute": ACUTES, "elevated": ELEVATEDS, "caution": CAUTIONS}[kind]
                found[draw(st.sampled_from(pool))] = "yes"
            case "open":
                found[draw(st.sampled_from([*life_model.YES, SITES_OWN]))] = draw(codes_open)
            case "result":
                found[RESULT] = draw(st.sampled_from(["positive", *(["acute-positive"] if acute else []), None]))
            case "violence":
                found |= draw(st.sampled_from([{"violence.asked-alone": "no"}, {"violence.informant": "partner"}]))
            case "suicide declined":
                found[draw(st.sampled_from(["suicide.ideation", "suicide.now"]))] = "declined"
            case _:
                found["eating.vitals-outside"] = "yes" if acute and draw(st.booleans()) else "unsure"
    for link in KNOWN:
        if found.get(link) == "yes" and draw(st.booleans()):
            found[f"{link}.new"] = draw(st.sampled_from(["no", "no", "yes", "unsure"]))
    return found


@dataclass
class Saved:
    """A draft as it was given to the desk."""

    number: int
    draft: dict[str, Any]
    amends: bool = False
    answered: bool = False
    safety: bool = False
    approved: bool = False
    known: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(self.draft["unit"]["members"])


def token(number: int) -> str:
    """Return the word that stands in one draft only."""
    return f"word{number:04d}word"


now_and_then = precondition(lambda self: self.steps % 4 == 0)
"""For what would else be drawn too often: Hypothesis likes rules that are simple to draw."""


class Life(RuleBasedStateMachine):
    """One clinic's days."""

    def __init__(self) -> None:
        super().__init__()
        made = template()
        self.home = Path(tempfile.mkdtemp(prefix="run-", dir=HOME))
        shutil.copytree(made.home, self.home / "home")
        # The run goes on with the template's log, and publishes in a folder of its own.
        kept = shutil.ignore_patterns("owner", ".lock")
        shutil.copytree(folder_of(made.home), folder_of(self.home / "home"), ignore=kept)
        self.site = Clinic(self.home / "home", made.key_file)
        self.site.keys = made.keys
        self.trail = sqlite3.connect(self.site.settings.database)
        self.model = Model(PEOPLE)
        self.drafts: dict[str, Saved] = {}
        self.decisions: dict[str, Saved] = {}
        self.listed: list[dict[str, Any]] = []
        self.fault: Fault | None = None
        self.behind = False
        self.went_back = False
        self.steps = 0
        self.seq = -1
        self.delta: list[dict[str, Any]] = []
        self.approved_marks: set[str] = set()
        self.approved_ids: set[str] = set()
        self.shared: set[str] = set()
        self.unit_held: dict[str, dict[str, Any]] = {}
        self._read_trail()

    def teardown(self) -> None:
        try:
            self.fault = None
            self.site.pass_time(hours=2)
            self._sync()
            self.the_contracts_hold()
            assert not self.behind, "something waits for ever, with nothing that hinders it"
            self._look_everywhere()
            SEEN["steps"] += self.steps
        finally:
            self.trail.close()
            self.site.desk.close()
            shutil.rmtree(self.home)

    # -- doing one thing, and what the trail says of it

    def _do(self, what: Callable[[], Any], *expected: type[WithnessError]) -> tuple[Any, WithnessError | None]:
        """Do one thing with the fault that is set, if any; return the answer, or the error that was expected."""
        self.before = self._care_plans()
        answer, error, fault = None, None, self.fault
        self.broke = False
        try:
            with going_wrong(fault):
                answer = what()
        except CrashError:
            self.broke = True
            self._restart()
        except expected as given:
            error = given
        except WithnessError as given:
            if fault is None or not fault.fired:
                raise
            error = given
        if fault is not None and fault.fired:
            self.broke, self.behind, self.fault = True, True, None
            SEEN[f"fault {fault.where}"] += 1
        self._read_trail()
        return answer, error

    def _restart(self) -> None:
        self.site.desk.close()
        self.site.open()

    def _read_trail(self) -> None:
        """Take in the records since the last look."""
        rows = self.trail.execute("SELECT seq, body FROM audit_leaf WHERE seq > ? ORDER BY seq", (self.seq,)).fetchall()
        self.delta = [json.loads(body) for _, body in rows]
        self.seq = rows[-1][0] if rows else self.seq
        self._take_approvals()
        times = [datetime.fromisoformat(one["at"]) for one in self.delta]
        self.model.newest = max([*times, *([self.model.newest] if self.model.newest else [])])

    def _take_approvals(self) -> None:
        """I1, I3: each approval stands on a released decision of each member, and the model holds none of them."""
        for one in self.delta:
            if one["kind"] != "plan.approved":
                continue
            decision, saved = one["details"]["decision"], self.drafts[one["request"]]
            decided = {leaf["patient"]: leaf["outcome"] for leaf in self._of("gate.decided", decision)}
            assert set(decided) == set(saved.members), "a member was not decided"
            assert all(name.startswith("released") for name in decided.values()), "approved without a release"
            for who in saved.members:
                verdict = self._verdict(who, saved)
                assert not verdict.holds, f"I3, I2: approved although {sorted(verdict.holds)}"
                for override in self.model.people[who].overrides:
                    latest = self.model.people[who].screens[-1]
                    mine = override.screen == latest.id and override.amendment is saved.amends
                    override.used |= mine and any(latest.silent(link) for link in override.links)
            saved.approved = True
            saved.known = {who: self._recorded(who) for who in saved.members}
            self.decisions[decision] = saved
            shared = len(saved.members) > 1
            if shared:
                self.shared.update(str(uuid5(UUID(decision), f"{who}|CarePlan")) for who in saved.members)
            for who in saved.members:
                mark = str(uuid5(UUID(decision), f"{who}|decision")) if shared else decision
                self.approved_marks.add(f"{who} {mark}")
                self.approved_ids.update(str(uuid5(UUID(decision), f"{who}|Goal|{n}")) for n in range(9))

    def _recorded(self, who: str) -> tuple[int, int]:
        return len(self.model.people[who].screens), self.model.people[who].acts

    def _of(self, kind: str, decision: str) -> list[dict[str, Any]]:
        return [one for one in self.delta if one["kind"] == kind and one["details"].get("decision") == decision]

    def _record(self, kind: str, **wanted: Any) -> bool:
        """Whether the last thing done left such a record."""
        return any(
            one["kind"] == kind and all(one[name] == value for name, value in wanted.items()) for one in self.delta
        )

    def _refusal(self, error: WithnessError | None) -> None:
        """I5: a refusal is on record before it is said."""
        if isinstance(error, Refused):
            assert any(one["outcome"] == "refused" for one in self.delta), "I5: a refusal without its record"
            SEEN["refused"] += 1

    def _verdict(self, who: str, saved: Saved) -> life_model.Verdict:
        return self.model.verdict(
            who,
            self.site.at,
            encounter=saved.draft["encounter"],
            amendment=saved.amends,
            shared=len(saved.members) > 1,
        )

    def _care_plans(self) -> dict[str, tuple[str, str, str]]:
        """Return each collaborative CarePlan: whose, version, status."""
        found = {}
        for one in self.site.chart("CarePlan"):
            resource = one.resource
            if any(id["system"] == codes.UNIT_PLAN for id in resource["identifier"]):
                found[resource["id"]] = (resource["subject"]["reference"], one.version, resource["status"])
        return found

    def _untouched(self, *but: str) -> None:
        """I4, I8: nothing happened to the CarePlans of anybody else."""
        now = self._care_plans()
        for id, was in self.before.items():
            assert was[0] in but or now[id] == was, "I4: another member's CarePlan was changed"
        assert all(now[id][0] in but for id in now.keys() - self.before.keys())

    # -- screens

    def _screen(self, who: str, answers: dict[str, str | None], **how: Any) -> dict[str, Any]:
        """Return the resource and note what it says, as the model reads it."""
        given = {
            "authored": self.site.at,
            "encounter": HERE,
            "integration": False,
            "broken": False,
            "older": timedelta(0),
            **how,
        }
        asked = {link: code for link, code in answers.items() if link != SITES_OWN or self.model.sites_own}
        if asked.get("eating.vitals-outside", "no") == "not-measured":
            asked.pop("eating.vitals-outside")
        extra: dict[str, Any] = {}
        if given["broken"]:
            extra["questionnaire"] = f"{codes.QUESTIONNAIRE_RISK_SCREEN}|0.0.1"
        if given.get("cites"):
            cited = {"reference": f"QuestionnaireResponse/{given['cites']}"}
            extra["extension"] = [{"url": codes.CORRECTS, "valueReference": cited}]
        links = {**asked, **(INTEGRATION if given["integration"] else {})}
        if given["older"]:
            links["suicide.validated.date"] = (given["authored"] - given["older"]).date().isoformat()
        resource = make_screen(
            self.site.policy,
            subject=who,
            authored=given["authored"],
            encounter=given["encounter"],
            answers=links,
            **extra,
        )
        self.coming = Screen(
            id="",
            number=0,
            recorded=self.site.at,
            authored=given["authored"],
            encounter=given["encounter"],
            answers=asked,
            integration=given["integration"],
            broken=given["broken"],
            asked_sites_own=self.model.sites_own,
            result_older=given["older"],
        )
        return resource

    def _recorded_screen(self, who: str) -> bool:
        """Take the screen that was coming into the model, if the trail has it."""
        for one in self.delta:
            if one["kind"] in ("screen.recorded", "screen.corrected") and one["patient"] == who:
                self.coming.id, self.coming.number = one["details"]["screen"], self.model.next()
                self.model.people[who].screens.append(self.coming)
                return True
        return False

    @rule(
        who=people,
        kind=st.sampled_from(["clear"] * 5 + ["some"] * 4 + ["acute"]),
        answers=some_answers(),
        when=st.sampled_from(["now"] * 8 + [*_TIMES]),
        encounter=st.sampled_from([HERE] * 8 + [ELSEWHERE]),
        integration=st.booleans(),
        broken=st.sampled_from([False] * 9 + [True]),
        older=st.sampled_from([timedelta(0)] * 9 + [timedelta(days=3)]),
        acute=st.sampled_from(ACUTES),
    )
    def screen(
        self,
        who: str,
        kind: str,
        answers: dict[str, str | None],
        when: str,
        encounter: str,
        integration: bool,
        broken: bool,
        older: timedelta,
        acute: str,
    ) -> None:
        said = {"clear": {}, "some": answers, "acute": {acute: "yes"}}[kind]
        how = {"authored": self.site.at + _TIMES[when], "encounter": encounter, "integration": integration}
        if kind != "clear":
            how |= {"broken": broken, "older": older}
        self._answered(who, said, **how)

    def _answered(self, who: str, said: Mapping[str, str | None] = {}, **how: Any) -> None:
        """Record a screen, and hold the answer against the model, the trail and the chart."""
        self._tick()
        resource = self._screen(who, dict(said), **how)
        was_acute = bool(self.model.acute(who))
        answer, _ = self._do(lambda: self.site.desk.screen(resource, actor=CLINICIAN))
        landed = self._recorded_screen(who)
        if answer is None:
            return
        assert landed, "I5: a screen was answered and is not on record"
        assert self._record("gate.decided", patient=who)
        verdict = self._now(who, encounter=self.coming.encounter)
        self._agrees(answer["decision"].startswith("released"), verdict)
        self._untouched(who)
        acute = self.model.acute(who)
        if acute:
            SEEN["screens while acute"] += 1
            if not self.behind:
                self._paused(who)
        elif not was_acute and not self.broke:
            self._only_resumed(who)

    def _only_resumed(self, who: str) -> None:
        """I4: only what is acute touches an active plan; what a retracted screen paused may go on."""
        now, waited = self._care_plans(), self.model.people[who].fresh_after > 0
        for id, (whose, version, status) in self.before.items():
            resumed = waited and (whose, status) == (who, "on-hold") and now[id][2] == "active"
            assert now[id] == (whose, version, status) or resumed, "I4: only what is acute touches an active plan"
        assert now.keys() == self.before.keys()

    def _now(self, who: str, *, encounter: str) -> life_model.Verdict:
        """The model's verdict at the time of the last decision: its own records do not count as earlier ones."""
        return self.model.verdict(who, self.site.at, encounter=encounter)

    def _agrees(self, released: bool, verdict: life_model.Verdict) -> None:
        """I2, I3: the desk holds what the model holds, and lets through what is clearly clear."""
        if verdict.holds:
            assert not released, f"I2, I3: released although {sorted(verdict.holds)}"
            SEEN["decided: held"] += 1
        elif verdict.doubts:
            SEEN["decided: doubtful"] += 1
        elif not self.broke:
            assert released, "held although nothing is known that holds"
            SEEN["decided: released"] += 1

    def _paused(self, who: str) -> None:
        """I4: no plan of somebody with an acute hold is active in the chart."""
        active = [id for id, (whose, _, status) in self._care_plans().items() if (whose, status) == (who, "active")]
        assert not active, f"I4: a plan is active although {sorted(self.model.acute(who))} is acute"

    def _goes_on(self, who: str) -> None:
        """A plan of one person is paused for something acute alone, which somebody can end.

        After a retraction it waits for a fresh screen that can be relied on, which the stories show.
        """
        if self.model.people[who].fresh_after > 0:
            return
        for id, (whose, _, status) in self._care_plans().items():
            alone = id not in self.shared
            assert not (alone and (whose, status) == (who, "on-hold")), "a plan is paused, and nothing is acute"

    @rule(who=people, link=st.sampled_from(ACUTES))
    def it_turns_acute(self, who: str, link: str) -> None:
        self._answered(who, {link: "yes"})

    @rule(who=people, number=st.integers(0, 5), answers=st.one_of(st.just({}), some_answers()), second=st.booleans())
    def correct(self, who: str, number: int, answers: dict[str, str | None], second: bool) -> None:
        """A mistaken tap."""
        self._tick()
        person = self.model.people[who]
        if not person.screens:
            return
        old = person.screens[-1 - number % len(person.screens)]
        resource = self._screen(who, answers, cites=old.id)
        in_time = timedelta(0) < self.site.at - old.recorded <= life_model.ENTRY_ERROR
        left_open = [link for link in self.model.links if self.coming.says(link) == life_model.OPEN]
        silent = [link for link in left_open if self.coming.silent(link)]
        seen = self._in_unit(who) and not self.coming.in_private
        right = False if silent or seen or not second or not in_time else None if left_open else True
        sam = self.site.sam if second else None
        answer, error = self._do(lambda: self.site.desk.correct(resource, signer=self.site.pat, second=sam), Refused)
        self._refusal(error)
        if answer is not None:
            assert right is not False, "I3: an entry error was taken that should not be"
            SEEN["corrected"] += 1
        elif not self.broke:
            assert right is not True, f"a right correction was refused: {error}"
        landed = self._recorded_screen(who)
        if self._act("protocol.released", who, "entry-error"):
            old.corrected_by = (*old.corrected_by, self.coming.id)
        if answer is not None:
            assert landed
            self._agrees(answer["decision"].startswith("released"), self._now(who, encounter=HERE))

    @rule(who=people, number=st.integers(0, 5), other=st.booleans(), second=st.sampled_from([True, True, False]))
    def retract(self, who: str, number: int, other: bool, second: bool) -> None:
        """The wrong chart."""
        self._tick()
        person = self.model.people[who]
        if not person.screens:
            return
        old = person.screens[-1 - number % len(person.screens)]
        partner = next(one for one in PEOPLE if one != who) if other else None
        answer, error = self._do(
            lambda: self.site.desk.retract_screen(
                old.id,
                reason=REASON,
                signer=self.site.pat,
                second=self.site.sam if second else None,
                belongs_to=partner,
            ),
            Refused,
        )
        self._refusal(error)
        assert answer is None or second, "a retraction with one signature"
        if self._act("screen.retracted", who, "retracted"):
            old.retracted = True
            for one in (who, *((partner,) if partner else ())):
                self.model.people[one].fresh_after = self.model.next()
                self.model.people[one].acts += one != who
        if answer is not None:
            assert not any(told["decision"].startswith("released") for told in answer), "I2: a retraction cleared"
            SEEN["retracted"] += 1

    def _act(self, kind: str, who: str, outcome: str) -> bool:
        """Whether the last thing left an act of this kind on record."""
        landed = any(
            one["kind"] == kind and one["patient"] == who and one["outcome"] == outcome and "act" in one["details"]
            for one in self.delta
        )
        self.model.people[who].acts += landed
        return landed

    # -- the ways out

    def _evidence(self, who: str, need: str, **fields: str) -> None:
        self._tick()
        given = make_evidence(self.site.policy, need, self.site.at, clinician="Dr. Ada Moss", **fields)
        answer, _ = self._do(lambda: self.site.desk.evidence(who, need, given, signer=self.site.pat))
        assert answer is not None or self.broke, "I7: evidence did not save"
        landed = self._act("protocol.step", who, "evidence")
        assert landed or answer is None, "I5: evidence without its record"
        if landed:
            resumes = datetime.fromisoformat(fields["from"]) if fields.get("decision") == "resume" else None
            self.model.people[who].write_down(need, self.model.next(), resumes=resumes)

    @rule(who=people, need=st.sampled_from(NEEDS))
    def evidence_for_one_need(self, who: str, need: str) -> None:
        self._evidence(who, need)
        self._untouched(who)

    @rule(who=people, domain=domains, but_one=st.sampled_from([False, False, True]), conjoint=st.booleans())
    def evidence_for_a_domain(self, who: str, domain: str, but_one: bool, conjoint: bool) -> None:
        """All that a domain still needs, or all but one."""
        needs = self.site.desk.protocol(who, actor=CLINICIAN)["missing_needs"].get(domain, [])
        for need in needs[1:] if but_one else needs:
            if need != life_model.CONJOINT:
                self._evidence(who, need)
            elif conjoint:
                self._conjoint(who, "resume", timedelta(0))

    def _conjoint(self, who: str, decision: str, later: timedelta) -> None:
        from_ = (self.site.at + later).isoformat()
        self._evidence(who, life_model.CONJOINT, decision=decision, **{"from": from_})

    @rule(
        who=people,
        decision=st.sampled_from(["resume", "pause", "end"]),
        later=st.sampled_from([timedelta(0), timedelta(0), timedelta(hours=2)]),
    )
    def conjoint(self, who: str, decision: str, later: timedelta) -> None:
        self._conjoint(who, decision, later)
        if later and not self.broke:
            self._untouched()

    @rule(
        who=people,
        domain=domains,
        level=st.sampled_from(["low", "moderate"]),
        second=st.sampled_from([True, True, False]),
    )
    def assess(self, who: str, domain: str, level: str, second: bool) -> None:
        self._assess(who, domain, level, second=second)

    def _assess(self, who: str, domain: str, level: str, *, second: bool) -> None:
        self._tick()
        right = self.model.may_assess(who, domain, in_unit=self._in_unit(who))
        right = False if level != "low" and not second else right
        items = self.model.assessed_items(who, domain)
        sam = self.site.sam if second and level != "low" else None
        answer, error = self._do(
            lambda: self.site.desk.assess(who, domain, level=level, signer=self.site.pat, second=sam), Refused
        )
        self._refusal(error)
        if answer is not None:
            assert right is not False, "I3: an assessment was taken that should not be"
            SEEN["assessed"] += 1
        elif not self.broke:
            assert right is not True, f"a right assessment was refused: {error}"
        landed = self._act("assessment.recorded", who, "assessed")
        if landed:
            self.model.people[who].assessed.append(
                life_model.Assessment(domain, self.site.at, self.model.next(), items)
            )
        assert landed or answer is None, "I5: an assessment without its record"
        self._untouched()

    @rule(who=people, domain=domains, second=st.sampled_from(["sam", "sam", "sam", "nobody", "pat"]))
    def release(self, who: str, domain: str, second: str) -> None:
        acute = sorted(self.model.acute(who))
        self._release(who, acute[0] if acute and second != "nobody" else domain, second)

    def _release(self, who: str, domain: str, second: str = "sam") -> None:
        self._tick()
        right = self.model.may_release(who, domain, self.site.at, in_unit=self._in_unit(who))
        right = right if second == "sam" else False
        signer = {"sam": self.site.sam, "nobody": None, "pat": self.site.pat}[second]
        answer, error = self._do(
            lambda: self.site.desk.release(who, domain, reason=REASON, signer=self.site.pat, second=signer),
            Refused,
        )
        self._refusal(error)
        if answer is not None:
            assert right is not False, "I3: a release was taken that should not be"
            SEEN["released from an acute hold"] += 1
        elif not self.broke:
            assert right is not True, f"a right release was refused: {error}"
        landed = self._act("protocol.released", who, "released")
        if landed:
            person = self.model.people[who]
            person.released.append((domain, person.screens[-1].id))
        assert landed or answer is None, "I5: a release without its record"
        self._untouched(who)

    @rule(
        who=people,
        honest=st.sampled_from([True, True, False]),
        link=st.sampled_from([*life_model.YES, RESULT]),
        amendment=st.booleans(),
        second=st.sampled_from([True, True, True, False]),
    )
    def override(self, who: str, honest: bool, link: str, amendment: bool, second: bool) -> None:
        """Of what the latest screen left open, or of a question that it may well have answered."""
        self._override(who, self.model.open_questions(who) if honest else [link], amendment=amendment, second=second)

    def _override(self, who: str, links: list[str], *, amendment: bool, second: bool) -> None:
        self._tick()
        right = second and self.model.may_override(who, links, self.site.at)
        answer, error = self._do(
            lambda: self.site.desk.override(
                who,
                links,
                reason_code="client-cannot-answer-collateral-used",
                rationale=REASON,
                signer=self.site.pat,
                second=self.site.sam if second else None,
                purpose="amendment" if amendment else "new-plan",
            ),
            Refused,
        )
        self._refusal(error)
        if answer is not None:
            assert right, "an override was granted that should not be"
            SEEN["overridden"] += 1
        elif not self.broke:
            assert not right, f"a right override was refused: {error}"
        if self._act("override.granted", who, "override"):
            latest, ends = self.model.people[who].screens[-1].id, self.site.at + life_model.OVERRIDE
            made = life_model.Override(latest, tuple(links), amendment, ends)
            self.model.people[who].overrides.append(made)

    @rule(
        who=people,
        left=st.lists(st.sampled_from(list(life_model.YES)), min_size=1, max_size=2, unique=True),
        code=codes_open,
        all_named=st.sampled_from([True, True, False]),
        later=st.sampled_from([timedelta(0), timedelta(0), timedelta(hours=2), timedelta(hours=80)]),
        amendment=st.sampled_from([False, False, True]),
    )
    def what_was_left_open_is_overridden(
        self,
        who: str,
        left: list[str],
        code: str | None,
        all_named: bool,
        later: timedelta,
        amendment: bool,
    ) -> None:
        """A screen that leaves something open, its override, and what it was for: once, a second time it holds."""
        self._answered(who, dict.fromkeys(left, code))
        self._override(who, left if all_named else left[1:], amendment=amendment, second=True)
        self.site.at += later
        for number in range(2):
            if amendment:
                self.amend(number, HERE, stale=False)
            else:
                self._save(self._new((who,), HERE))

    @rule(who=people, domain=domains, to=st.sampled_from(["acute", "elevated", "elevated"]))
    def raise_acuity(self, who: str, domain: str, to: str) -> None:
        self._tick()
        was_acute = bool(self.model.acute(who))
        answer, _ = self._do(
            lambda: self.site.desk.raise_acuity(who, domain, to=to, reason=REASON, actor="Practitioner/trainee")
        )
        if self._act("acuity.raised", who, "raised"):
            self.model.people[who].raised.append(life_model.Raised(domain, to, self.site.at, self.model.next()))
        if answer is not None:
            assert not answer["decision"].startswith("released"), "a raise released"
            self._untouched(who)
            if to == "acute" and not self.behind:
                self._paused(who)
            if to != "acute" and not was_acute and not self.broke:
                assert self._care_plans() == self.before, "I4: only what is acute touches an active plan"

    @now_and_then
    @rule(who=people, domain=domains, number=st.integers(0, 7), outcome=st.sampled_from(["done", "declined-by-client"]))
    def step(self, who: str, domain: str, number: int, outcome: str) -> None:
        self._tick()
        directive = self.site.policy.domain(domain).directive  # type: ignore[union-attr]
        name = ("acknowledge", *(one.id for one in directive))[number % (len(directive) + 1)]
        answer, _ = self._do(
            lambda: self.site.desk.step(who, domain, name, outcome=outcome, reason=REASON, actor=CLINICIAN)
        )
        assert answer is not None or self.broke, "I7: a step did not save"
        assert self._act("protocol.step", who, "step") or answer is None, "I5: a step without its record"
        self._untouched()

    @rule(
        who=people,
        extra=st.sampled_from(["nothing", "elevated", "caution"]),
        but_one=st.sampled_from([False, False, True]),
        save=st.booleans(),
    )
    def the_whole_way_out(self, who: str, extra: str, but_one: bool, save: bool) -> None:
        """Everything that an acute hold asks for, or all but one; each part is held against the model."""
        for domain in sorted(self.model.acute(who)):
            self.evidence_for_a_domain(who, domain, but_one=but_one, conjoint=True)
        self._tick(minutes=5)
        answers: dict[str, str | None] = {
            "nothing": {},
            "elevated": {"suicide.ideation": "yes"},
            "caution": {"psychosis.known-illness": "yes"},
        }[extra]
        self._answered(who, answers, integration=True)
        for domain in sorted(self.model.acute(who)):
            self._release(who, domain)
        for domain in DOMAINS:
            if self.model.assessed_items(who, domain) and domain not in self.model.acute(who):
                self.evidence_for_a_domain(who, domain, but_one=False, conjoint=True)
                self._assess(who, domain, "moderate", second=True)
        if save:
            self._save(self._new((who,), HERE))

    # -- plans

    def _new(self, members: tuple[str, ...], encounter: str, **changes: Any) -> Saved:
        number = len(self.drafts)
        goals = [make_goal(one, words=f"  {token(number)} of {one.partition('/')[2]} \n") for one in members]
        request = str(UUID(int=self.site.dice.getrandbits(128), version=4))
        given = {"encounter": encounter, "goals": goals, "request_id": request, **changes}
        given["concern"] = {"words": f"{token(number)} — <b>&amp;\r\n", "problems": ["feeling-unheard"]}
        made = Saved(number, make_draft(*members, **given))
        self.drafts[request] = made
        return made

    def _save(self, saved: Saved) -> None:
        """Save a draft, and hold the answer against the model, the trail and the chart."""
        self._tick()
        verdicts = {who: self._verdict(who, saved) for who in saved.members}
        before = {one["plan"]: one["state"] for one in self._plans()}
        # An amendment waits for the one before it, where that has not reached the EHR.
        waits = (InvalidInput,) if saved.amends and (self.behind or self._part_over(saved)) else ()
        answer, error = self._do(lambda: self.site.desk.save(saved.draft, actor=CLINICIAN), *waits)
        assert error is None or self.broke or (not self.delta and self._care_plans() == self.before)
        holds = any(one.holds for one in verdicts.values())
        clear = all(one.clear for one in verdicts.values())
        if holds:
            assert self._care_plans() == self.before, "I1: a held plan changed the chart"
        if answer is None:
            return
        saved.answered = True
        released = answer["decision"].startswith("released")
        assert self._record("plan.approved" if released else "plan.held", request=saved.draft["request_id"]), "I5"
        assert len([one for one in self.delta if one["kind"] == "gate.decided"]) >= len(saved.members), "I5"
        if holds:
            assert not released, f"I2, I3: saved although {[sorted(one.holds) for one in verdicts.values()]}"
            assert not answer["saved"]
            assert answer["bundle"] is None
            assert {one["plan"] for one in self._plans()} - before.keys() <= {answer["plan"]}
            self._unit_heard(saved, answer)
            SEEN["saves held"] += 1
        elif clear and not self.broke:
            assert released, f"held although nothing is known that holds: {self._why(saved)}"
            assert answer["saved"], answer["trouble"]
            assert self._record("plan.confirmed"), "I5: saved without its record"
            SEEN["saves released"] += 1
        else:
            SEEN["saves doubtful"] += 1
            if not released:
                self._unit_heard(saved, answer)
        if answer["saved"]:
            assert len(self._care_plans()) - len(self.before) == (0 if saved.amends else len(saved.members))
            SEEN["couples saved"] += len(saved.members) > 1

    def _part_over(self, saved: Saved) -> bool:
        """Whether one member's CarePlan of the plan that is amended has ended: its end was broken off halfway."""
        ours = saved.draft["supersedes"]["plan"]
        mine = [one for one in self.site.chart("CarePlan") if ours in json.dumps(one.resource.get("identifier"))]
        return len(saved.members) > 1 and any(one.resource["status"] == "revoked" for one in mine)

    def _why(self, saved: Saved) -> list[tuple[Any, ...]]:
        """Return what holds each member by themselves, for the message of a failure."""
        asked = (
            self.site.desk.decide((who,), actor=CLINICIAN, encounter=saved.draft["encounter"]) for who in saved.members
        )
        return [(one["decision"], one["findings"], one["missing"]) for one in asked]

    def _unit_heard(self, saved: Saved, answer: Mapping[str, Any]) -> None:
        """I8: a couple hears the same, whatever the reason."""
        if len(saved.members) == 1:
            return
        SEEN["couples held"] += 1
        heard = {
            name: value
            for name, value in answer.items()
            if name not in ("plan", "version", "saved", "care_plans", "bundle", "delivery", "trouble", "advisories")
        }
        first = self.unit_held.setdefault(answer["policy"]["digest"], heard)
        assert heard == first, "I8: the unit's answer says which reason it is"
        assert (answer.get("bundle"), answer.get("trouble"), answer.get("advisories", [])) == (None, None, [])
        assert (answer["findings"], answer["missing"], answer["protocol"], answer["person"]) == ([], [], [], None)

    @rule(members=st.sampled_from(UNITS), encounter=st.sampled_from([HERE] * 6 + [ELSEWHERE]))
    def save(self, members: tuple[str, ...], encounter: str) -> None:
        self._save(self._new(members, encounter))

    @rule(members=st.sampled_from([*UNITS, PEOPLE]), once_all_is_well=st.sampled_from([True, True, False]))
    def a_good_day(self, members: tuple[str, ...], once_all_is_well: bool) -> None:
        """Clear screens of everybody, and a plan: what most days are like."""
        self._good_day(members, once_all_is_well=once_all_is_well)

    @rule(members=st.sampled_from([*UNITS, PEOPLE]))
    def another_good_day(self, members: tuple[str, ...]) -> None:
        """There are more of them than Hypothesis would draw."""
        self._good_day(members, once_all_is_well=True)

    def _good_day(self, members: tuple[str, ...], *, once_all_is_well: bool) -> None:
        for who in members if once_all_is_well else ():
            if self.model.acute(who) or self.model.verdict(who, self.site.at, encounter=HERE).holds:
                self.the_whole_way_out(who, "nothing", but_one=False, save=False)
        for who in members:
            self._answered(who)
        self._save(self._new(members, HERE))

    @now_and_then
    @precondition(lambda self: self.drafts)
    @rule(number=st.integers(0, 99))
    def the_same_request_again(self, number: int) -> None:
        plain = [one for one in self.drafts.values() if not (one.amends or one.safety)]
        if not plain:
            return
        through = [one for one in plain if one.approved]
        saved = (through or plain)[number % len(through or plain)]
        state = self._state_of(saved)
        if state in ("held", "withheld", None):
            self._save(saved)
            return
        self._tick()
        put_away = state in ("closed", "retracted") and not saved.approved
        expected = (Conflict,) if put_away else ()
        answer, error = self._do(lambda: self.site.desk.save(saved.draft, actor=CLINICIAN), *expected)
        assert not put_away or isinstance(error, Conflict) or self.broke, "a draft put away was answered"
        if answer is not None:
            assert not self._record("plan.approved"), "one request made two plans"
            SEEN["requests repeated"] += 1

    def _some(self, number: int) -> Saved:
        return list(self.drafts.values())[number % len(self.drafts)]

    def _plans(self) -> list[dict[str, Any]]:
        self.listed = self.site.desk.plans()
        return self.listed

    def _draft_of(self, plan: str) -> dict[str, Any]:
        found: dict[str, Any] = self.site.desk.plan(plan)["draft"]
        return found

    def _state_of(self, saved: Saved) -> str | None:
        """Where the plan of a draft stands now, None where the desk never had it."""
        with self.site.context.store.transaction() as tx:
            row = tx.plan_of(saved.draft["request_id"])
        return row.state.value if row else None

    def _in_unit(self, who: str) -> bool:
        """Whether a plan or working copy of a couple with this person is going on."""
        over = ("closed", "retracted")
        return any(len(one["members"]) > 1 and one["state"] not in over and not one["amends"] for one in self._plans())

    @now_and_then
    @precondition(lambda self: self.drafts)
    @rule(number=st.integers(0, 99))
    def another_body_under_the_same_request(self, number: int) -> None:
        saved = self._some(number)
        if self._state_of(saved) is None:
            return
        self._tick()
        other = {**saved.draft, "lead": "therapist-led"}
        answer, error = self._do(lambda: self.site.desk.save(other, actor=CLINICIAN), Conflict, InvalidInput)
        assert answer is None, "another body was taken under a used request id"
        assert error is not None or self.broke
        assert not self._record("plan.approved")

    def _amendable(self, number: int) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return a plan that may be amended, and its newest draft."""
        found = [one for one in self._plans() if one["state"] in ("delivered", "on-hold") and not one["amends"]]
        if not found:
            return None
        plan = found[number % len(found)]
        return plan, self._draft_of(plan["plan"])

    @rule(
        number=st.integers(0, 9),
        encounter=st.sampled_from([HERE, HERE, ELSEWHERE]),
        stale=st.sampled_from([False] * 5 + [True]),
    )
    def amend(self, number: int, encounter: str, stale: bool) -> None:
        found = self._amendable(number)
        if found is None:
            return
        plan, _ = found
        version = str(int(plan["version"]) - 1) if stale else plan["version"]
        saved = self._new(tuple(plan["members"]), encounter, supersedes={"plan": plan["plan"], "version": version})
        saved.amends = True
        if not stale:
            self._save(saved)
            SEEN["amended"] += 1
            return
        self._tick()
        refused = (Conflict, *((InvalidInput,) if self._part_over(saved) else ()))
        answer, error = self._do(lambda: self.site.desk.save(saved.draft, actor=CLINICIAN), *refused)
        assert answer is None, "an amendment of an old version was saved"
        assert isinstance(error, refused) or self.broke
        assert self._care_plans() == self.before
        del self.drafts[saved.draft["request_id"]]

    @rule(number=st.integers(0, 9), when=st.sampled_from(list(_TIMES)), later=st.sampled_from([0, 0, 10, 20, 40]))
    def a_day_to_amend(self, number: int, when: str, later: int) -> None:
        """New screens of everybody in a plan, made at other times than they are filed, and an amendment days later."""
        found = self._amendable(number)
        if found is None:
            return
        for who in found[0]["members"]:
            self._answered(who, authored=self.site.at + _TIMES[when])
        self.site.pass_time(days=later)
        self.amend(number, ELSEWHERE, stale=False)

    @rule(number=st.integers(0, 9))
    def add_only_safety(self, number: int) -> None:
        """I7: what only adds safety saves whatever the gate says, and leaves the status as it is."""
        found = self._amendable(number)
        if found is None or len(found[1]["goals"]) > 6:
            return
        plan, draft = found
        self._tick()
        saved = Saved(len(self.drafts), {})
        member = plan["members"][number % len(plan["members"])]
        goal = make_goal(member, words=f"{token(saved.number)} of {member.partition('/')[2]}", category="safety")
        saved.draft = {
            **draft,
            "goals": [*draft["goals"], goal],
            "supersedes": {"plan": plan["plan"], "version": plan["version"]},
            "request_id": str(UUID(int=self.site.dice.getrandbits(128), version=4)),
        }
        saved.amends = saved.safety = True
        self.drafts[saved.draft["request_id"]] = saved
        answer, _ = self._do(lambda: self.site.desk.save(saved.draft, actor=CLINICIAN))
        if answer is None:
            assert self.broke, "I7: what only adds safety did not save"
            return
        saved.answered = True
        decision = next(one["details"]["decision"] for one in self.delta if one["kind"] == "gate.decided")
        self.approved_ids.update(
            str(uuid5(UUID(decision), f"{who}|Goal|{n}")) for who in plan["members"] for n in range(9)
        )
        now = self._care_plans()
        assert {id: one[2] for id, one in now.items()} == {id: one[2] for id, one in self.before.items()}, "I7: status"
        if not self.broke:
            assert answer["saved"], answer["trouble"]
            words = [one.resource["description"]["text"] for one in self.site.chart("Goal")]
            assert goal["words"] in words, "I7: the safety goal is not in the chart"
            SEEN["safety added"] += 1

    @rule(number=st.integers(0, 99), how=st.sampled_from(["completed", "revoked", "entered-in-error"]))
    def close(self, number: int, how: str) -> None:
        """I7: closing always saves."""
        over = ("closed", "retracted")
        plans = [one for one in self._plans() if one["state"] not in over and not one["amends"]]
        if not plans:
            return
        self._tick()
        plan = plans[number % len(plans)]["plan"]
        if how == "entered-in-error":
            answer, _ = self._do(
                lambda: self.site.desk.retract_plan(plan, reason=REASON, signer=self.site.pat, second=self.site.sam)
            )
        else:
            answer, _ = self._do(lambda: self.site.desk.close_plan(plan, how=how, reason=REASON, actor=CLINICIAN))
        assert answer is not None or self.broke, "I7: closing did not save"
        if answer is not None:
            state = next(one["state"] for one in self._plans() if one["plan"] == plan)
            assert state in ("closed", "retracted")
            SEEN["closed"] += 1

    @rule(members=st.sampled_from(UNITS), encounter=st.sampled_from([HERE, HERE, ELSEWHERE]))
    def preview(self, members: tuple[str, ...], encounter: str) -> None:
        self._tick()
        saved = self._new(members, encounter)
        del self.drafts[saved.draft["request_id"]]
        verdicts = [self._verdict(who, saved) for who in members]
        answer, _ = self._do(lambda: self.site.desk.preview(saved.draft))
        if answer is None:
            return
        assert not self.delta, "a preview wrote something"
        self._agrees(answer["decision"].startswith("released"), _together(verdicts))
        assert (answer["bundle"] is None) == (not answer["decision"].startswith("released"))
        if not answer["decision"].startswith("released"):
            self._unit_heard(saved, answer)

    @now_and_then
    @rule(members=st.sampled_from(UNITS))
    def ask_the_gate(self, members: tuple[str, ...]) -> None:
        self._tick()
        verdicts = [self.model.verdict(who, self.site.at, encounter=HERE, shared=len(members) > 1) for who in members]
        kind = "couple" if len(members) > 1 else "individual"
        answer, _ = self._do(
            lambda: self.site.desk.decide(members, actor=CLINICIAN, encounter=HERE, kind=kind),
        )
        if answer is None:
            return
        released = answer["decision"].startswith("released")
        self._agrees(released, _together(verdicts))
        assert len([one for one in self.delta if one["kind"] == "gate.decided"]) == len(members), "I5"
        if not released and len(members) > 1:
            told = {name: answer[name] for name in ("decision", "findings", "missing", "protocol", "sentence")}
            assert told["decision"] == "held"
            assert answer["troubles"] == []

    # -- time, trouble and the site itself

    def _tick(self, *, minutes: float = 1) -> None:
        self.site.pass_time(minutes=minutes)

    @now_and_then
    @rule(
        delta=st.sampled_from(
            [timedelta(minutes=20), timedelta(hours=3), timedelta(hours=13), timedelta(hours=25), timedelta(days=4)]
        )
    )
    def time_goes_by(self, delta: timedelta) -> None:
        self.site.at += delta

    @now_and_then
    @rule(days=st.sampled_from([15, 31, 190]))
    def weeks_go_by(self, days: int) -> None:
        self.site.pass_time(days=days)

    @precondition(lambda self: not self.went_back)
    @rule(hours=st.sampled_from([1, 5, 30]))
    def the_clock_goes_back(self, hours: int) -> None:
        self.site.pass_time(hours=-hours)
        self.went_back = True

    @now_and_then
    @rule()
    def restart(self) -> None:
        self._restart()

    @precondition(lambda self: self.fault is None)
    @rule(where=st.sampled_from([*WRITES, *COMMITS, *CHART, *CHART]), nth=st.integers(1, 4))
    def something_will_go_wrong(self, where: str, nth: int) -> None:
        self.fault = Fault(where, nth)

    @precondition(lambda self: self.fault is None)
    @rule(
        where=st.sampled_from([*WRITES, *COMMITS, *COMMITS, *CHART]),
        nth=st.integers(1, 4),
        what=st.sampled_from(["screen", "acute", "save", "save", "way out"]),
        members=st.sampled_from(UNITS),
    )
    def something_goes_wrong_at_once(self, where: str, nth: int, what: str, members: tuple[str, ...]) -> None:
        if what == "save":
            for who in members:
                self._answered(who)
        self.fault = Fault(where, nth)
        match what:
            case "screen":
                self._answered(members[0])
            case "acute":
                self.it_turns_acute(members[0], ACUTES[nth])
            case "save":
                self._save(self._new(members, HERE))
            case _:
                self.the_whole_way_out(members[-1], "nothing", but_one=False, save=True)

    @rule()
    def sync(self) -> None:
        self._sync()

    def _sync(self) -> None:
        self._tick()
        answer, _ = self._do(lambda: self.site.desk.sync(actor=CLINICIAN))
        for one in self.delta:
            # The first time that something is sent: it is looked at again, with all that came in since.
            saved = self.decisions.get(one["details"].get("decision", ""))
            if one["kind"] != "plan.sent" or saved is None:
                continue
            for who in saved.members:
                if saved.known.get(who) != self._recorded(who):
                    latest = self.model.people[who].screens[-1]
                    given = {"amendment": saved.amends, "shared": len(saved.members) > 1}
                    verdict = self.model.verdict(who, self.site.at, encounter=latest.encounter, **given)
                    assert not verdict.holds - {"another encounter", "the clock went back"}, "I1: sent although held"
        if answer is not None and not self.broke and answer["waiting"] == 0:
            self.behind = False

    @now_and_then
    @precondition(lambda self: not self.model.sites_own)
    @rule()
    def the_site_sets_its_own_policy(self) -> None:
        """Olga signs a stricter policy; everything starts again with it."""
        self._tick()
        made, path = template(), self.home / "site.toml"
        path.write_bytes(made.own_policy)
        self.site.desk.close()
        context = replace(build_for_signing(self.site.settings), now=lambda: self.site.at)
        policies.sign(context, path, made.own_policy, made.keys[OWNER], actor_of(OWNER))
        context.store.close()
        self.site.settings = replace(self.site.settings, policy=path)
        self.site.policy = load_policy(path)
        self.site.open()
        self.model.sites_own = True
        self._read_trail()
        SEEN["site's own policy"] += 1

    # -- after each step

    @invariant()
    def the_contracts_hold(self) -> None:
        self.steps += 1
        self._every_plan_was_released()
        if not self.behind:
            for who in PEOPLE:
                if self.model.acute(who):
                    self._paused(who)
                else:
                    self._goes_on(who)
        self._words_are_kept(self._plans()[:2])
        if self.steps % 10 == 0:
            self._look_everywhere()

    def _every_plan_was_released(self) -> None:
        """I1: each collaborative CarePlan and Goal in the chart bears the mark of an approved decision."""
        for one in self.site.chart("CarePlan", "Goal"):
            resource, who = one.resource, one.resource["subject"]["reference"]
            marks = {id["system"]: id["value"] for id in resource.get("identifier", [])}
            if codes.UNIT_PLAN not in marks:
                continue
            if resource["resourceType"] == "CarePlan":
                assert f"{who} {marks[codes.DECISION]}" in self.approved_marks, "I1: a CarePlan without a release"
            else:
                safety = resource["category"][0]["coding"][0]["code"] == "safety"
                assert safety or resource["id"] in self.approved_ids, "I1: a Goal without a release"

    def _words_are_kept(self, some: list[dict[str, Any]]) -> None:
        """I6: each plan and working copy still holds the words that were given, byte for byte."""
        for one in some:
            draft = self._draft_of(one["plan"])
            given = self.drafts[draft["request_id"]].draft
            # What a version that never arrived leaves behind: the version before it, and the safety added since.
            since = draft["goals"][len(given["goals"]) :]
            assert all(goal in self._safety_goals() for goal in since), "I6: words that nobody gave"
            kept = {**draft, "goals": draft["goals"][: len(given["goals"])]}
            assert kept == given, "I6: the words are not those that were given"

    def _safety_goals(self) -> list[dict[str, Any]]:
        return [goal for one in self.drafts.values() if one.safety for goal in one.draft["goals"]]

    def _look_everywhere(self) -> None:
        """I5: the trail verifies; I6: nothing is lost; I1, I8: the charts hold nobody's held or foreign words."""
        self.site.desk.health()
        self._read_trail()
        plans = self._plans()
        self._words_are_kept(plans)
        kept = {self._draft_of(one["plan"])["request_id"] for one in plans}
        lost = [
            one
            for request, one in self.drafts.items()
            if one.answered and not one.approved and not one.amends and request not in kept
        ]
        assert not lost, "I6: an answered draft is gone"
        everything = [
            (kind, one.resource)
            for kind in ("CarePlan", "Goal", "QuestionnaireResponse", "Provenance", "Flag", "Task", "RiskAssessment")
            for one in self.site.chart(kind)
        ]
        never = {token(one.number) for one in self.drafts.values() if not one.approved and not one.safety}
        for _, resource in everything:
            text = json.dumps(resource)
            assert not any(word in text for word in never), "I1: a held plan's words are in the chart"
            assert not ("rosa" in text and "tom" in text), "I8: a chart names another member"
        bodies = [body.decode() for (body,) in self.trail.execute("SELECT body FROM audit_leaf").fetchall()]
        assert not any(ROSA in body and TOM in body for body in bodies), "I8: a record names two members"


def _together(verdicts: list[life_model.Verdict]) -> life_model.Verdict:
    found = life_model.Verdict()
    for one in verdicts:
        found.holds |= one.holds
        found.doubts |= one.doubts
    return found


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Take the runs' files away when the last has ended."""
    yield
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.mark.parametrize("part", range(1, PARTS + 1))
def test_the_gates_whole_life(
    part: int, campaign: Callable[[int], int], figure: Callable[[str, int, str], None]
) -> None:
    """Whatever happens in whatever order, the contracts hold after each step; in parts, which may run side by side."""
    runs = campaign(RUNS) // PARTS
    number = int(os.environ.get("WITHNESS_SEED", random.SystemRandom().randrange(2**32) if WHOLE else part))
    print(f"To repeat this: WITHNESS_SEED={number}")  # noqa: T201  pytest shows it when this fails
    SEEN.clear()
    run_state_machine_as_test(
        seed(number)(Life),
        settings=settings(
            max_examples=runs,
            stateful_step_count=STEPS if WHOLE else FEWER_STEPS,
            deadline=None,
            database=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, *((Phase.shrink,) if "WITHNESS_SHRINK" in os.environ else ())),
        ),
    )
    print(dict(SEEN))  # noqa: T201
    wanted = {*REACHED} if WHOLE else {*REACHED} - SELDOM
    assert {one for one in wanted if not SEEN[one]} == set(), "the runs never came there"
    faults = sum(SEEN[one] for one in SEEN if one.startswith("fault"))
    result = (
        f"{SEEN['steps']} steps, {SEEN['saves released']} saves let through, {SEEN['saves held']} held, "
        f"{SEEN['released from an acute hold']} releases, {faults} times broken off; every invariant held"
    )
    figure(f"the gate's whole life at random, part {part} of {PARTS}", runs, f"{result} (seed {number})")
