"""Enrolling people: who they are, their licence, roles and own key; nobody's signature counts before it."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from withness.audit.record import Kind
from withness.core.acts import ActKind
from withness.core.people import CLINICAL, ROLES, VOUCHING, People, Person, Refusal, vouching_fault
from withness.desk.acts import Signatures, act_at, enrolled, enrolled_acts, refuse, write
from withness.desk.context import Actor, Context
from withness.desk.signing import keys_fault
from withness.errors import InvalidInput
from withness.signing import Signer
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Enrolment:
    """What is written down of a person; `trainee_of` names a trainee's supervisor."""

    ref: str
    name: str
    licence: str
    roles: tuple[str, ...]
    medical: bool = False
    trainee_of: str = ""


def enrol(context: Context, given: Enrolment, own: Signer, actor: Actor, voucher: Signer | None) -> Person:
    """Enrol a person under their own key; everybody after the first is vouched for by somebody enrolled to do so.

    The first one must be enrolled as compliance or policy-owner, so that others can follow. Raises InvalidInput,
    Refused (the attempt is recorded), CannotTell.
    """
    _check(given)
    with context.store.transaction() as tx:
        people, keys = enrolled(tx), {one.body["key"] for one in enrolled_acts(tx)}
    wrong = _fault(people, keys, given, own, voucher)
    if wrong:
        refuse(context, actor, Kind.ACTOR_CHANGED, wrong, person=given.ref)
    body = {
        "name": given.name,
        "licence": given.licence,
        "roles": list(given.roles),
        "key": own.public,
        "medical": given.medical,
        "trainee_of": given.trainee_of,
    }
    # The person's own signature proves that they hold the key; the voucher's that somebody knows them.
    signatures = Signatures(voucher or own, own if voucher else None)
    act = act_at(context.now(), context, ActKind.ENROLLED, given.ref, body, signatures)

    def work(tx: Transaction) -> People:
        context.record(tx, actor, act.at, write(tx, context, actor, act, signatures))
        return enrolled(tx)

    return context.commit(work, lambda tx: tx.act(act.id) is not None)[given.ref]


def _check(given: Enrolment) -> None:
    for name in ("name", "licence"):
        if not getattr(given, name).strip():
            raise InvalidInput(f"{name} must not be empty.", field=name)
    unknown = set(given.roles) - set(ROLES)
    if unknown or not given.roles:
        raise InvalidInput(f"A person is enrolled with one or more of: {', '.join(ROLES)}.", field="role")
    if not set(given.roles).isdisjoint(VOUCHING) and not set(given.roles).isdisjoint(CLINICAL):
        said = "Whoever vouches for others signs nothing clinical: compliance is a role apart."
        raise InvalidInput(said, field="role")
    if not _gist(given.licence):
        raise InvalidInput("licence must name the licence, in letters or digits.", field="licence")
    if given.trainee_of and "supervisor" in given.roles:
        raise InvalidInput("A trainee is not a supervisor.", field="role")


def _gist(licence: str) -> str:
    """Return the letters and digits of a licence in one case and width: no second spelling makes a second person."""
    return "".join(one for one in unicodedata.normalize("NFKC", licence).casefold() if one.isalnum())


def _fault(
    people: People, keys: Collection[str], given: Enrolment, own: Signer, voucher: Signer | None
) -> Refusal | None:
    return next(_faults(people, keys, given, own, voucher), None)


def _faults(
    people: People, keys: Collection[str], given: Enrolment, own: Signer, voucher: Signer | None
) -> Iterator[Refusal]:
    known = tuple(people.values())
    if own.who != given.ref:
        yield Refusal("foreign-key", "A person is enrolled under a key of their own.", "key")
    if own.public in keys:
        yield Refusal("key-enrolled", "This key is enrolled already: each person has a key of their own.", "key")
    if any(_gist(one.licence) == _gist(given.licence) and one.ref != given.ref for one in known):
        said = "This licence is enrolled already under another id: two signers are two people."
        yield Refusal("licence-enrolled", said, "licence")
    if given.ref in people and people[given.ref].active:
        yield Refusal("enrolled", f"{given.ref} is enrolled already; revoke that enrolment first.", "ref")
    supervisor = people.get(given.trainee_of)
    if given.trainee_of and (supervisor is None or not supervisor.active or "supervisor" not in supervisor.roles):
        said = "A trainee is enrolled with a supervisor who is enrolled here as one."
        yield Refusal("no-supervisor", said, "trainee_of")
    vouchers = f"{' or '.join(VOUCHING)}"
    if not any(one.active for one in known):
        if set(given.roles).isdisjoint(VOUCHING):
            said = f"The first person enrolled must be {vouchers}, so that others can be vouched for."
            yield Refusal("first-cannot-vouch", said, "role")
        return
    if voucher is None:
        said = f"Somebody enrolled as {vouchers} vouches for the next person: --by and their key."
        yield Refusal("nobody-vouches", said, "by")
        return
    if voucher.who == given.ref:
        yield Refusal("same-person", "Nobody vouches for themselves.", "by")
    yield from filter(None, (vouching_fault(people, voucher.who), keys_fault(people, Signatures(voucher))))


def revoke(context: Context, ref: str, reason: str, actor: Actor, voucher: Signer) -> None:
    """End an enrolment: nothing can be signed under it any more; what was signed stands. Raises as `enrol`."""
    if not reason.strip():
        raise InvalidInput("A revocation needs a reason.", field="reason")
    with context.store.transaction() as tx:
        people = enrolled(tx)
    wrong = vouching_fault(people, voucher.who) or keys_fault(people, Signatures(voucher))
    if wrong is None and (ref not in people or not people[ref].active):
        wrong = Refusal("not-enrolled", f"{ref} is not enrolled here.", "ref")
    if wrong:
        refuse(context, actor, Kind.ACTOR_CHANGED, wrong, person=ref)
    signatures = Signatures(voucher)
    act = act_at(context.now(), context, ActKind.REVOKED, ref, {"reason": reason}, signatures)

    def work(tx: Transaction) -> None:
        context.record(tx, actor, act.at, write(tx, context, actor, act, signatures))

    context.commit(work, lambda tx: tx.act(act.id) is not None)


def listing(context: Context) -> tuple[Person, ...]:
    """Return everybody who was ever enrolled, in the order of their ids."""
    with context.store.transaction() as tx:
        return tuple(one for _, one in sorted(enrolled(tx).items()))
