"""Verify on a snapshot, from a checkpoint on, with several processes, and with its ledger on disk."""

from __future__ import annotations

from contextlib import closing
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.system.site import Site

from withness.audit import checkpoint, log
from withness.audit.check import Part
from withness.audit.record import Kind, Record
from withness.desk import verify as verifying
from withness.desk import verify_jobs
from withness.desk.asking import actor_of
from withness.desk.checkpoints import present
from withness.desk.verify import Asked, verify
from withness.desk.verify_jobs import Workers
from withness.desk.verify_ledger import Ledger
from withness.errors import CannotTell
from withness.store.opening import store_of

ACTOR = actor_of("Practitioner/p1")


def note(site: Site) -> str:
    with site.context.store.transaction() as tx:
        return present(site.context.store, tx)


def test_what_is_saved_meanwhile_is_no_damage(site: Site) -> None:
    """A screen and a plan saved after the snapshot, and a newer checkpoint published.

    Planted: the log held against what was published within the snapshot; this caught it.
    """
    site.screen()
    seen: list[int] = []

    def progress(done: int, whole: int) -> None:
        if not seen:
            seen.append(whole)
            site.save()
            site.context.store.publisher.publish(head(site))  # type: ignore[union-attr]

    verdict = verify(site.context.store, ACTOR, site.at, Asked(progress=progress))
    assert (verdict.whole, verdict.damages) == (True, ())
    assert verdict.records == seen[0]
    again = verify(site.context.store, ACTOR, site.at)
    assert again.records > verdict.records + 3
    assert again.whole


def head(site: Site) -> log.Head:
    with site.context.store.transaction() as tx:
        found = tx.head()
    assert found is not None
    return found


def test_what_lies_before_a_checkpoint_is_taken_from_it(site: Site) -> None:
    """Said so, and nothing decided again. Planted: the records before it counted as looked at; this caught it."""
    site.screen()
    start = note(site)
    size = head(site).size
    site.save()
    verdict = verify(site.context.store, ACTOR, site.at, Asked(start=start))
    assert (verdict.whole, verdict.before, verdict.recomputed, verdict.structure) == (True, size, None, True)
    assert verdict.records == head(site).size - 1 - size
    assert verdict.beyond == verdict.records
    with site.context.store.transaction() as tx:
        last = tx.last()
    assert last is not None
    assert (last.kind, last.outcome) == (Kind.TRAIL_VERIFIED, "structure-whole")


def by_another_key(note: str) -> str:
    said = checkpoint.read(note).checkpoint
    return checkpoint.sign(said, said.origin.rpartition("/")[0], Ed25519PrivateKey.generate())


@pytest.mark.parametrize("spoil", [lambda note: note + "x", lambda _: "", by_another_key])
def test_a_checkpoint_that_cannot_be_relied_on_begins_nothing(site: Site, spoil: object) -> None:
    """Anybody could have written it. Planted: its signature not asked for; this caught it."""
    site.screen()
    with pytest.raises(CannotTell) as told:
        verify(site.context.store, ACTOR, site.at, Asked(start=spoil(note(site))))  # type: ignore[operator]
    assert told.value.field == "--from"


@pytest.mark.parametrize("structure", [True, False])
def test_several_processes_find_what_one_does(site: Site, monkeypatch: pytest.MonkeyPatch, structure: bool) -> None:
    """A whole trail, and one with an edit. Planted: the records not seen when work is shared; this caught it."""
    monkeypatch.setattr(verifying, "SMALL", 0)
    site.screen()
    site.save()
    workers = Workers(2, partial(store_of, site.settings, None))
    alone = verify(site.context.store, ACTOR, site.at, Asked(structure=structure))
    shared = verify(site.context.store, ACTOR, site.at, Asked(structure=structure, workers=workers))
    assert (alone.whole, shared.whole) == (True, True)
    assert shared.records == alone.records + 1
    assert shared.recomputed == alone.recomputed


def test_a_process_that_fails_does_not_hide_a_thing(site: Site) -> None:
    """What it was to look at is looked at again. Planted: its part taken for regular; this caught it."""
    workers = Workers(1, _nothing_opens)
    asked = (Part(0, 0, 10), Part(0, 10, 20))
    done: list[bool] = []
    assert [one.regular for one in workers.run(asked, lambda: done.append(True))] == [False, False]
    assert done == [True]
    assert not verify_jobs._check(asked[0]).regular


def _nothing_opens() -> None:
    raise OSError


class TestTheLedger:
    def test_the_order_of_first_records_is_kept(self) -> None:
        """A later record changes the value and not the place. Planted: REPLACE for the upsert; this caught it."""
        with closing(Ledger()) as ledger:
            for id, seq in (("b", 1), ("a", 2), ("b", 3), ("c", 4)):
                ledger.say("screen", id, f"value {seq}", seq, "Patient/rosa")
            ledger.say("act", "a", "v", 5, "Patient/rosa")
            assert ledger.of_people("screen", {"Patient/rosa", "Patient/tom"}) == ["b", "a", "c"]
            assert [one.seq for one in ledger.all_said("screen")] == [3, 2, 4]

    def test_both_sides_are_compared(self) -> None:
        """Missing, unnamed, other. Planted: rows of another kind counted in; this caught it."""
        with closing(Ledger()) as ledger:
            for id in "abc":
                ledger.say("plan", id, "held", 1)
            ledger.say("note", "d", "draft", 2)
            ledger.found("note", [("a", "draft")])
            ledger.found("plan", iter([("b", "held"), ("c", "approved"), ("d", "held")]))
            assert [one.id for one in ledger.missing("plan")] == ["a"]
            assert ledger.unnamed("plan") == 1
            assert [(said.id, there) for said, there in ledger.both("plan")] == [("b", "held"), ("c", "approved")]

    def test_rows_out_of_their_order_are_seen(self) -> None:
        """Planted: only the last two compared; this caught it."""
        for order, wanted in (("abc", True), ("bac", False), ("acb", False), ("ac", True)):
            with closing(Ledger()) as ledger:
                for seq, id in enumerate("abc"):
                    ledger.say("check-in", id, "v", seq)
                ledger.found("check-in", [(id, "p") for id in order], person=True)
                assert ledger.in_order("check-in") is wanted, order

    @pytest.mark.parametrize("value", [None, 5, {}, [], b"x"])
    def test_what_is_no_text_is_refused(self, value: object) -> None:
        """A forger may have written anything. Planted: values bound as they come; this caught it."""
        with closing(Ledger()) as ledger:
            for give in (
                lambda: ledger.say("plan", "a", value, 1),
                lambda: ledger.say("plan", value, "v", 1),
                lambda: ledger.add_part("x", "a", 1, value, 1),
                lambda: ledger.decided(value, "p", "released"),
            ):
                with pytest.raises(TypeError):
                    give()


def test_a_record_whose_details_are_something_else_is_named(site: Site) -> None:
    """With a tree that fits. Planted: TypeError not caught; this caught it."""
    site.screen()
    forged = Record(Kind.SCREEN_RECORDED, "Practitioner/p1", "os", details={"screen": 5, "digest": None})
    with site.context.store.transaction() as tx:
        [leaf] = log.append(tx, [forged], at=site.at)
    verdict = verify(site.context.store, ACTOR, site.at)
    assert (leaf.seq, "its details are not what such a record holds") in [
        (one.record, one.what) for one in verdict.damages
    ]
