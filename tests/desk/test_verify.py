"""The verifier decides again: a decision that the software itself forged is found (I5, I1)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.system.site import Site

from withness.core.terms import Acuity, Purpose, UnitKind
from withness.desk import standing
from withness.desk.asking import actor_of
from withness.desk.verify import verify

ASKED = standing.Question(UnitKind.INDIVIDUAL, ("Patient/rosa",), Purpose.NEW_PLAN, "Encounter/e1")


def forge(site: Site, *, skip: bool) -> int:
    """Record a decision as a faulty release would: released over an acute screen, or blind to it."""
    actor, id = actor_of("Practitioner/p1"), site.context.new_id()
    with site.context.store.transaction() as tx:
        answered = standing.ask(tx, site.context, ASKED, at=site.at, id=id)
        inputs = dict(answered.inputs["Patient/rosa"])
        if skip:
            inputs["screens"] = inputs["screens"][:1]
            rows = answered.screens["Patient/rosa"][:1]
            member = standing.redecide(site.policy, inputs, rows, ())
        else:
            member = replace(answered.decision.members[0], name="released", acuity=Acuity.NONE, findings=(), missing=())
        forged = replace(answered.decision, members=(member,))
        answered = standing.Answered(forged, {"Patient/rosa": inputs}, answered.screens, answered.acts, answered.bases)
        [leaf] = site.context.record(tx, actor, site.at, *standing.keep(tx, answered, actor))
    return leaf.seq


@pytest.mark.parametrize(("skip", "said"), [(True, "did not read every screen"), (False, "another decision")])
def test_a_forged_decision_is_named(site: Site, skip: bool, said: str) -> None:
    """Its digest fits and its record is in the tree; only deciding again can tell. Planted: the ledger of screens not
    asked; the record's outcome held against the sealed one alone; each was seen here."""
    site.screen()
    site.pass_time(minutes=1)
    site.screen(answers={"suicide.now": "yes"})
    seq = forge(site, skip=skip)
    verdict = verify(site.context.store, actor_of("Practitioner/p1"), site.at)
    assert [(damage.record, said in damage.what) for damage in verdict.damages] == [(seq, True)]


def test_honest_decisions_are_borne_out(site: Site) -> None:
    """The same way without the forgery is whole."""
    site.screen()
    site.screen(answers={"suicide.now": "yes"})
    site.save()
    assert verify(site.context.store, actor_of("Practitioner/p1"), site.at).whole
