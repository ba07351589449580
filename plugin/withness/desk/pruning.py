"""Pruning: emptying records that are older than the retention, once they are kept elsewhere and two people have signed.

Only records go on which neither the gate nor the verifier rests (`audit.pruned`); their hashes stay, and so do trees,
checkpoints and proofs. Emptying and the record of the act are one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from withness.audit import log
from withness.audit.check import check
from withness.audit.pruned import MAY, PRUNED, Digest, prunable, ranges
from withness.audit.record import Kind, Leaf, Record, damage_of, instant
from withness.audit.worklist import refusal, signed_off
from withness.core.acts import Act
from withness.core.people import Refusal
from withness.desk.acts import broken
from withness.desk.context import Actor, Context
from withness.desk.doubt import refuse_in_doubt
from withness.desk.pruning_export import check_export
from withness.desk.sign_off import Matter, sign_off
from withness.desk.trail_reading import TrailReading, as_they_are, record_look, require_looker
from withness.errors import CannotTell, InvalidInput, TrailDamaged
from withness.signing import Signer
from withness.store import schema
from withness.store.transaction import Transaction

MOST_RANGES: Final = 20_000
"""Runs of records that one act names: what is left waits for the next."""


@dataclass(frozen=True)
class Selection:
    """The records that would go: by kind how many, when the first was recorded ("" for none), and what names them."""

    kinds: Mapping[str, int]
    since: str
    ranges: Sequence[Sequence[int]]
    digest: str
    hashes: frozenset[bytes]
    more: bool

    @property
    def count(self) -> int:
        """How many records it is."""
        return sum(self.kinds.values())

    def as_dict(self) -> dict[str, Any]:
        """Return what is told of it."""
        return {"records": self.count, "kinds": dict(self.kinds), "since": self.since or None, "more": self.more}


def look(context: Context, before: datetime, actor: Actor) -> Selection:
    """Return what pruning would empty; that it was looked at is recorded.

    Raises what `prune` raises of the time, the store and the trail, Refused for a partner or proxy.
    """
    require_looker(actor)
    found = _selected(context, before, looked=True)
    record_look(context.store, actor, context.now(), "prunable", {"records": found.count})
    return found


def prune(
    context: Context, before: datetime, export: Path, signer: Signer, second: Signer | None, actor: Actor
) -> Selection:
    """Empty the records from before `before` that may go and that the NDJSON export at `export` proves.

    `signer` is enrolled as compliance, `second` another enrolled person. Raises InvalidInput for a time inside the
    retention, for an export that does not fit, where nothing may go, and on PostgreSQL; Refused (the attempt is
    recorded), TrailDamaged, CannotTell.
    """
    found = _selected(context, before)
    if not found.count:
        raise InvalidInput("No record from before this may be pruned.", field="--before")
    with context.store.snapshot() as tx:
        kept = check_export(tx, export, found.hashes)
    said = {
        "before": instant(before),
        "count": found.count,
        "export": kept,
        "leaves": found.digest,
        "ranges": found.ranges,
    }

    def fault(tx: Transaction) -> Refusal | None:
        if broken(tx):
            refuse_in_doubt(tx)
            raise _damaged()
        if _digest(tx, found.ranges) != (found.count, found.digest):
            raise CannotTell("The log has moved meanwhile; nothing was pruned.", hint="Try again.")
        return None

    def along(tx: Transaction, act: Act) -> Sequence[Record]:
        if tx.empty(found.ranges) != found.count:
            raise CannotTell("The log has moved meanwhile; nothing was pruned.", hint="Try again.")
        return ()

    matter = Matter(PRUNED, said, of_two=True, plain=said)
    sign_off(context, matter, signer, second, actor=actor, fault=fault, along=along)
    return found


def _selected(context: Context, before: datetime, *, looked: bool = False) -> Selection:
    _require_outside(context, before)
    if context.store.engine != schema.SQLITE:
        said = "Records can be pruned in an SQLite database only: this one is on a PostgreSQL server."
        raise InvalidInput(said, field="WITHNESS_DATABASE_URL", hint="Nothing was pruned, and nothing need be.")
    with context.store.snapshot() as tx:
        if next(check(tx), None) is not None:
            raise _damaged()
        return _select(tx, before, _examined(context, tx), looked=looked)


def _examined(context: Context, tx: Transaction) -> frozenset[str]:
    """Return the items of the worklist that somebody signed off: a refused attempt that nobody examined stays."""
    return frozenset(signed_off(TrailReading(tx, as_they_are, context.now()).records([Kind.TRAIL_SIGNED_OFF])))


def _require_outside(context: Context, before: datetime) -> None:
    """Raise InvalidInput for a time inside the retention."""
    years, now = context.settings.retention_years, context.now().astimezone(UTC)
    try:
        limit = now.replace(year=now.year - years)
    except ValueError:  # the 29th of February
        limit = now.replace(year=now.year - years, day=28)
    if before > limit:
        said = f"--before lies inside the retention of {years} years, which ends with {limit.date()}."
        raise InvalidInput(said, field="--before", hint="The setting is WITHNESS_RETENTION_YEARS.")


def _select(tx: Transaction, before: datetime, examined: frozenset[str], *, looked: bool) -> Selection:
    kinds, seqs, hashes, digest = Counter[str](), list[int](), set[bytes](), Digest()
    since, runs, more = "", 0, False
    for leaf in _may_go(tx, before, looked=looked):
        if leaf.outcome == "refused" and refusal(leaf.seq) not in examined:
            continue
        runs += not seqs or seqs[-1] != leaf.seq - 1
        if runs > MOST_RANGES:
            more = True
            break
        since = min(since or leaf.recorded_at, leaf.recorded_at)
        kinds[leaf.kind] += 1
        seqs.append(leaf.seq)
        hashes.add(leaf.leaf_hash)
        digest.add(leaf)
    return Selection(kinds, since, ranges(seqs), digest.hex(), frozenset(hashes), more)


def _may_go(tx: Transaction, before: datetime, *, looked: bool) -> Iterator[Leaf]:
    """Yield the records that may go: none that begins or ends a segment, and never the newest verification.

    `looked`: a record of the look follows, so what ends the newest segment now does so no longer when somebody prunes.
    """
    heads = sorted(tx.heads(), key=lambda one: one.segment)
    ends = {heads[-1].segment: int(looked)} if heads else {}
    within = [
        (one.first_seq, one.first_seq + one.size - 1 + ends.get(one.segment, 0)) for one in heads if log.sound(tx, one)
    ]
    verified = tx.newest_seq(Kind.TRAIL_VERIFIED)
    for leaf in tx.older(MAY, instant(before)):
        inside = any(first < leaf.seq < last for first, last in within)
        if inside and leaf.seq != verified and prunable(leaf):
            yield leaf


def _digest(tx: Transaction, spans: Sequence[Sequence[int]]) -> tuple[int, str]:
    """Return count and digest of what stands in these runs now, as far as it is sound."""
    found = Digest()
    for first, last in spans:
        for leaf in tx.leaves_between(first, last + 1):
            if damage_of(leaf) is None:
                found.add(leaf)
    return found.count, found.hex()


def _damaged() -> TrailDamaged:
    return TrailDamaged("The audit trail is damaged, so nothing is pruned.", hint="Run: withness audit verify")
