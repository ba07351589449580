"""Acknowledging a restored copy that is older than what was published: two people sign for what is lost.

The record of their act begins a new, sound segment; it says what is gone and what is left, segment by segment:

    {"act":"<uuid>","have":[{"root":"<hex>","segment":0,"size":40}],"lost":[{"root":"<hex>","segment":0,"size":57}],…}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from withness.audit import log
from withness.audit.check import but_for_a_loss
from withness.audit.log import RESTORED
from withness.audit.publishing import lost, state
from withness.audit.record import Kind
from withness.core.acts import ActKind
from withness.core.people import examiner_fault
from withness.desk.acts import LOSS, Signatures, act_at, directory_named, enrolled, refuse, sign_off_fault, write
from withness.desk.context import Actor, Context
from withness.desk.signing import keys_fault
from withness.errors import CannotTell, InvalidInput, TrailDamaged
from withness.signing import Signer
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Loss:
    """What two people acknowledge: by segment, the state that was published and the state that is there."""

    lost: tuple[Mapping[str, Any], ...]
    have: tuple[Mapping[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as a JSON-ready mapping."""
        return {"lost": list(self.lost), "have": list(self.have)}


def acknowledge(context: Context, signer: Signer, second: Signer | None, actor: Actor) -> Loss:
    """Begin a sound segment with the record that `signer` (compliance) and `second` acknowledge what is lost.

    Raises InvalidInput where nothing published is missing, Refused (the attempt is recorded), TrailDamaged where the
    copy is damaged by itself: that is never acknowledged, CannotTell.
    """
    signatures = Signatures(signer, second)
    with context.store.transaction() as tx:
        _require_sound(tx)
        people, loss = enrolled(tx), loss_of(context, tx)
        wrong = examiner_fault(people, signatures.by, signatures.also) or keys_fault(people, signatures)
    if wrong:
        refuse(context, actor, Kind.TRAIL_SIGNED_OFF, wrong, person=signatures.by, second=signatures.also)
    body = {**loss.as_dict(), "what": RESTORED, "of_two": True}
    act = act_at(context.now(), context, ActKind.SIGNED_OFF, signer.who, body, signatures)

    def work(tx: Transaction) -> None:
        _require_sound(tx)
        if loss_of(context, tx) != loss:
            raise CannotTell("The log has moved meanwhile; nothing was signed.", hint="Try again.")
        made = write(tx, context, actor, act, signatures)
        said = replace(made, outcome=RESTORED, details={**made.details, **loss.as_dict()})
        log.append(tx, [said], at=act.at, fresh_segment=True)

    context.commit(work, lambda tx: tx.act(act.id) is not None)
    return loss


def loss_of(context: Context, tx: Transaction) -> Loss:
    """Return what was published and is not there. Raises InvalidInput where nothing is missing, CannotTell."""
    publisher = context.store.publisher
    if publisher is None:
        raise CannotTell("The log key is not at hand.", field="WITHNESS_KEY_FILE")
    try:
        gone = lost(tx, publisher.folder, tx.facts()["data_id"])
    except (OSError, ValueError):
        raise CannotTell("The published checkpoints cannot be read.", field="WITHNESS_CHECKPOINT_FOLDER") from None
    if not gone:
        raise InvalidInput("Nothing that was published is missing: there is nothing to acknowledge.", field="--home")
    heads = {one.segment: one for one in tx.heads()}
    have = ((one, heads[one].size, heads[one].root) if one in heads else (one, 0, b"") for one in gone)
    return Loss(
        tuple(state(number, one.size, one.root) for number, one in gone.items()),
        tuple(state(*one) for one in have),
    )


def _require_sound(tx: Transaction) -> None:
    """Raise TrailDamaged where the copy has another damage than being older than what was published."""
    if but_for_a_loss(tx) or not directory_named(tx):
        said = "The trail of this copy is damaged by itself, which nobody can acknowledge."
        raise TrailDamaged(said, hint="Run: withness audit verify, and go on with a backup that verifies.")


def restored_fault(tx: Transaction, details: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a record that acknowledges a restored copy (see `sign_off_fault`)."""
    return sign_off_fault(tx, details, RESTORED, LOSS, said="acknowledgement")
