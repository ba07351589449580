"""Recording an act: its statement, who signed it, its sealed row, and the record that stands for it.

A statement is canonical JSON (RFC 8785); its signatures are over those bytes:

    {"act":"<uuid>","at":"2026-11-22T09:00:00.000000Z","body":{…},"by":"Practitioner/p1",
     "directory":"<uuid>","kind":"evidence","person":"Patient/tom","second":"","v":1}
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn

from withness.audit import log
from withness.audit.record import Kind, Record, canonical, instant, moment
from withness.core.acts import Act, ActKind, Acts
from withness.core.people import People, Refusal, people_of, standing_fault
from withness.desk.context import Actor, Context
from withness.desk.digests import digest
from withness.desk.doubt import only_doubt, refuse_in_doubt
from withness.desk.telling import WHAT_SAVES
from withness.errors import Refused, SealBroken, TrailDamaged
from withness.signing import Signer, verifies
from withness.store.rows import ActRow
from withness.store.transaction import Transaction

KINDS: Final[Mapping[ActKind, Kind]] = {
    ActKind.ENROLLED: Kind.ACTOR_CHANGED,
    ActKind.REVOKED: Kind.ACTOR_CHANGED,
    ActKind.OPENED: Kind.PROTOCOL_OPENED,
    ActKind.STEP: Kind.PROTOCOL_STEP,
    ActKind.EVIDENCE: Kind.PROTOCOL_STEP,
    ActKind.ASSESSED: Kind.ASSESSMENT_RECORDED,
    ActKind.RELEASED: Kind.PROTOCOL_RELEASED,
    ActKind.ENTRY_ERROR: Kind.PROTOCOL_RELEASED,
    ActKind.RETRACTED: Kind.SCREEN_RETRACTED,
    ActKind.RAISED: Kind.ACUITY_RAISED,
    ActKind.COSIGNED: Kind.ASSESSMENT_RECORDED,
    ActKind.OVERRIDE: Kind.OVERRIDE_GRANTED,
    ActKind.OVERRIDE_USED: Kind.OVERRIDE_GRANTED,
    ActKind.PLAN_RETRACTED: Kind.PLAN_RETRACTED,
    ActKind.POLICY_SIGNED: Kind.POLICY_CHANGED,
    ActKind.SIGNED_OFF: Kind.TRAIL_SIGNED_OFF,
}
"""The record that stands for each kind of act (contracts: audit record kinds)."""

LOSS: Final = ("lost", "have")
"""What the record of an acknowledged loss holds of what was signed."""

NEED_WHOLE_TRAIL: Final = (ActKind.RELEASED, ActKind.OVERRIDE)
"""Acts that a damaged trail stops (contracts I7): they would let something through."""


@dataclass(frozen=True)
class Signatures:
    """Who signs an act: the first signer, the second where one is needed; None where nobody does."""

    first: Signer | None = None
    second: Signer | None = None

    @property
    def by(self) -> str:
        """The first signer, "" for none."""
        return self.first.who if self.first else ""

    @property
    def also(self) -> str:
        """The second signer, "" for none."""
        return self.second.who if self.second else ""


def write(
    tx: Transaction,
    context: Context,
    actor: Actor,
    act: Act,
    signatures: Signatures = Signatures(),
) -> Record:
    """Seal the act in its row and return the record that the caller appends in the same transaction.

    Raises TrailDamaged for an act that would let something through while the trail is damaged.
    """
    if act.kind in NEED_WHOLE_TRAIL:
        require_directory(tx)
    people = enrolled(tx)
    if standing_fault(act, people) or _wrong_key(act, people, signatures):
        raise Refused("Whoever signs this was enrolled otherwise a moment ago: nothing was recorded.", field="actor")
    statement = _statement(act, tx.facts().get("data_id", ""))
    text = canonical(statement)
    signed = [
        {"who": one.who, "key": one.public, "signature": one.sign(text)}
        for one in (signatures.first, signatures.second)
        if one is not None
    ]
    content = {"statement": statement, "signatures": signed}
    salt = secrets.token_hex(16)
    tx.put_act(act.id, act.person, act.kind.value, {"salt": salt, **content})
    return Record(
        kind=KINDS[act.kind],
        actor=act.by or actor.ref,
        os_user=actor.os_user,
        patient=act.person,
        second_actor=act.second or None,
        outcome=act.kind.value,
        policy=context.policy.digest,
        asserted=not signed,
        details={"act": act.id, "digest": digest(salt, content)},
    )


def _wrong_key(act: Act, people: People, signatures: Signatures) -> bool:
    """Whether a key at hand is not its signer's by now; a person's first key is enrolled with the act itself."""
    signers = [one for one in (signatures.first, signatures.second) if one is not None]
    return any(people[one.who].key != one.public for one in signers if one.who in people and one.who != act.person)


def _statement(act: Act, directory: str) -> dict[str, Any]:
    return {
        "v": 1,
        "directory": directory,
        "act": act.id,
        "kind": act.kind.value,
        "person": act.person,
        "at": instant(act.at),
        "by": act.by,
        "second": act.second,
        "body": dict(act.body),
    }


def act_of(row: ActRow) -> Act:
    """Return the act that a row holds."""
    said = row.content["statement"]
    return Act(
        id=row.id,
        kind=ActKind(said["kind"]),
        person=said["person"],
        at=moment(said["at"]),
        by=said["by"],
        second=said["second"],
        body=said["body"],
        number=row.number,
    )


def acts_of(tx: Transaction, person: str) -> Acts:
    """Return a person's acts that open, in the order of recording."""
    return tuple(act_of(row) for row in tx.readable_acts(person=person)[0])


