"""A site's own policy: how its owner signs it, and whether it may decide when the desk starts.

A signature stands beside the policy as `FILE.sig`, one JSON object; it is over canonical JSON (RFC 8785):

    {"at":"2026-11-22T09:00:00.000000Z","directory":"<uuid>","key":"<hex>","kind":"policy-file",
     "policy":"<sha-256>","v":1,"version":"1.0.0","who":"Practitioner/olga"}
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Final, NoReturn

from withness import strict_json
from withness.audit import log
from withness.audit.record import Kind, Record, canonical, instant
from withness.core.acts import Act, ActKind
from withness.core.people import People, Person, Refusal, people_of
from withness.core.risk import RiskPolicy
from withness.desk.acts import ON_RECORD, Signatures, act_at, act_of, enrolled, fault_of, write
from withness.desk.context import (
    HOW_TO_SIGN,
    SHIPPED_SIGNED,
    SITE_SIGNED,
    Actor,
    Context,
    policy_details,
    refuse_second_text,
    refuse_silent_change,
)
from withness.desk.signing import keys_fault
from withness.errors import InvalidInput, PolicyRefused, Refused
from withness.files import EVERYBODYS, read_regular, sync_folder, write_new
from withness.packs.policy import SETTING, policy_of, shipped_digest
from withness.signing import Signer, verifies
from withness.store.leaves import act_named
from withness.store.rows import ActRow
from withness.store.transaction import Transaction

OWNER: Final = "policy-owner"
"""The role of those who sign a policy."""


@dataclass(frozen=True)
class Signature:
    """What a signature file says: `policy` is a SHA-256, `key` and `signature` are keys' bytes, all in hex.

    `at` is an instant as records write it.
    """

    policy: str
    version: str
    who: str
    key: str
    at: str
    signature: str = ""

    def statement(self, directory: str) -> bytes:
        """Return the bytes that are signed, for one data directory."""
        said = {name: value for name, value in asdict(self).items() if name != "signature"}
        return canonical({**said, "v": 1, "kind": "policy-file", "directory": directory})


def signature_file(path: Path) -> Path:
    """Return where the signature of the policy file at `path` stands."""
    return path.with_name(f"{path.name}.sig")


# -- signing


def sign(context: Context, path: Path | None, text: bytes, signer: Signer, actor: Actor) -> RiskPolicy:
    """Sign the site's policy `text` of the file at `path`, or a return to the shipped one (None); it is in force then.

    The signature file is written beside it. Raises InvalidInput, InvalidContent or PolicyRefused naming what is wrong
    with the policy, Refused (the attempt is recorded) for a signer who may not sign it, CannotTell.
    """
    policy = context.policy if path is None else _sites_own(text, path)
    with context.store.transaction() as tx:
        refuse_second_text(tx, policy)
        people = enrolled(tx)
        directory = tx.facts().get("data_id", "")
    signatures = Signatures(signer)
    wrong = _owner_fault(people, signer.who) or keys_fault(people, signatures)
    if wrong:
        _refuse(context, actor, policy, wrong)
    body = {"digest": policy.digest, "version": policy.version, "owner": policy.owner}
    act = act_at(context.now(), context, ActKind.POLICY_SIGNED, signer.who, body, signatures)

    def work(tx: Transaction) -> None:
        made = write(tx, context, actor, act, signatures)
        tx.put_policy(policy.digest, policy.version, text)
        log.append(tx, [_signed_record(tx, made, policy, shipped=path is None)], at=act.at)

    with _beside(path, _signature(policy, signer, act, directory), context.new_id()):
        context.commit(work, lambda tx: tx.act(act.id) is not None)
    return policy


def _sites_own(text: bytes, path: Path) -> RiskPolicy:
    policy = policy_of(text, name=path.name)
    if policy.digest == shipped_digest():
        said = f"{path.name} is the shipped policy, which needs no signature."
        raise InvalidInput(said, field="FILE", hint="To go back to it: withness policy sign --shipped")
    return policy


def _signed_record(tx: Transaction, made: Record, policy: RiskPolicy, *, shipped: bool) -> Record:
    """The record stands for the act and for the policy that the act puts in force."""
    return replace(
        made,
        policy=policy.digest,
        outcome=SHIPPED_SIGNED if shipped else SITE_SIGNED,
        details={**made.details, **policy_details(tx, policy)},
    )


def _owner_fault(people: People, who: str) -> Refusal | None:
    person = people.get(who)
    if person is None or not person.active:
        return Refusal("not-enrolled", f"{who} is not enrolled here, so cannot sign a policy.", "actor")
    if OWNER not in person.roles:
        return Refusal("not-policy-owner", f"{who} is not enrolled as {OWNER}, so cannot sign a policy.", "actor")
    return None


def _refuse(context: Context, actor: Actor, policy: RiskPolicy, wrong: Refusal) -> NoReturn:
    """Record that a signature was refused, then raise Refused; the policy in force stays (contracts I5)."""
    at = context.now()
    with context.store.transaction() as tx:
        if tx.policy_in_force() is None:
            context.record(tx, actor, at)
        last = tx.policy_in_force()
        stays = (last.policy_hash if last else None) or ""
        refused = Record(
            kind=Kind.POLICY_CHANGED,
            actor=actor.ref,
            os_user=actor.os_user,
            outcome="refused",
            reason=wrong.code,
            policy=stays,
            details={"version": tx.policies().get(stays, ""), "directory": tx.facts(), "asked": policy.digest},
        )
        log.append(tx, [refused], at=at)
    raise Refused(wrong.sentence, field=wrong.field, hint=ON_RECORD)


def _signature(policy: RiskPolicy, signer: Signer, act: Act, directory: str) -> Signature:
    unsigned = Signature(policy.digest, policy.version, signer.who, signer.public, instant(act.at))
    return replace(unsigned, signature=signer.sign(unsigned.statement(directory)))


@contextlib.contextmanager
def _beside(path: Path | None, signature: Signature, id: str) -> Iterator[None]:
    """Have the signature file ready before the block runs, and in its place once the block has ended well."""
    if path is None:
        yield
        return
    place = signature_file(path)
    ready = place.with_name(f".{place.name}.{id}")
    try:
        with _writing(place, "nothing was signed"):
            _write(ready, signature)
        yield
        with _writing(place, "the policy is in force, and nothing starts without it"):
            ready.replace(place)
            sync_folder(place.parent)
    finally:
        with contextlib.suppress(OSError):
            ready.unlink(missing_ok=True)


def _write(file: Path, signature: Signature) -> None:
    write_new(file, json.dumps(asdict(signature), indent=2).encode() + b"\n", mode=EVERYBODYS)


@contextlib.contextmanager
def _writing(place: Path, state: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = f"The signature file {place.name} cannot be written ({error.strerror}): {state}."
        raise InvalidInput(said, field="FILE", hint="Make room for it and sign again.") from None


# -- starting


def may_decide(tx: Transaction, policy: RiskPolicy, path: Path | None) -> None:
    """Check that `policy`, read from the file at `path`, is the one in force and signed, where it must be.

    Raises PolicyRefused saying what is missing and what to do next; SealBroken when the signed act does not open.
    """
    if path is None or policy.digest == shipped_digest():
        refuse_silent_change(tx, policy)
        return
    signature = _read(signature_file(path), path)
    if (signature.policy, signature.version) != (policy.digest, policy.version):
        raise _not_signed(path, "was edited after it was signed", "Put the signed text back, or give it a new version.")
    refuse_silent_change(tx, policy)
    row, signer = _signed_act(tx, policy, path)
    directory = tx.facts().get("data_id", "")
    said = row.content["statement"]
    if (signature.who, signature.key) != (said["by"], signer.key):
        raise _not_signed(path, f"carries another signature than that of {signer.ref}, which the audit trail records")
    if not verifies(signature.key, signature.statement(directory), signature.signature):
        raise _not_signed(path, f"carries a signature that is not that of {signer.ref} for this data directory")


def _signed_act(tx: Transaction, policy: RiskPolicy, path: Path) -> tuple[ActRow, Person]:
    """Return the act that put `policy` in force and who signed it, as they were enrolled then: it outlives them."""
    last = tx.policy_in_force()
    row = tx.act(act_named(last)) if last else None
    if row is None or row.kind != ActKind.POLICY_SIGNED or row.content["statement"]["body"]["digest"] != policy.digest:
        raise _not_signed(path, "is in force without a signature in the audit trail")
    kinds = (ActKind.ENROLLED.value, ActKind.REVOKED.value)
    people = people_of(tuple(act_of(one) for one in tx.acts_of_kinds(*kinds) if one.number < row.number))
    wrong = _owner_fault(people, row.person)
    fault = fault_of(row, row.person, tx.facts().get("data_id", ""), people)
    if wrong or fault:
        raise _not_signed(path, f"was not signed by an enrolled {OWNER}: {fault or row.person}")
    return row, people[row.person]


def _read(file: Path, path: Path) -> Signature:
    try:
        found = strict_json.parse(read_regular(file, strict_json.MAX_BYTES + 1), name=file.name)
    except FileNotFoundError:
        raise _not_signed(path, f"is not signed: there is no {file.name} beside it") from None
    except OSError as error:
        raise _not_signed(path, f"has a signature file that cannot be read: {error.strerror}") from None
    except InvalidInput as error:
        raise _not_signed(path, f"has a signature file that is none: {error.message.rstrip('.')}") from None
    if found.keys() != {one.name for one in fields(Signature)} or not all(type(one) is str for one in found.values()):
        raise _not_signed(path, f"has a signature file that is none: {file.name} does not hold what one holds")
    return Signature(**found)


def _not_signed(path: Path, said: str, do_first: str = "") -> PolicyRefused:
    hint = " ".join(filter(None, (do_first, HOW_TO_SIGN)))
    return PolicyRefused(f"{SETTING}: {path.name} {said}, so it decides nothing.", field=SETTING, hint=hint)
