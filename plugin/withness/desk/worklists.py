"""The worklist of compliance: looked at on record, and signed off by somebody enrolled as compliance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from withness.audit import log
from withness.audit.misread import misread
from withness.audit.record import Kind, instant
from withness.audit.report_signed import WHAT
from withness.audit.seen import Naming
from withness.audit.worklist import (
    FINDING,
    Found,
    Item,
    examined,
    history,
    items,
    of_period,
    open_items,
    own,
    signed_off,
)
from withness.core.acts import Act, ActKind
from withness.core.people import Refusal
from withness.desk.context import Actor, Context
from withness.desk.doubt import in_doubt
from withness.desk.sign_off import Matter, sign_off
from withness.desk.sweep_findings import SAID
from withness.desk.trail_reading import TrailReading, as_they_are, looking, pseudonyms, record_look, require_looker
from withness.errors import InvalidInput
from withness.signing import Signer
from withness.store.sql import Store
from withness.store.transaction import Transaction

_WORKED: Final = tuple(dict.fromkeys(Kind(kind) for kind, _ in WHAT))
_SHORTEST_NOTE: Final = 3
"""Characters: what was examined is said in words."""


def worklist(store: Store, actor: Actor, at: datetime, *, everything: bool = False) -> tuple[Item, ...]:
    """Return what is not signed off, people under pseudonyms, and record that somebody looked.

    With `everything` what is signed off too: when and by whom, and not what they noted.
    Raises Refused for a partner or proxy, CannotTell.
    """
    require_looker(actor)
    with looking(store) as tx:
        found = tuple(_unsealed(one) for one in _listed(tx, pseudonyms(tx), at, everything=everything))
    record_look(store, actor, at, "worklist", {"items": len(found)})
    return found


def signed_worklist(context: Context, actor: Actor, signer: Signer, *, everything: bool = False) -> tuple[Item, ...]:
    """Return the worklist with people by reference; that it was seen so is an act, signed by somebody in compliance.

    With `everything` what is signed off too, with what the examiners noted. Raises what `sign_off` raises.
    """
    body = {"names": True, "everything": everything}
    sign_off(context, Matter("worklist", body, plain=body, kind=Kind.TRAIL_VIEWED), signer, actor=actor)
    with looking(context.store) as tx:
        return _listed(tx, as_they_are, context.now(), everything=everything, words=True)


def _unsealed(one: Item) -> Item:
    """Leave out who answers for a protocol: that is sealed with it."""
    return replace(one, who="") if one.kind == "acute" else one


def _listed(
    tx: Transaction, naming: Naming, now: datetime, *, everything: bool, words: bool = False
) -> tuple[Item, ...]:
    if not everything:
        return _open(tx, naming, now)
    reading = TrailReading(tx, naming, now, misread=misread(tx))
    acts = {one.id: one for one in reading.acts([ActKind.SIGNED_OFF])} if words else {}
    return history(_everything(reading), examined(reading.records([Kind.TRAIL_SIGNED_OFF]), acts))


def _open(tx: Transaction, naming: Naming, now: datetime) -> tuple[Item, ...]:
    reading = TrailReading(tx, naming, now, misread=misread(tx))
    done = signed_off(reading.records([Kind.TRAIL_SIGNED_OFF]))
    return open_items(_everything(reading), done, now)


def _everything(reading: TrailReading) -> tuple[Item, ...]:
    return items(
        Found(
            signed=reading.records(_WORKED),
            refused=reading.refused(),
            changes=reading.records([Kind.POLICY_CHANGED]),
            log_keys=reading.records([Kind.KEY_ROTATED]),
            restored=reading.records([Kind.TRAIL_SIGNED_OFF]),
            enrolments=reading.records([Kind.ACTOR_CHANGED], outcome=ActKind.ENROLLED.value),
            findings=reading.records([Kind.SWEEP_FINDING]),
            said={what.value: said for what, said in SAID.items()},
            episodes=reading.episodes,
            plans=reading.plans,
            clock=reading.clock,
            breaks=reading.breaks,
            damage=log.damage(reading.tx) or "",
            doubt=in_doubt(reading.tx),
            now=reading.now,
            damages=reading.misread.damages,
        )
    )


def sign_items(context: Context, ids: Sequence[str], note: str, signer: Signer, actor: Actor) -> Act:
    """Sign off items of the worklist that `signer` has examined; they leave it.

    Raises InvalidInput for an id that is not on the worklist or an empty note, Refused for what the signer did
    themself and for somebody who may not (the attempt is recorded), CannotTell.
    """
    if not ids:
        raise InvalidInput("Name the items that you sign off.", field="ITEM", hint=_LIST)
    with looking(context.store) as tx:
        listed = {one.id: one for one in _open(tx, as_they_are, context.now())}
    for id in ids:
        if id not in listed:
            raise InvalidInput(f"{id} is not on the worklist.", field="ITEM", hint=_LIST)
    return _sign(context, "item", [listed[id] for id in dict.fromkeys(ids)], {}, note, signer, actor)


def sign_period(
    context: Context, since: datetime, until: datetime, note: str, signer: Signer, actor: Actor
) -> tuple[Act, int]:
    """Sign off every item of the worklist that began from `since` until before `until`; return the act and how many.

    Raises what `sign_items` raises, InvalidInput for a period that is not over.
    """
    if until > context.now():
        raise InvalidInput("A period is signed off when it is over.", field="--period")
    with looking(context.store) as tx:
        found = of_period(_open(tx, as_they_are, context.now()), since, until)
    body = {"from": instant(since), "to": instant(until)}
    return _sign(context, "period", found, body, note, signer, actor), len(found)


_LIST: Final = "See: withness audit worklist"


def _sign(
    context: Context,
    what: str,
    some: Sequence[Item],
    about: dict[str, Any],
    note: str,
    signer: Signer,
    actor: Actor,
) -> Act:
    if len(note.strip()) < _SHORTEST_NOTE:
        said = f"note must say what you examined and what came of it, in {_SHORTEST_NOTE} characters or more."
        raise InvalidInput(said, field="note")
    plain = {**about, "items": [one.id for one in some]}
    findings = [one.id.removeprefix(FINDING) for one in some if one.kind == "finding"]

    def fault(tx: Transaction) -> Refusal | None:
        mine = own(some, signer.who)
        if mine:
            said = f"Nobody signs off what they did themselves, here {', '.join(mine[:5])}: ask somebody else."
            return Refusal("own-work", said, "actor")
        done = signed_off(TrailReading(tx, as_they_are, context.now()).records([Kind.TRAIL_SIGNED_OFF]))
        if any(one.id in done and not one.going_on for one in some):
            return Refusal("signed-off", "Somebody else has signed this off a moment ago.", "ITEM")
        return None

    matter = Matter(what, {**plain, "findings": findings, "note": note}, plain=plain)
    return sign_off(context, matter, signer, actor=actor, fault=fault)
