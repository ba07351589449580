"""The desk's front: the public API in Python, values in and JSON-ready values out. `withness.load` gives it."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from typing import Any

from withness import strict_json
from withness.core.terms import REFERENCE, Purpose, UnitKind, reference
from withness.desk import delivery, plans, screens, verify
from withness.desk.context import Actor, Context
from withness.desk.telling import tell
from withness.errors import InvalidInput, SealBroken, TrailDamaged
from withness.fhir.questionnaires import fields, risk_screen
from withness.store.transaction import Transaction


class Desk:
    """One site's desk. Each answer is the document that the same command prints with `--json`.

    Every method may raise a `WithnessError`: its `message` is one sentence, its `field` names the datum.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def screen(self, response: Mapping[str, Any] | bytes, *, actor: str | None = None) -> dict[str, Any]:
        """Record a risk screen (a FHIR R4 QuestionnaireResponse, or its JSON) and return the decision on it.

        Without `actor` the screen's own author acts, and the software where no author can be read: who acts
        never stops a screen from being recorded.
        """
        if isinstance(response, bytes):
            resource, blemishes = strict_json.parse_leniently(response, name="FILE")
        elif isinstance(response, Mapping):
            resource, blemishes = strict_json.clean(response)
        else:
            raise InvalidInput("The screen must be one JSON object.", field="FILE")
        who = actor_of(actor) if actor is not None else _author(resource)
        try:
            decision = screens.record(self._context, resource, who, blemishes=blemishes)
        except InvalidInput as error:
            error.hint = "The screen was NOT recorded; an earlier one still stands."
            raise
        return tell(decision, self._context.policy)

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
        unit = _named(UnitKind, kind or ("individual" if len(people) == 1 else "group"), field="kind")
        wanted = _named(Purpose, purpose, field="purpose")
        decision = screens.decide(self._context, people, unit, wanted, where, actor_of(actor))
        return tell(decision, self._context.policy)

    def preview(self, draft: Mapping[str, Any]) -> dict[str, Any]:
        """Return the decision and the FHIR Bundle that a save would send now. Writes nothing."""
        strict_json.check(draft, name="the draft")
        return plans.preview(self._context, draft).as_dict()

    def save(self, draft: Mapping[str, Any], *, actor: str | None = None) -> dict[str, Any]:
        """Ask the gate and save the plan; `saved` is True only when the EHR has confirmed it."""
        strict_json.check(draft, name="the draft")
        who = actor_of(draft.get("author"), field="author") if actor is None else actor_of(actor)
        return plans.save(self._context, draft, who).as_dict()

    def sync(self, *, actor: str) -> dict[str, Any]:
        """Deliver what waits."""
        done = delivery.sync(self._context, actor_of(actor))
        return {
            "delivered": done.delivered,
            "waiting": done.waiting,
            "withheld": done.withheld,
            "troubles": list(done.troubles),
        }

    @property
    def ehr(self) -> str:
        """The EHR's address, "local" for the embedded chart."""
        return self._context.ehr.address

    def plans(self) -> list[dict[str, Any]]:
        """Return plans and working copies, newest first, without their words.

        One whose row does not open is listed as unreadable; it never hides the others.
        """
        with self._context.store.transaction() as tx:
            return [_listed(tx, id) for id in tx.plan_ids()]

    def plan(self, id: str) -> dict[str, Any]:
        """Return one plan or working copy with its draft. Raises InvalidInput when there is none."""
        with self._context.store.transaction() as tx:
            row = tx.plan(id)
        if row is None:
            raise InvalidInput(
                "There is no plan or working copy with this id.", field="ID", hint="Run: withness plan list"
            )
        told = row.content["told"]
        return {
            "plan": row.id,
            "state": row.state.value,
            "updated": row.updated_at,
            **told,
            "draft": row.content["draft"],
        }

    def questionnaire(self) -> dict[str, Any]:
        """Return the risk screen's form as a FHIR R4 Questionnaire."""
        return risk_screen(self._context.policy)

    def questions(self) -> dict[str, str]:
        """Return the wording of each item of the risk screen, by linkId."""
        return {one.link: one.text for one in fields(self._context.policy)}

    def health(self, *, actor: str = "Device/withness") -> dict[str, Any]:
        """Verify the trail and return what the desk stands on. Raises TrailDamaged, CannotTell."""
        verdict = verify.verify(self._context.store, actor_of(actor), self._context.now())
        if not verdict.whole:
            raise TrailDamaged(verdict.damages[0].sentence(), hint="Run: withness audit verify")
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


_PEOPLE = ("Practitioner", "PractitionerRole", "Patient", "RelatedPerson")


def actor_of(ref: object, *, field: str = "actor") -> Actor:
    """Return who acts, with the operating system's user. Raises InvalidInput for anything but a person or device."""
    known = reference(str(ref), *_PEOPLE, "Device", field=field)
    try:
        return Actor(known, getpass.getuser())
    except (KeyError, OSError):
        return Actor(known, "unknown")


def _author(resource: Mapping[str, Any]) -> Actor:
    author = resource.get("author")
    written = author.get("reference") if isinstance(author, Mapping) else None
    match = REFERENCE.fullmatch(written) if isinstance(written, str) else None
    return actor_of(match[0] if match and match["type"] in _PEOPLE else "Device/withness")


def _listed(tx: Transaction, id: str) -> dict[str, Any]:
    try:
        row = tx.plan(id)
    except SealBroken:
        row = None
    if row is None:
        return {"plan": id, "state": "unreadable", "unit": "", "members": [], "decision": "", "updated": ""}
    unit = row.content["draft"]["unit"]
    return {
        "plan": row.id,
        "state": row.state.value,
        "unit": unit["kind"],
        "members": unit["members"],
        "decision": row.content["told"]["decision"],
        "updated": row.updated_at,
    }


def _named(kind: Any, text: str, *, field: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        names = ", ".join(one.value for one in kind)
        raise InvalidInput(f"{field} must be one of: {names}.", field=field) from None
