"""Pruning old records: which may go, what stays of them, and what two people must have signed for it to be no damage.

Of a pruned record the number, segment, leaf hash, time, kind and form stay, so that trees, heads, tiles and every proof
stay as they are. The record of the signed act (`trail.signed-off`, outcome "pruned") says which they were:

    {"act":"<uuid>","before":"<instant>","count":3,"export":"<sha-256>","leaves":"<sha-256>","ranges":[[4,5],[9,9]],…}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Any, Final, Protocol

from withness.audit.merkle import HASH_BYTES
from withness.audit.record import Kind, Leaf, canonical, damage_of
from withness.audit.written import as_written

LEAST_YEARS: Final = 6
"""No record is pruned before it is so old (45 CFR 164.316(b)(2)(i)); a site may keep them longer."""

PRUNED: Final = "pruned"
"""What an act that prunes signs off, and the outcome of its record."""

_REFUSED: Final = (
    Kind.TRAIL_VIEWED,
    Kind.TRAIL_SIGNED_OFF,
    Kind.NOTE_SAVED,
    Kind.PROTOCOL_STEP,
    Kind.PROTOCOL_RELEASED,
    Kind.ASSESSMENT_RECORDED,
    Kind.SCREEN_RETRACTED,
    Kind.PLAN_RETRACTED,
    Kind.OVERRIDE_REFUSED,
)
_EXPORTS: Final = ("ndjson", "csv", "fhir", "proof")

MAY: Final = frozenset(one.value for one in (*_REFUSED, Kind.TRAIL_EXPORTED, Kind.TRAIL_VERIFIED))
"""The kinds of which some records may be pruned (`prunable` says which)."""

NOBODY: Final = "its bytes are gone and nobody signed for it"

_BLANK: Final[Mapping[str, Any]] = {
    "body": b"",
    "actor": "",
    "second_actor": None,
    "patient": None,
    "outcome": None,
    "reason_code": None,
    "policy_hash": None,
    "request_id": None,
}


class Pruned(Protocol):
    """What settling what was pruned asks of a log (see `audit.log.Log`)."""

    def leaves_of(self, kind: Kind) -> tuple[Leaf, ...]: ...
    def emptied(self, first: int = 0) -> Iterator[Leaf]: ...


def prunable(leaf: Leaf) -> bool:
    """Whether neither the gate nor the verifier rests on what a sound record says.

    The newest verification, and the first and last record of a segment, stay all the same: whoever prunes sees to it.
    """
    value = json.loads(leaf.body)
    details = value["details"]
    if leaf.kind not in MAY or "act" in details or "after_break" in details or value["clock"] != "ok":
        return False
    if leaf.kind == Kind.TRAIL_EXPORTED:
        return leaf.outcome in _EXPORTS
    if leaf.kind in (Kind.TRAIL_VERIFIED, Kind.TRAIL_VIEWED):
        return True
    return leaf.outcome == "refused" and not details


def emptied(leaf: Leaf) -> Leaf:
    """Return what stays of a record."""
    return replace(leaf, **_BLANK)


def ranges(seqs: Iterable[int]) -> list[list[int]]:
    """Return ascending sequence numbers as first and last of each run."""
    found: list[list[int]] = []
    for seq in seqs:
        if found and found[-1][1] == seq - 1:
            found[-1][1] = seq
        else:
            found.append([seq, seq])
    return found


class Digest:
    """Counts records, and takes what stays of each into one SHA-256: its hash, place, time, kind and form."""

    def __init__(self) -> None:
        self.count = 0
        self._digest = hashlib.sha256()

    def add(self, leaf: Leaf) -> None:
        """Take in the next record."""
        self.count += 1
        stays = [leaf.seq, leaf.segment, leaf.leaf_hash.hex(), leaf.recorded_at, leaf.kind, leaf.v]
        self._digest.update(canonical(stays) + b"\n")

    def hex(self) -> str:
        """Return the digest in hex."""
        return self._digest.hexdigest()


def row_damage(row: tuple[Any, ...]) -> str | None:
    """Return what is wrong with a row without bytes on its own (the fields of a `Leaf` in their order)."""
    leaf = Leaf(*row)
    if leaf.kind not in MAY:
        return "its bytes are gone, and a record of its kind is never pruned"
    if any(getattr(leaf, name) != blank for name, blank in _BLANK.items()):
        return "its bytes are gone, and its columns are not"
    stays = (leaf.segment, leaf.v, leaf.recorded_at, leaf.leaf_hash)
    if tuple(map(type, stays)) != (int, int, str, bytes) or len(leaf.leaf_hash) != HASH_BYTES:
        return "what is left of it is not what stays of a pruned record"
    return None


def stored_damage(leaf: Leaf) -> str | None:
    """Return what is wrong with a stored record on its own, pruned or not: its bytes, its hash and its columns."""
    row = _ROW(leaf)
    if as_written(row):
        return None
    return row_damage(row) if type(leaf.body) is bytes and not leaf.body else damage_of(leaf)


_ROW: Final = attrgetter(*(one.name for one in fields(Leaf)))


@dataclass
class _Act:
    """One record of pruning: its number, what it says, and what is found of that."""

    seq: int
    at: str
    details: Mapping[str, Any]
    found: Digest = field(default_factory=Digest)


def settle(log: Pruned, start: int = 0) -> Iterator[tuple[str, int]]:
    """Yield what is wrong, and with which record, as far as records without bytes and those who signed for it go.

    Records before `start` are looked at only where somebody pruned.
    """
    acts = list[_Act]()
    named = list[tuple[int, int, _Act]]()
    for leaf in log.leaves_of(Kind.TRAIL_SIGNED_OFF):
        if leaf.outcome != PRUNED or damage_of(leaf) is not None:
            continue
        act = _Act(leaf.seq, leaf.recorded_at, json.loads(leaf.body)["details"])
        try:
            spans = _spans(act)
        except ValueError:
            yield "its details are not what such a record holds", leaf.seq
            continue
        acts.append(act)
        named.extend((first, last, act) for first, last in spans)
    named.sort(key=lambda one: one[:2])
    yield from _held_against(named, log.emptied(0 if acts else start))
    for act in acts:
        if (act.found.count, act.found.hex()) != (act.details["count"], act.details["leaves"]):
            yield "what it pruned is not what was signed for", act.seq
        if _too_young(act):
            yield f"it pruned what was not {LEAST_YEARS} years old", act.seq


def _spans(act: _Act) -> list[tuple[int, int]]:
    """Return first and last of each run that an act names. Raises ValueError unless they ascend and lie before it."""
    details = act.details
    wanted = {"count": int, "leaves": str, "before": str}
    if any(type(details.get(name)) is not kind for name, kind in wanted.items()):
        raise ValueError("no count, no digest or no time")
    spans, before = [], -1
    said = details.get("ranges")
    for one in said if isinstance(said, list) else [None]:
        if not isinstance(one, list) or len(one) != 2 or any(type(number) is not int for number in one):
            raise ValueError("no range")
        first, last = one
        if not before < first <= last < act.seq:
            raise ValueError("out of order")
        spans.append((first, last))
        before = last
    return spans


def _too_young(act: _Act) -> bool:
    """Whether an act names a time that was not six years ago when it was signed, whatever the site's retention."""
    year = f"{int(act.at[:4]) - LEAST_YEARS:04d}"
    return str(act.details["before"]) > year + act.at[4:]


def _held_against(named: list[tuple[int, int, _Act]], rows: Iterator[Leaf]) -> Iterator[tuple[str, int]]:
    """Hold the records without bytes against the runs that were signed for, each in ascending order."""
    place = 0
    for leaf in rows:
        while place < len(named) and named[place][1] < leaf.seq:
            place += 1
        if row_damage(tuple(vars(leaf).values())) is not None:
            continue  # named where the rows are looked at
        if place < len(named) and named[place][0] <= leaf.seq and leaf.recorded_at < named[place][2].details["before"]:
            named[place][2].found.add(leaf)
        else:
            yield NOBODY, leaf.seq
