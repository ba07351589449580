"""The desk's front: the public API in Python, values in and JSON-ready values out. `withness.load` gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from withness import strict_json
from withness.audit.seen import UNREADABLE
from withness.core.plan import charts
from withness.core.terms import REFERENCE, Purpose, UnitKind, reference
from withness.desk import amending, plans, screens, sync, verify
from withness.desk.asking import PEOPLE, actor_of, named
from withness.desk.caseload import caseload
from withness.desk.compliance_front import Compliance
from withness.desk.context import Actor
from withness.desk.draft import read_draft
from withness.desk.goals_front import Goals
from withness.desk.life import Life
from withness.desk.note_front import Notes
from withness.desk.telling import may_see
from withness.errors import CannotTell, InvalidInput, Refused, SealBroken, TrailDamaged
from withness.fhir.questionnaires import fields, risk_screen
from withness.packs.paper import paper_plan, paper_plan_blank, paper_screen
from withness.packs.publication import load_publication
from withness.store.rows import PlanState
from withness.store.transaction import Transaction

_LIST = "Run: withness plan list"


def _refuse_proxy(actor: str) -> None:
    """Plans and their holds are the clinician's to show: a partner or proxy is never told by a list (contracts I8)."""
    if not may_see(actor, ""):
        raise Refused("Only clinicians see the list of plans and what holds them.", field="actor")