def enrolled(tx: Transaction) -> People:
    """Return everybody who was ever enrolled here."""
    return people_of(tuple(act_of(row) for row in tx.directory()))


def require_directory(tx: Transaction) -> None:
    """Raise TrailDamaged when the enrolments are not those that the trail names: nobody can sign on such ground."""
    if broken(tx) or not directory_named(tx):
        refuse_in_doubt(tx)
        raise TrailDamaged("The audit trail is damaged, so nothing is released.", hint=WHAT_SAVES)


def broken(tx: Transaction) -> bool:
    """Whether the trail lets nothing through: it is damaged, or a restored copy was acknowledged by nobody's keys.

    The log takes the record of an acknowledgement at its word, so that whoever can write the database could forge one.
    """
    return log.broken(tx) or forged(tx)


def doubtful(tx: Transaction) -> bool:
    """Whether a trail that is `broken` is no more than that: nobody can tell whether it is the one published."""
    return only_doubt(tx) is not None and not forged(tx)


def forged(tx: Transaction) -> bool:
    """Whether a segment was begun by an acknowledgement that nobody signed so."""
    return any(not _signed(tx, details) for _, details in log.acknowledgements(tx))


def _signed(tx: Transaction, details: Mapping[str, Any]) -> bool:
    """Whether the act behind an acknowledgement says the same, and two people signed it who could."""
    try:
        row = tx.act(str(details.get("act")))
    except SealBroken:  # a row that does not open lets nothing through, and stops nothing else
        return False
    if row is None or row.kind != ActKind.SIGNED_OFF:
        return False
    return _says(row, details, log.RESTORED, LOSS) and sound(tx, [row])


def sign_off_fault(
    tx: Transaction, details: Mapping[str, Any], what: str, names: Sequence[str], *, said: str
) -> str | None:
    """Return what is wrong with a record that two people signed off `what`, None where its signed act says the same.

    `names` are the details that were signed, `said` what the record is called. Who signed it, and whether they could,
    is checked as of every act.
    """
    if "act" not in details:
        return f"nobody signed the {said} that it records"
    try:
        row = tx.act(details["act"]) if tx.opens else None
    except SealBroken:
        return f"the {said} that it records does not open"
    if row is None or _says(row, details, what, names):
        return None
    return f"the {said} that it records is not the one that was signed"


def _says(row: ActRow, details: Mapping[str, Any], what: str, names: Sequence[str]) -> bool:
    """Whether two people signed off exactly what a record details."""
    wanted = {"what": what, "of_two": True, **{name: details.get(name) for name in names}}
    return dict(row.content["statement"]["body"]) == wanted


def directory_named(tx: Transaction, directory: Sequence[ActRow] | None = None) -> bool:
    """Whether enrolments and revocations are those that the trail names, no more and no fewer.

    `directory` are those that are there, where they were read already.
    """
    there = tx.directory() if directory is None else directory
    return tx.recorded_enrolments() == tuple(row.id for row in there)


def sound(tx: Transaction, rows: Sequence[ActRow]) -> bool:
    """Whether each act is signed by people who could sign it when it was made."""
    signed = [row for row in rows if row.content["signatures"] or row.content["statement"]["by"]]
    if not signed:
        return True
    directory = tx.facts().get("data_id", "")
    changes = tuple(act_of(row) for row in tx.directory())
    return all(
        fault_of(row, row.person, directory, people_of(tuple(one for one in changes if one.number < row.number)))
        is None
        for row in signed
    )


def enrolled_acts(tx: Transaction) -> Acts:
    """Return every enrolment, in the order of recording."""
    return tuple(act_of(row) for row in tx.directory() if row.kind == ActKind.ENROLLED)


def fault_of(row: ActRow, person: str, directory: str, people: People) -> str | None:
    """Return what is wrong with a recorded act's statement or signatures, None when they agree.

    `people` are those enrolled before it.
    """
    said, signed = row.content["statement"], row.content["signatures"]
    if (said["act"], said["person"], said["directory"], said["kind"]) != (row.id, person, directory, row.kind):
        return "its statement is about something else"
    wanted = [who for who in (said["by"], said["second"]) if who]
    if [one["who"] for one in signed] != wanted:
        return "it is not signed by those whom it names"
    text = canonical(said)
    for one in signed:
        key = said["body"]["key"] if said["kind"] == ActKind.ENROLLED and one["who"] == person else None
        known = key or (people[one["who"]].key if one["who"] in people else "")
        if known != one["key"] or not verifies(known, text, one["signature"]):
            return "a signature under it does not fit"
    fault = standing_fault(act_of(row), people)
    return f"those who signed it could not ({fault})" if fault else None


ON_RECORD: Final = "Nothing has changed. The attempt is on record, as every one is; it is no fault."
"""What somebody hears whose act was refused: their sentence says why."""


def refuse(
    context: Context, actor: Actor, kind: Kind, refusal: Refusal, *, person: str | None, second: str = ""
) -> NoReturn:
    """Record that an act was refused, then raise Refused with its sentence (contracts I5)."""
    record = Record(
        kind=kind,
        actor=actor.ref,
        os_user=actor.os_user,
        patient=person,
        second_actor=second or None,
        outcome="refused",
        reason=refusal.code,
        policy=context.policy.digest,
    )
    with context.store.transaction() as tx:
        context.record(tx, actor, context.now(), record)
    raise Refused(refusal.sentence, field=refusal.field, hint=ON_RECORD)


def act_at(at: datetime, context: Context, kind: ActKind, person: str, body: Mapping[str, Any], who: Signatures) -> Act:
    """Return a new act signed by `who`."""
    return Act(context.new_id(), kind, person, at, who.by, who.also, body)
