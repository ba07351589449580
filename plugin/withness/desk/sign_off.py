"""Signing off: what people in compliance have examined, or, two together, allow; each is an act under their own keys.

How it is used, by whatever wants such a signature (a worklist item, a period, a baseline, pruning):

    act = sign_off(context, Matter("pruning", {"before": "2019-01-01"}, of_two=True), signer, second, actor=actor)

`along` does what the signature allows in the same transaction, and returns the records of that; `fault` is asked
before anything is signed, and once more under the lock, where the act is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from withness.audit.record import Kind, Record
from withness.core.acts import Act, ActKind
from withness.core.people import Refusal, examiner_fault
from withness.desk.acts import Signatures, act_at, directory_named, enrolled, refuse, write
from withness.desk.context import Actor, Context
from withness.desk.signing import keys_fault
from withness.errors import InvalidInput, TrailDamaged
from withness.signing import Signer
from withness.store.transaction import Transaction

Fault = Callable[[Transaction], Refusal | None]
Along = Callable[[Transaction, Act], Sequence[Record]]


@dataclass(frozen=True)
class Matter:
    """What is signed off: `what` is its one word, `body` JSON values that are sealed with the act.

    `of_two`: a second enrolled person signs too. `plain` are ids and counts that the record itself holds, readable
    without the data key; `kind` is the record's.
    """

    what: str
    body: Mapping[str, Any] = field(default_factory=dict)
    of_two: bool = False
    plain: Mapping[str, Any] = field(default_factory=dict)
    kind: Kind = Kind.TRAIL_SIGNED_OFF


def sign_off(
    context: Context,
    matter: Matter,
    signer: Signer,
    second: Signer | None = None,
    *,
    actor: Actor,
    fault: Fault | None = None,
    along: Along | None = None,
) -> Act:
    """Record that `signer` (enrolled as compliance), and `second` where two are needed, sign `matter` off.

    Raises Refused for somebody who may not, or for what `fault` returns (the attempt is recorded), TrailDamaged
    when the enrolments are not those that the trail names, InvalidInput for a second signer where one is enough,
    CannotTell.
    """
    if second is not None and not matter.of_two:
        raise InvalidInput("This is signed by one person.", field="second", hint="Leave the second signer out.")
    signatures = Signatures(signer, second)
    with context.store.transaction() as tx:
        wrong = _fault(tx, matter, signatures) or (fault(tx) if fault else None)
    if wrong:
        _refuse(context, actor, matter, wrong, signatures)
    body = {**matter.body, "what": matter.what, "of_two": matter.of_two}
    act = act_at(context.now(), context, ActKind.SIGNED_OFF, signer.who, body, signatures)

    def work(tx: Transaction) -> Refusal | None:
        again = _fault(tx, matter, signatures) or (fault(tx) if fault else None)
        if again:
            return again
        made = write(tx, context, actor, act, signatures)
        details = {**made.details, **matter.plain}
        said = replace(made, kind=matter.kind, outcome=matter.what, details=details)
        context.record(tx, actor, act.at, said, *(along(tx, act) if along else ()))
        return None

    late = context.commit(work, lambda tx: tx.act(act.id) is not None)
    if late:
        _refuse(context, actor, matter, late, signatures)
    return act


def _fault(tx: Transaction, matter: Matter, signatures: Signatures) -> Refusal | None:
    if not directory_named(tx):
        said = "The audit trail is damaged: who is enrolled is not what it says, so nobody can sign this off."
        raise TrailDamaged(said, hint="Run: withness audit verify")
    people = enrolled(tx)
    second = signatures.also if matter.of_two else None
    return examiner_fault(people, signatures.by, second) or keys_fault(people, signatures)


def _refuse(context: Context, actor: Actor, matter: Matter, wrong: Refusal, signatures: Signatures) -> None:
    refuse(context, actor, matter.kind, wrong, person=signatures.by, second=signatures.also)