class Desk(Life, Notes, Goals, Compliance):
    """One site's desk. Each answer is the document that the same command prints with `--json`.

    Every method may raise a `WithnessError`: its `message` is one sentence, its `field` names the datum.
    """

    def screen(
        self, response: Mapping[str, Any] | bytes, *, actor: str | None = None, late_reason: str = ""
    ) -> dict[str, Any]:
        """Record a risk screen (a FHIR R4 QuestionnaireResponse, or its JSON) and return the decision on it.

        Without `actor` the screen's own author acts, and the software where no author can be read: who acts
        never stops a screen from being recorded. `late_reason` says why it is entered later than it was asked.
        """
        resource, blemishes = strict_json.leniently(response, name="FILE")
        who = actor_of(actor) if actor is not None else _author(resource)
        try:
            done = screens.record(self._context, resource, who, blemishes=blemishes, late=late_reason)
        except InvalidInput as error:
            error.hint = "The screen was NOT recorded; an earlier one still stands."
            raise
        return self._told(done, who.ref)

    def decide(
        self,
        members: Sequence[str],
        *,
        actor: str,
        purpose: str = "new-plan",
        encounter: str | None = None,
        kind: str = "",
    ) -> dict[str, Any]:
        """Return the standing decision on one person or a unit. Writes no plan."""
        if not members:
            raise InvalidInput("members must name at least one person.", field="members")
        people = tuple(reference(one, "Patient", "RelatedPerson", field="members") for one in members)
        if len(set(people)) != len(people):
            raise InvalidInput("members names somebody twice.", field="members")
        where = reference(encounter, "Encounter", field="encounter") if encounter else None
        unit = named(UnitKind, kind or ("individual" if len(people) == 1 else "group"), field="kind")
        wanted = named(Purpose, purpose, field="purpose")
        who = actor_of(actor)
        return self._told(screens.decide(self._context, people, unit, wanted, where, who), who.ref)

    def preview(self, draft: Mapping[str, Any], *, actor: str = "") -> dict[str, Any]:
        """Return the decision and the FHIR Bundle that a save would send now. Writes nothing."""
        strict_json.check(draft, name="the draft")
        return plans.preview(self._context, draft, actor).as_dict()

    def save(self, draft: Mapping[str, Any], *, actor: str | None = None) -> dict[str, Any]:
        """Ask the gate and save the plan; `saved` is True only when the EHR has confirmed it."""
        strict_json.check(draft, name="the draft")
        who = actor_of(draft.get("author"), field="author") if actor is None else actor_of(actor)
        return plans.save(self._context, draft, who).as_dict()

    def sync(self, *, actor: str) -> dict[str, Any]:
        """Deliver what waits."""
        done = sync.sync(self._context, actor_of(actor))
        return {
            "delivered": done.delivered,
            "waiting": done.waiting,
            "withheld": done.withheld,
            "changed": done.changed,
            "noted": done.noted,
            "decided": done.decided,
            "escalated": done.escalated,
            "fed": done.fed,
            "unfed": done.unfed,
            "damaged": done.damaged,
            "troubles": list(done.troubles),
        }

    @property
    def ehr(self) -> str:
        """The EHR's address, "local" for the embedded chart."""
        return self._context.ehr.address

    def plans(self, *, actor: str = "", goals: bool = False) -> list[dict[str, Any]]:
        """Return plans and working copies, newest first, without their words.

        `case` says of an active plan when its review is due, how long its screens last, and with `goals` (which asks
        the EHR) how many goals ask for a second look. One whose row does not open is listed as unreadable; it never
        hides the others.
        """
        _refuse_proxy(actor)
        cases = caseload(self._context, goals=goals)
        with self._context.store.transaction() as tx:
            listed = [_listed(tx, id) for id in tx.plan_ids()]
        return [{**one, "case": cases[one["plan"]].as_dict() if one["plan"] in cases else None} for one in listed]

    def plan(self, id: str, *, actor: str = "") -> dict[str, Any]:
        """Return one plan or working copy with its draft. Raises InvalidInput when there is none."""
        _refuse_proxy(actor)
        with self._context.store.transaction() as tx:
            row = tx.plan(id)
        if row is None:
            raise InvalidInput("There is no plan or working copy with this id.", field="ID", hint=_LIST)
        told = row.content["told"]
        return {
            "plan": row.id,
            "state": row.state.value,
            "version": amending.version_of(row),
            "amends": row.content.get("amends"),
            "updated": row.updated_at,
            **told,
            "draft": row.content["draft"],
        }

    def paper_screen(self) -> str:
        """Return the risk screen as one printable HTML page, for a day without power."""
        return paper_screen(self._context.policy)

    def paper_plan(self, id: str = "", *, member: str | None = None) -> str:
        """Return one member's share of a plan as a printable HTML page; without an id an empty form.

        What was never released says so on every page (contracts I7). Raises InvalidInput.
        """
        titles = {one.id: one.title for one in self._context.catalogue.problems.values()}
        if not id:
            return paper_plan_blank(self._context.templates, title_of_problem=titles)
        with self._context.store.transaction() as tx:
            row = tx.plan(id)
        found = charts(read_draft(row.content["draft"], self._context.templates)) if row else ()
        mine = [one for one in found if member in (None, one.member)]
        if row is None or not mine:
            raise InvalidInput("There is no such plan, or none of this member.", field="ID", hint=_LIST)
        if len(mine) > 1:
            raise InvalidInput("Each member has a page of their own: name one.", field="member")
        released = row.state in (PlanState.DELIVERED, PlanState.ON_HOLD, PlanState.CLOSED)
        return paper_plan(mine[0], title_of_problem=titles, released=released, notice="")

    def questionnaire(self) -> dict[str, Any]:
        """Return the risk screen's form as a FHIR R4 Questionnaire."""
        return risk_screen(self._context.policy, load_publication())

    def questions(self) -> dict[str, str]:
        """Return the wording of each item of the risk screen, by linkId."""
        return {one.link: one.text for one in fields(self._context.policy)}

    def health(self, *, actor: str = "Device/withness") -> dict[str, Any]:
        """Verify the trail and return what the desk stands on. Raises TrailDamaged, CannotTell."""
        verdict = verify.verify(self._context.store, actor_of(actor), self._context.now())
        if verdict.damages:
            raise TrailDamaged(verdict.damages[0].sentence(), hint="Run: withness audit verify")
        if verdict.unchecked:
            raise CannotTell(verdict.unchecked[0], hint="Run: withness audit verify")
        policy = self._context.policy
        return {
            "policy": {"version": policy.version, "digest": policy.digest, "demo": policy.demo},
            "questions": len(policy.questions()),
            "templates": list(self._context.templates),
            "records": verdict.records,
            "ehr": self._context.ehr.address,
        }

    def close(self) -> None:
        """Close the database."""
        self._context.store.close()

    def __enter__(self) -> Desk:
        """Use the desk as a context manager that closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the desk."""
        self.close()


def _author(resource: Mapping[str, Any]) -> Actor:
    author = resource.get("author")
    written = author.get("reference") if isinstance(author, Mapping) else None
    match = REFERENCE.fullmatch(written) if isinstance(written, str) else None
    return actor_of(match[0] if match and match["type"] in PEOPLE else "Device/withness")


def _listed(tx: Transaction, id: str) -> dict[str, Any]:
    try:
        row = tx.plan(id)
    except SealBroken:
        row = None
    if row is None:
        return {
            "plan": id if isinstance(id, str) else UNREADABLE,
            "state": UNREADABLE,
            "unit": "",
            "members": [],
            "decision": "",
            "version": "",
            "amends": None,
            "updated": "",
        }
    unit = row.content["draft"]["unit"]
    return {
        "plan": row.id,
        "state": row.state.value,
        "unit": unit["kind"],
        "members": unit["members"],
        "decision": row.content["told"]["decision"],
        "version": amending.version_of(row),
        "amends": row.content.get("amends"),
        "updated": row.updated_at,
    }
