"""Signing off: who may, two people where two are needed, what is done along with it, and that verify holds it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.system.site import CLINICIAN, COMPLIANCE, SUPERVISOR, Site

from withness.audit.record import Kind, Record
from withness.core.acts import Act
from withness.core.people import Refusal
from withness.desk.acts import act_of
from withness.desk.asking import actor_of
from withness.desk.sign_off import Matter, sign_off
from withness.desk.verify import verify
from withness.errors import InvalidInput, Refused, TrailDamaged
from withness.store.transaction import Transaction

BASELINE = Matter("baseline", {"note": "All of them were there before."}, plain={"plans": 3})


@pytest.fixture
def clinic(site: Site) -> Site:
    """A site with Kim (compliance), Pat (clinician) and Sam (supervisor)."""
    site.screen()
    site.enrol()
    return site


def signed(clinic: Site, matter: Matter, who: str, second: str | None = None, **more: Any) -> Act:
    """Sign a matter off with the keys of the people named."""
    other = clinic.keys[second] if second else None
    return sign_off(clinic.context, matter, clinic.keys[who], other, actor=actor_of(who), **more)


def test_what_is_signed_off_is_sealed_and_recorded_and_verifies(clinic: Site) -> None:
    """Planted: the record written without the act's digest; this caught it."""
    act = signed(clinic, BASELINE, COMPLIANCE)
    [newest] = clinic.records(1)
    assert (newest["kind"], newest["outcome"], newest["actor"]) == ("trail.signed-off", "baseline", COMPLIANCE)
    assert (newest["asserted"], newest["details"]["plans"]) == (False, 3)
    assert "All of them" not in str(newest)
    with clinic.context.store.transaction() as tx:
        row = tx.act(act.id)
    assert row is not None
    assert act_of(row).body == {"note": "All of them were there before.", "what": "baseline", "of_two": False}
    assert verify(clinic.context.store, actor_of(COMPLIANCE), clinic.at).whole is True


@pytest.mark.parametrize(
    ("who", "second", "of_two", "code"),
    [
        (CLINICIAN, None, False, "not-compliance"),
        (COMPLIANCE, None, True, "no-second-signer"),
        (COMPLIANCE, COMPLIANCE, True, "same-person"),
        (SUPERVISOR, COMPLIANCE, True, "not-compliance"),
    ],
)
def test_whoever_may_not_sign_off_is_refused_on_record(
    clinic: Site, who: str, second: str | None, of_two: bool, code: str
) -> None:
    """Planted: `of_two` not handed to examiner_fault; this caught it."""
    with pytest.raises(Refused):
        signed(clinic, Matter("pruning", of_two=of_two), who, second)
    [newest] = clinic.records(1)
    assert (newest["kind"], newest["outcome"], newest["reason"]) == ("trail.signed-off", "refused", code)


def test_two_people_sign_and_what_they_allow_is_done_in_the_same_transaction(clinic: Site) -> None:
    """Planted: `along` called after the commit; this caught it, for its record then had no place."""
    done: list[str] = []

    def along(tx: Transaction, act: Act) -> list[Record]:
        done.append(act.id)
        return [Record(kind=Kind.TRAIL_EXPORTED, actor=COMPLIANCE, os_user="kim", outcome="pruned")]

    act = signed(clinic, Matter("pruning", of_two=True), COMPLIANCE, SUPERVISOR, along=along)
    first, second = clinic.records(2)
    assert done == [act.id]
    assert (first["outcome"], first["second_actor"], second["outcome"]) == ("pruning", SUPERVISOR, "pruned")
    assert verify(clinic.context.store, actor_of(COMPLIANCE), clinic.at).whole is True


def test_a_fault_is_asked_again_under_the_lock(clinic: Site) -> None:
    """Planted: `fault` asked only once, before the signature; this caught it."""
    answers = iter([None, Refusal("signed-off", "It was signed off a moment ago.", "ITEM")])
    with pytest.raises(Refused, match="a moment ago"):
        signed(clinic, BASELINE, COMPLIANCE, fault=lambda tx: next(answers))
    assert clinic.records(1)[0]["reason"] == "signed-off"


def test_nobody_signs_where_the_enrolments_are_not_those_of_the_trail(clinic: Site) -> None:
    """Planted: directory_named left out; this caught it."""
    clinic.desk.close()
    import sqlite3

    with sqlite3.connect(clinic.settings.database) as database:
        database.execute("DROP TRIGGER act_no_delete")
        database.execute("DELETE FROM act WHERE person = ?", (SUPERVISOR,))
    database.close()
    clinic.open()
    with pytest.raises(TrailDamaged):
        signed(clinic, BASELINE, COMPLIANCE)


def test_one_signature_is_one(clinic: Site) -> None:
    """Planted: a second signer let through where one is enough; this caught it."""
    with pytest.raises(InvalidInput, match="one person"):
        signed(clinic, BASELINE, COMPLIANCE, SUPERVISOR)
