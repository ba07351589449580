"""The public API's second half: what is done in the life of a hold. Values in, JSON-ready values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from withness import strict_json
from withness.audit.record import Kind, instant
from withness.core.acts import ActKind, of
from withness.core.episodes import EpisodeState
from withness.core.people import Person, Refusal
from withness.core.terms import Purpose, reference
from withness.desk import closing, corrections, people, protocols, releasing
from withness.desk.acts import Signatures, refuse
from withness.desk.asking import actor_of, named
from withness.desk.context import Context
from withness.desk.people import Enrolment
from withness.desk.reports import report_of
from withness.desk.screens import Decided
from withness.desk.telling import may_see, tell
from withness.signing import Signer


class Life:
    """What ends, raises, covers and corrects holds. `signer` and `second` are opened keys (see `open_signer`)."""

    def __init__(self, context: Context) -> None:
        self._context = context

    # -- people

    def enrol(
        self,
        who: str,
        *,
        name: str,
        licence: str,
        roles: Sequence[str],
        key: Signer,
        by: Signer | None = None,
        medical: bool = False,
        trainee_of: str = "",
        actor: str | None = None,
    ) -> dict[str, Any]:
        """Enrol a person under their own key; after the first, somebody enrolled vouches (`by`)."""
        ref = reference(who, "Practitioner", field="who")  # a person: a role is held by whoever holds it
        given = Enrolment(ref, name, licence, tuple(dict.fromkeys(roles)), medical, trainee_of)
        return _person(people.enrol(self._context, given, key, actor_of(actor or ref), by))

    def revoke(self, who: str, *, reason: str, by: Signer) -> None:
        """End an enrolment; what was signed under it stands."""
        people.revoke(self._context, who, reason, actor_of(by.who), by)

    def actors(self) -> list[dict[str, Any]]:
        """Return everybody who was ever enrolled."""
        return [_person(one) for one in people.listing(self._context)]

    # -- screens

    def correct(self, response: Mapping[str, Any] | bytes, *, signer: Signer, second: Signer | None) -> dict[str, Any]:
        """Correct a mistaken screen: record the new one that cites it, and close the old one's findings."""
        resource, blemishes = strict_json.leniently(response, name="FILE")
        actor = actor_of(signer.who)
        done = corrections.correct(self._context, resource, actor, Signatures(signer, second), blemishes=blemishes)
        return self._told(done)

    def retract_screen(
        self, screen: str, *, reason: str, signer: Signer, second: Signer | None, belongs_to: str | None = None
    ) -> list[dict[str, Any]]:
        """Mark a screen as entered in error; every patient concerned is decided again, and needs a fresh screen."""
        other = reference(belongs_to, "Patient", "RelatedPerson", field="belongs_to") if belongs_to else None
        signatures, actor = Signatures(signer, second), actor_of(signer.who)
        done = corrections.retract(self._context, screen, actor, signatures, reason=reason, belongs_to=other)
        return [self._told(one) for one in done]

    def cosign(self, screen: str, *, signer: Signer) -> None:
        """Sign a trainee's screen as their supervisor."""
        corrections.cosign(self._context, screen, actor_of(signer.who), Signatures(signer))

    # -- protocol

    def protocol(self, person: str, *, actor: str) -> dict[str, Any]:
        """Return one person's holds: the decision, each protocol's steps, what is still to be written down."""
        ref, viewer = _somebody(person), actor_of(actor)
        self._see(viewer.ref, ref)
        shown = protocols.show(self._context, ref)
        policy, acts = self._context.policy, shown.answered.acts[ref]
        return {
            **tell(shown.answered.decision, policy, viewer.ref),
            "episodes": [self._episode(one) for one in shown.episodes],
            "missing_needs": {domain: list(needs) for domain, needs in shown.missing.items()},
            "releases": {
                domain: {"ready": fault is None, "waits_for": fault.sentence if fault else ""}
                for domain, fault in releasing.releases(self._context, shown, ref).items()
            },
            "evidence": [
                {"need": one.body["need"], "by": one.by, "at": instant(one.at), "fields": one.body["fields"]}
                for one in of(acts, ActKind.EVIDENCE)
            ],
            "screens": [row.id for row in shown.answered.screens[ref]],
            "setting": _setting(shown),
        }

    def _episode(self, one: EpisodeState) -> dict[str, Any]:
        report = report_of(self._context, one)
        return {
            "domain": one.episode.domain,
            "opened": instant(one.episode.opened),
            "responsible": one.episode.responsible,
            "backup": one.episode.backup,
            "acknowledged": instant(one.acknowledged) if one.acknowledged else None,
            "unacknowledged": one.overdue_acknowledgement,
            "ended": instant(one.ended) if one.ended else None,
            "steps": [
                {
                    "step": step.due.step.id,
                    "text": step.due.step.text,
                    "within": step.due.step.within,
                    "due": instant(step.due.due),
                    "state": step.state,
                    "owner": step.owner,
                    "evidences": step.due.step.evidences,
                    "reason": step.reason,
                }
                for step in one.steps
            ],
            "report": report,
        }

    def step(
        self, person: str, domain: str, step: str, *, outcome: str = "done", reason: str = "", actor: str
    ) -> dict[str, Any]:
        """Record what became of a protocol's step; `acknowledge` takes the protocol on."""
        ref = _somebody(person)
        self._see(actor, ref)
        protocols.step(self._context, ref, domain, step, outcome, actor_of(actor), reason=reason)
        return self.protocol(ref, actor=actor)

    def evidence(self, person: str, need: str, fields: Mapping[str, Any], *, signer: Signer) -> dict[str, Any]:
        """Record typed evidence for a need (its form: `needs`)."""
        ref = _somebody(person)
        protocols.evidence(self._context, ref, need, fields, actor_of(signer.who), Signatures(signer))
        return self.protocol(ref, actor=signer.who)

    def needs(self) -> dict[str, Any]:
        """Return the form of each need's evidence, by need."""
        return {
            need: {
                "title": form.title,
                "medical": form.medical,
                "fields": [
                    {
                        "id": one.id,
                        "text": one.text,
                        "kind": one.kind,
                        "options": list(one.options),
                        "optional": one.optional,
                        "when": list(one.when) if one.when else None,
                    }
                    for one in form.fields
                ],
            }
            for need, form in self._context.policy.evidence.items()
        }

    def assess(
        self, person: str, domain: str, *, level: str, signer: Signer, second: Signer | None = None
    ) -> dict[str, Any]:
        """End a domain's elevated findings by an assessment of this level (low, moderate or high)."""
        ref, actor = _somebody(person), actor_of(signer.who)
        protocols.assess(self._context, ref, domain, level, actor, Signatures(signer, second))
        return self.protocol(ref, actor=signer.who)

    def release(
        self, person: str, domain: str, *, reason: str, signer: Signer, second: Signer | None
    ) -> dict[str, Any]:
        """End a domain's acute hold."""
        ref, actor = _somebody(person), actor_of(signer.who)
        signatures = Signatures(signer, second)
        return self._told(releasing.release(self._context, ref, domain, reason, actor, signatures))

    def raise_acuity(self, person: str, domain: str, *, to: str, reason: str, actor: str) -> dict[str, Any]:
        """Raise a domain by judgement to elevated or acute."""
        ref, who = _somebody(person), actor_of(actor)
        return self._told(releasing.raise_acuity(self._context, ref, domain, to, reason, who))

    def override(
        self,
        person: str,
        items: Sequence[str],
        *,
        reason_code: str,
        rationale: str,
        signer: Signer,
        second: Signer | None,
        purpose: str = "new-plan",
    ) -> dict[str, Any]:
        """Cover named items that were left open on the current screen, once, until the override expires."""
        wanted: Purpose = named(Purpose, purpose, field="purpose")
        asked = releasing.Asked(_somebody(person), tuple(items), reason_code, rationale, wanted)
        granted = releasing.override(self._context, asked, actor_of(signer.who), Signatures(signer, second))
        return {
            "person": asked.person,
            "items": list(asked.items),
            "open": [{"item": item, "stands": stands} for item, stands in granted.stands.items()],
            "expires": instant(granted.expires),
            "sentence": "They are still open: ask as soon as you can. An override says nothing about safety.",
        }

    def _see(self, viewer: str, person: str) -> None:
        """Refuse, on record, whoever may not see a person's holds."""
        if not may_see(viewer, person):
            refusal = Refusal("not-for-proxies", "Only the clinicians who work with this person see this.", "actor")
            refuse(self._context, actor_of(viewer), Kind.TRAIL_VIEWED, refusal, person=person)

    # -- plans

    def close_plan(self, plan: str, *, how: str, reason: str, actor: str) -> dict[str, Any]:
        """Close a plan (completed or revoked), or put a working copy away."""
        troubles = closing.close(self._context, plan, how, reason, actor_of(actor))
        return {"plan": plan, "closed": how, "troubles": list(troubles)}

    def retract_plan(self, plan: str, *, reason: str, signer: Signer, second: Signer | None) -> dict[str, Any]:
        """Mark a plan that was saved to the wrong patient as entered in error."""
        actor, signatures = actor_of(signer.who), Signatures(signer, second)
        troubles = closing.retract(self._context, plan, reason, actor, signatures)
        return {"plan": plan, "retracted": True, "troubles": list(troubles)}

    def _told(self, done: Decided, viewer: str = "") -> dict[str, Any]:
        told = tell(done.decision, self._context.policy, viewer)
        alone = bool(told["person"])
        return {
            **told,
            "paused": list(done.paused) if alone else [],
            "troubles": list(done.troubles) if alone else [],
        }


def _somebody(person: str) -> str:
    return reference(person, "Patient", "RelatedPerson", field="person")


def _setting(shown: protocols.Shown) -> dict[str, str]:
    """Return where the person was at the latest screen: what stay-with and emergency services need."""
    rows = next(iter(shown.answered.screens.values()))
    answers = rows[-1].content["answers"]["answers"] if rows else {}
    return {link.removeprefix("setting."): text for link, text in answers.items() if link.startswith("setting.")}


def _person(one: Person) -> dict[str, Any]:
    return {
        "who": one.ref,
        "name": one.name,
        "licence": one.licence,
        "roles": list(one.roles),
        "medical": one.medical,
        "trainee_of": one.trainee_of,
        "key": one.key,
        "enrolled": instant(one.enrolled),
        "revoked": instant(one.revoked) if one.revoked else None,
    }
