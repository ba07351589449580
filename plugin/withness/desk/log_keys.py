"""The keys that signed the log's checkpoints: the first is a fact of the data directory, each next one is on record.

A rotation's record holds both keys and both signatures over one statement:

    {"at":"2026-11-22T09:00:00.000000Z","directory":"<uuid>","new":"<vkey>","old":"<vkey>","v":1}
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from withness.audit import log
from withness.audit.checkpoint import read_vkey
from withness.audit.log_key import LogKey
from withness.audit.publishing import FIRST
from withness.audit.record import Kind, Leaf, Record, canonical, details_of, instant
from withness.desk.context import Actor
from withness.errors import CannotTell, KeyMissing
from withness.store.sql import Store
from withness.store.transaction import Transaction

LOG_KEY: Final = "log_key"
"""The fact of a data directory that names its first log key."""

ROTATED, LOST, FOLDER = "rotated", "lost", "folder"
"""Outcomes of key.rotated beside the first: a key that the old one signed, one that took the place of a key that nobody
has any more; and that this directory publishes into its folder from here on, whatever lay there before."""


def vkeys(tx: Transaction) -> tuple[str, ...]:
    """Return every log key of this directory in the order in which they came; the last is the present one."""
    first = tx.facts().get(LOG_KEY)
    later = (str(details_of(leaf).get("new", "")) for leaf in tx.leaves_of(Kind.KEY_ROTATED))
    return tuple(one for one in (first, *later) if one)


def require_log_key(store: Store, actor: Actor, at: datetime) -> None:
    """Put an older directory's first log key on record; one that the trail does not know is as good as missing."""
    if store.publisher is None or store.publisher.keyless:
        return
    key = store.publisher.key
    with store.transaction() as tx:
        known = vkeys(tx)
        if not known and tx.head() is not None:
            log.append(tx, [_record(actor, FIRST, {"new": key.vkey})], at=at)
        require_named(store, tx)


def require_named(store: Store, tx: Transaction) -> None:
    """Count a log key that the trail does not name as missing: nothing is signed with it."""
    if store.publisher is None or store.publisher.keyless:
        return
    known = vkeys(tx)
    if known and known[-1] != store.publisher.key.vkey:
        said = "The log key is not the one that the trail names."
        hint = (
            "Put the log key back from its backup; an older copy is restored once more into a new directory, with "
            "--keys FILE. Where that key is lost: withness key rotate --lost"
        )
        store.publisher.lose(KeyMissing(said, field="WITHNESS_KEY_FILE", hint=hint))


def record_take_over(tx: Transaction, actor: Actor, at: datetime) -> None:
    """Put on record that this directory publishes into its folder from here on."""
    log.append(tx, [_record(actor, FOLDER, {})], at=at)


def rotate(store: Store, new: LogKey, actor: Actor, at: datetime, *, lost: bool = False) -> None:
    """Put a new log key on record, signed by it and, unless the old one is lost, by the old one.

    Raises CannotTell where the present key is not at hand and `lost` does not say so.
    """
    with store.transaction() as tx:
        known = vkeys(tx)
        old = store.publisher.key if store.publisher and not store.publisher.keyless else None
        if not lost and (old is None or not known or known[-1] != old.vkey):
            raise CannotTell("The present log key is not at hand.", hint="Where it is lost: withness key rotate --lost")
        said = statement(tx.facts().get("data_id", ""), known[-1] if known else "", new.vkey, at)
        signed = {"new_signature": new.sign_bytes(said)}
        if old is not None and not lost:
            signed["old_signature"] = old.sign_bytes(said)
        details = {"old": known[-1] if known else "", "new": new.vkey, "signed_at": instant(at), **signed}
        log.append(tx, [_record(actor, LOST if lost else ROTATED, details)], at=at)


def statement(directory: str, old: str, new: str, at: datetime | str) -> bytes:
    """Return what both keys sign."""
    when = at if isinstance(at, str) else instant(at)
    return canonical({"v": 1, "directory": directory, "old": old, "new": new, "at": when})


def rotation_fault(leaf: Leaf, directory: str, before: str) -> str | None:
    """Return what is wrong with a rotation's record, None when its signatures fit. `before` is the key until then."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    said = details_of(leaf)
    if leaf.outcome == FOLDER:
        return "it names another log key" if "new" in said else None
    if leaf.outcome == FIRST:
        return None if not before else "a first log key is named where there was one"
    if said.get("old") != before:
        return "the log key that it replaces is not the one until then"
    signed = statement(directory, before, str(said.get("new")), str(said.get("signed_at")))
    wanted = {"new_signature": said.get("new")} | ({} if leaf.outcome == LOST else {"old_signature": before})
    for name, vkey in wanted.items():
        try:
            key = Ed25519PublicKey.from_public_bytes(read_vkey(str(vkey)).public)
            key.verify(bytes.fromhex(str(said.get(name))), signed)
        except (InvalidSignature, ValueError):
            return "the log key that it names is not signed for"
    return None


def _record(actor: Actor, outcome: str, details: Mapping[str, Any]) -> Record:
    return Record(Kind.KEY_ROTATED, actor.ref, actor.os_user, outcome=outcome, details=details)
