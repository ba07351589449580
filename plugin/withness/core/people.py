"""Enrolled people, and who may sign what (contracts: exit codes; policy: second_signer)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from withness.core.acts import Act, ActKind, Acts
from withness.core.risk import RiskPolicy

ROLES: Final = ("clinician", "supervisor", "consultant", "compliance", "policy-owner")
CLINICAL: Final = ("clinician", "supervisor", "consultant")
VOUCHING: Final = ("compliance",)
"""Who may enrol and revoke others: never somebody whose signature lets a plan through."""


@dataclass(frozen=True)
class Person:
    """One enrolled person; `key` is their public key in hex, `medical` whether they may clear medically.

    `trainee_of` names the supervisor of a trainee ("" for everybody else), `revoked` when their enrolment ended.
    """

    ref: str
    name: str
    licence: str
    roles: tuple[str, ...]
    key: str
    medical: bool
    trainee_of: str
    enrolled: datetime
    revoked: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether the enrolment stands."""
        return self.revoked is None


People = Mapping[str, Person]


def people_of(acts: Acts, before: People | None = None) -> dict[str, Person]:
    """Return everybody who was ever enrolled, as their latest enrolment or revocation leaves them.

    `before` are those whom earlier acts enrolled.
    """
    found = dict(before or {})
    for act in acts:
        if act.kind is ActKind.ENROLLED:
            body = act.body
            found[act.person] = Person(
                ref=act.person,
                name=body["name"],
                licence=body["licence"],
                roles=tuple(body["roles"]),
                key=body["key"],
                medical=body["medical"],
                trainee_of=body["trainee_of"],
                enrolled=act.at,
            )
        elif act.kind is ActKind.REVOKED and act.person in found:
            was = found[act.person]
            found[act.person] = Person(**{**vars(was), "revoked": act.at})
    return found


@dataclass(frozen=True)
class Refusal:
    """Why an act is refused: a code for the record, one sentence for the person, the field it is about."""

    code: str
    sentence: str
    field: str


def clinician_fault(people: People, who: str) -> Refusal | None:
    """Return why `who` may not sign as the clinician, None when they may."""
    return _enrolled(people, who, field="actor") or _has(people[who], CLINICAL)


def _enrolled(people: People, who: str, *, field: str) -> Refusal | None:
    person = people.get(who)
    if person is None:
        return Refusal("not-enrolled", f"{who or 'Nobody'} is not enrolled here, so cannot sign this.", field)
    if not person.active:
        return Refusal("revoked", f"The enrolment of {who} was revoked.", field)
    return None


def _has(person: Person, roles: tuple[str, ...]) -> Refusal | None:
    if set(person.roles).isdisjoint(roles):
        return Refusal("role", f"{person.ref} is enrolled without a clinical role, so cannot sign this.", "actor")
    return None


def second_fault(
    policy: RiskPolicy, people: People, first: str, second: str, authors: Collection[str]
) -> Refusal | None:
    """Return why `second` may not be the second signer beside `first`, None when they may.

    `authors` made the plan, the screen or the evidence that the signature is about.
    """
    return next(_second_faults(policy, people, first, second, authors), None)


def _second_faults(
    policy: RiskPolicy, people: People, first: str, second: str, authors: Collection[str]
) -> Iterator[Refusal]:
    if not second:
        yield Refusal("no-second-signer", "This needs a second signer: --second and their key.", "second")
    if second == first:
        yield Refusal("same-person", "The same person cannot sign twice: two signers are two people.", "second")
    wrong = _enrolled(people, second, field="second")
    if wrong:
        yield wrong
        return
    person = people[second]
    if first in people and people[first].key == person.key:
        yield Refusal("same-key", "Both signatures come from one key: two signers have two keys.", "second")
    if "compliance" in person.roles:
        yield Refusal("compliance", "Somebody in compliance is never the second signer.", "second")
    named = "consultant" in person.roles and second in policy.consultants
    if "supervisor" not in person.roles and not named:
        said = "The second signer must be a supervisor, or the consultant that the policy names."
        yield Refusal("not-second-signer", said, "second")
    if second in authors:
        said = "The second signer made the plan, the screen or the evidence that this is about: ask somebody else."
        yield Refusal("own-work", said, "second")


def vouching_fault(people: People, who: str) -> Refusal | None:
    """Return why `who` may not enrol or revoke others, None when they may."""
    wrong = _enrolled(people, who, field="by")
    if wrong:
        return wrong
    if set(people[who].roles).isdisjoint(VOUCHING):
        said = f"Only somebody enrolled as {' or '.join(VOUCHING)} enrols and revokes others."
        return Refusal("not-vouching", said, "by")
    return None


def examiner_fault(people: People, who: str, second: str | None = None) -> Refusal | None:
    """Return why `who` may not sign off what compliance examines, None when they may.

    `second` is another enrolled person where two are needed ("" when nobody was named), None where one is enough.
    """
    wrong = _enrolled(people, who, field="actor")
    if wrong:
        return wrong
    if set(people[who].roles).isdisjoint(VOUCHING):
        return Refusal("not-compliance", f"Only somebody enrolled as {' or '.join(VOUCHING)} signs this off.", "actor")
    return None if second is None else _companion_fault(people, who, second)


def _companion_fault(people: People, who: str, second: str) -> Refusal | None:
    if not second:
        return Refusal("no-second-signer", "This needs a second signer: --second and their key.", "second")
    if second == who:
        said = "The same person cannot sign twice: two signers are two people."
        return Refusal("same-person", said, "second")
    wrong = _enrolled(people, second, field="second")
    if wrong is None and people[second].key == people[who].key:
        return Refusal("same-key", "Both signatures come from one key: two signers have two keys.", "second")
    return wrong


_CLINICAL_ACTS: Final = (
    ActKind.EVIDENCE,
    ActKind.ASSESSED,
    ActKind.RELEASED,
    ActKind.ENTRY_ERROR,
    ActKind.RETRACTED,
    ActKind.OVERRIDE,
    ActKind.COSIGNED,
    ActKind.PLAN_RETRACTED,
)
"""Acts that a clinician signs."""
_OF_TWO: Final = (
    ActKind.RELEASED,
    ActKind.ENTRY_ERROR,
    ActKind.RETRACTED,
    ActKind.OVERRIDE,
    ActKind.PLAN_RETRACTED,
)
"""Acts that two people sign; an assessment of more than low risk is another."""


def standing_fault(act: Act, people: People) -> str | None:
    """Return why a recorded act does not stand, by who signed it and who they were at that time; None when it does.

    `people` are those enrolled before it. Whether it was right to do it is not asked again here.
    """
    if act.kind is ActKind.SIGNED_OFF:
        fault = examiner_fault(people, act.by, act.second if act.body["of_two"] else None)
        return fault.code if fault else None
    return next(_standing_faults(act, people), None) if act.kind in _CLINICAL_ACTS else None


def _standing_faults(act: Act, people: People) -> Iterator[str]:
    first = clinician_fault(people, act.by)
    if first is not None:
        yield first.code
    if act.kind not in _OF_TWO and not (act.kind is ActKind.ASSESSED and act.body["level"] != "low"):
        return
    second = _enrolled(people, act.second, field="second")
    if act.second == act.by or second is not None:
        yield "same-person" if second is None else second.code
        return
    roles = people[act.second].roles
    if "compliance" in roles or set(roles).isdisjoint(("supervisor", "consultant")):
        yield "not-second-signer"
    if act.by in people and people[act.second].key == people[act.by].key:
        yield "same-key"
