"""The compliance desk, first form: looking at the trail, which is itself recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from withness.audit.pruned import stored_damage
from withness.audit.record import Kind, Leaf
from withness.audit.report_signed import words_of
from withness.audit.seen import UNREADABLE, Naming, details_of
from withness.core.acts import Act
from withness.core.terms import reference
from withness.desk.context import Actor, Context
from withness.desk.sign_off import Matter, sign_off
from withness.desk.trail_reading import (
    SAYING,
    TrailReading,
    as_they_are,
    looking,
    pseudonyms,
    record_look,
    require_looker,
)
from withness.errors import InvalidInput
from withness.signing import Signer
from withness.store.sql import Store


@dataclass(frozen=True)
class Shown:
    """One record as it is shown: people as the reader may see them, `words` what was written, where that is told.

    `damage` says where its columns, which are shown, do not say what its bytes say.
    """

    seq: int
    at: str
    kind: str
    outcome: str | None
    reason: str | None
    patient: str | None
    actor: str
    second_actor: str | None
    leaf_hash: str
    pruned: bool
    damage: str | None = None
    words: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return asdict(self)


def show(store: Store, actor: Actor, at: datetime, *, patient: str | None = None, limit: int = 50) -> tuple[Shown, ...]:
    """Return the newest `limit` records, oldest first, people under pseudonyms, and record the viewing.

    Raises Refused for somebody who may not see reasons (a partner or proxy), InvalidInput for the records of one
    `patient`: beside their name the pseudonym would be none; CannotTell.
    """
    require_looker(actor, patient or "")
    if patient is not None:
        said = "--patient names somebody, so somebody enrolled as compliance signs for it with their key."
        raise InvalidInput(said, field="--patient", hint="Add --actor Practitioner/ID --key FILE.")
    with looking(store) as tx:
        naming, leaves = pseudonyms(tx), tx.newest_leaves(limit)
        found = tuple(_shown(one, naming) for one in leaves)
    record_look(store, actor, at, "shown", {"records": len(found)})
    return found


def signed_show(
    context: Context, actor: Actor, signer: Signer, *, patient: str | None = None, limit: int = 50
) -> tuple[Shown, ...]:
    """Return the same with people by reference and what they wrote; an act, signed by somebody in compliance.

    Raises what `sign_off` raises, InvalidInput for a `patient` that is no reference.
    """
    of = reference(patient, "Patient", "RelatedPerson", field="--patient") if patient is not None else None
    body = {"names": True, "of": of, "limit": limit}
    sign_off(context, Matter("shown", body, plain=body, kind=Kind.TRAIL_VIEWED), signer, actor=actor)
    with looking(context.store) as tx:
        acts = {one.id: one for one in TrailReading(tx, as_they_are, context.now()).acts(SAYING)}
        return tuple(_shown(one, as_they_are, _words(acts)) for one in tx.newest_leaves(limit, of))


_TEXTS: Final = ("recorded_at", "kind", "outcome", "reason_code", "patient", "actor", "second_actor")


def _text(value: object) -> str | None:
    """Return a stored text, whatever its column holds."""
    return value if isinstance(value, str) or value is None else UNREADABLE


def _words(acts: Mapping[str, Act]) -> Callable[[Leaf], str]:
    return lambda leaf: words_of(acts.get(str(details_of(leaf.body).get("act"))))


def _shown(stored: Leaf, naming: Naming, words: Callable[[Leaf], str] = lambda _: "") -> Shown:
    texts: dict[str, Any] = {name: _text(getattr(stored, name)) for name in _TEXTS}
    leaf = replace(stored, **texts)
    return Shown(
        seq=leaf.seq,
        at=leaf.recorded_at,
        kind=leaf.kind,
        outcome=leaf.outcome,
        reason=leaf.reason_code,
        patient=naming(leaf.patient) if leaf.patient else None,
        actor=naming(leaf.actor) if leaf.actor else "",
        second_actor=naming(leaf.second_actor) if leaf.second_actor else None,
        leaf_hash=leaf.leaf_hash.hex() if isinstance(leaf.leaf_hash, bytes) else UNREADABLE,
        pruned=not leaf.body,
        damage=stored_damage(stored),
        words=words(leaf) or None,
    )
