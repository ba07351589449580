"""A signed note is never changed: its amendment is a note of its own beside it, and the first one is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.system.notes import ROSA, TOM, documents, make_note, saved, signed, texts
from tests.system.site import CLINICIAN, SUPERVISOR, Site
from tests.system.test_the_trail_shows_every_edit import behind_our_back
from withness.errors import Conflict, EhrRefused, EhrUnavailable, InvalidInput
from withness.fhir.check import require_valid
from withness.fhir.status import put

REASON = "The client asked for another word."


def said(words: str) -> dict[str, Any]:
    """A session note in which Rosa says this."""
    return make_note(fields={"client_words": [{"who": ROSA, "words": words}]})


def amend(site: Site, id: str, words: str) -> dict[str, Any]:
    """Save an amendment and sign it."""
    site.pass_time(minutes=10)
    site.desk.amend_note(id, said(words), reason=REASON, actor=CLINICIAN)
    return site.desk.sign_note(id, actor=CLINICIAN, shown="shown")


@contextmanager
def failing(site: Site, error: Exception, *, taken: bool = False) -> Iterator[None]:
    """Every write fails while the block runs; `taken`: after it has reached the EHR."""
    real = site.context.ehr.transact

    def transact(bundle: Any) -> Any:
        if taken:
            real(bundle)
        raise error

    site.context.ehr.transact = transact  # type: ignore[method-assign]
    yield
    site.context.ehr.transact = real  # type: ignore[method-assign]


def test_the_first_stands_until_the_amendment_is_signed_and_both_are_kept(site: Site) -> None:
    """Planted: the first one's words overwritten; relatesTo left out; superseded at the draft already; all caught."""
    id = signed(site, fields={"client_words": [{"who": ROSA, "words": "zebra-first"}]})["note"]
    site.pass_time(minutes=10)
    draft = site.desk.amend_note(id, said("zebra-second"), reason=REASON, actor=CLINICIAN)
    assert (draft["state"], draft["version"]) == ("amending", 2)
    [first] = documents(site)
    assert first["status"] == "current"
    assert "zebra-first" in site.desk.render_note(id, version=1, format="text")
    done = site.desk.sign_note(id, actor=CLINICIAN, shown="declined")
    assert (done["state"], done["version"]) == ("amended", 2)
    first, second = documents(site)
    assert (first["status"], second["status"], second["docStatus"]) == ("superseded", "current", "amended")
    assert second["relatesTo"] == [{"code": "replaces", "target": {"reference": f"DocumentReference/{first['id']}"}}]
    assert "zebra-first" in texts(first)["text/plain"]
    assert "zebra-second" in texts(second)["text/plain"]
    shown = site.desk.note(id, actor=CLINICIAN)
    assert [one["file"]["fields"]["client_words"][0]["words"] for one in shown["versions"]] == [
        "zebra-first",
        "zebra-second",
    ]
    assert [one["reason"] for one in shown["versions"]] == ["", REASON]
    assert "zebra-first" in site.desk.render_note(id, version=1, format="text")
    site.desk.health()


def test_each_amendment_replaces_the_one_before_it(site: Site) -> None:
    """A third time: the second is superseded, and the first stays so. Planted: always the first replaced; caught."""
    id = signed(site)["note"]
    for words in ("two", "three"):
        amend(site, id, words)
    first, second, third = documents(site)
    assert [one["status"] for one in (first, second, third)] == ["superseded", "superseded", "current"]
    assert third["relatesTo"][0]["target"]["reference"] == f"DocumentReference/{second['id']}"
    site.desk.health()


def test_what_never_arrived_is_not_sent_any_more(site: Site) -> None:
    """Refused, so the amendment is the first that the chart sees. Planted: relatesTo to nothing; caught."""
    with failing(site, EhrRefused("The EHR does not know this encounter.")):
        done = signed(site)
    assert done["delivery"] == {ROSA: "refused"}
    amend(site, done["note"], "two")
    [only] = documents(site)
    assert ("relatesTo" in only, only["docStatus"]) == (False, "final")
    assert site.desk.sync(actor=CLINICIAN)["waiting"] == 0
    assert len(documents(site)) == 1
    site.desk.health()


@pytest.mark.parametrize("taken", [True, False])
def test_what_may_have_arrived_is_superseded_whether_it_did_or_not(site: Site, taken: bool) -> None:
    """What did not keeps its place, so that it comes no more, without its words: they were taken back before they came.

    Planted: only what was confirmed superseded, caught where it had arrived; its words written all the same; caught.
    """
    site.remote()
    with failing(site, EhrUnavailable("The EHR did not answer."), taken=taken):
        done = signed(site, fields={"client_words": [{"who": ROSA, "words": "zebra-first"}]})
    assert done["delivery"] == {ROSA: "sending"}
    amend(site, done["note"], "two")
    first, second = documents(site)
    assert (first["status"], second["status"]) == ("superseded", "current")
    assert any("zebra-first" in one for one in texts(first).values()) is taken
    require_valid({"resourceType": "Bundle", "type": "transaction", "entry": [put(first, ""), put(second, "")]})
    site.desk.sync(actor=CLINICIAN)
    assert [one["status"] for one in documents(site)] == ["superseded", "current"]
    site.desk.health()


def test_the_first_one_landing_late_does_not_stand_beside_the_second(site: Site) -> None:
    """The amendment is signed while the first is on its way: what lands last is not what counts.

    Planted: a document that was replaced on its way confirmed as if nothing had happened; caught.
    """
    site.remote()
    real = site.context.ehr.transact

    def transact(bundle: Any) -> Any:
        site.context.ehr.transact = real  # type: ignore[method-assign]
        [listed] = site.desk.notes()
        site.desk.amend_note(listed["note"], said("two"), reason=REASON, actor=CLINICIAN)
        site.pass_time(minutes=1)
        site.desk.sign_note(listed["note"], actor=CLINICIAN, shown="shown")
        return real(bundle)

    site.context.ehr.transact = transact  # type: ignore[method-assign]
    signed(site)
    site.desk.sync(actor=CLINICIAN)
    assert [one["status"] for one in documents(site)] == ["superseded", "current"]
    site.desk.health()


def test_what_somebody_did_in_the_chart_meanwhile_stays(site: Site) -> None:
    """A document that the EHR's people marked as entered in error is not brought back to life.

    Planted: our own copy written over theirs; caught.
    """
    id = signed(site)["note"]
    [first] = documents(site)
    theirs = {name: value for name, value in first.items() if name != "meta"} | {"status": "entered-in-error"}
    site.write_to_chart(theirs)
    amend(site, id, "two")
    assert [one["status"] for one in documents(site)] == ["entered-in-error", "current"]


def test_a_damaged_row_of_the_first_does_not_stop_the_second(site: Site) -> None:
    """A safety note is amended whatever became of its first delivery's row; the document that is there is superseded.

    Planted: the row opened without asking whether it can be; caught.
    """
    site.screen(TOM)
    id = signed(site, "safety")["note"]
    with behind_our_back(site) as database:
        database.execute("UPDATE outbox SET content = x'00' WHERE kind = 'note'")
    site.open()
    site.pass_time(minutes=10)
    site.desk.amend_note(id, make_note("safety"), reason=REASON, actor=CLINICIAN)
    done = site.desk.sign_note(id, actor=CLINICIAN, shown="shown")
    assert (done["state"], done["delivery"]) == ("amended", {TOM: "delivered"})
    assert [one["status"] for one in documents(site, TOM)] == ["superseded", "current"]
    assert site.desk.sign_note(id, actor=CLINICIAN, shown="shown")["delivery"] == {TOM: "delivered"}


def test_what_the_client_said_of_the_first_stands_under_the_second(site: Site) -> None:
    """In their words, and as what they said before; a new comment takes its place. Planted: dropped; caught."""
    id = saved(site)
    site.desk.sign_note(id, actor=CLINICIAN, shown="shown", comments={ROSA: "zebra-comment, it was my aunt"})
    amend(site, id, "two")
    page = site.desk.render_note(id, format="text")
    assert "zebra-comment, it was my aunt" in page
    site.pass_time(minutes=10)
    site.desk.amend_note(id, said("three"), reason=REASON, actor=CLINICIAN)
    site.desk.sign_note(id, actor=CLINICIAN, shown="shown", comments={ROSA: "now it is right"})
    page = site.desk.render_note(id, format="text")
    assert ("now it is right" in page, "zebra-comment" in page) == (True, False)


def test_an_amendment_has_a_reason_and_a_signed_note(site: Site) -> None:
    """Planted: a draft amended; two amendments at once; an empty reason; each caught."""
    draft = saved(site)
    with pytest.raises(InvalidInput) as refused:
        site.desk.amend_note(draft, make_note(), reason=REASON, actor=CLINICIAN)
    assert refused.value.field == "ID"
    id = signed(site)["note"]
    for wrong in (" ", "x" * 2_001, "\ud800", None):
        with pytest.raises(InvalidInput) as refused:
            site.desk.amend_note(id, make_note(), reason=wrong, actor=CLINICIAN)  # type: ignore[arg-type]
        assert refused.value.field in ("reason", "the reason")
    site.desk.amend_note(id, make_note(), reason=REASON, actor=CLINICIAN)
    with pytest.raises(InvalidInput):
        site.desk.amend_note(id, make_note(), reason=REASON, actor=CLINICIAN)
    later = site.desk.save_note(make_note(), actor=CLINICIAN, note=id)
    assert (later["state"], later["version"]) == ("amending", 3)


@pytest.mark.parametrize(
    "change", [{"members": ["Patient/tom"]}, {"template": "transition-closing"}, {"author": SUPERVISOR}]
)
def test_it_stays_the_same_note(site: Site, change: dict[str, Any]) -> None:
    """Another person's, another kind or another author's is a new note. Planted: the members not compared; caught."""
    id = signed(site)["note"]
    other = {**make_note(names={}, fields={"client_words": []}), **change}
    if "template" in change:
        other |= {"fields": {}, "prefilled": {}}
    with pytest.raises(InvalidInput) as refused:
        site.desk.amend_note(id, other, reason=REASON, actor=other["author"])
    assert refused.value.field == next(iter(change))


def test_who_signs_something_else_than_they_saw_is_told(site: Site) -> None:
    """Another window saves a version while the pages are made. Planted: the version not compared; caught."""
    id = saved(site)
    real = site.context.now

    def meanwhile() -> Any:
        object.__setattr__(site.context, "now", real)
        site.desk.save_note(make_note(), actor=CLINICIAN, note=id)
        return real()

    object.__setattr__(site.context, "now", meanwhile)
    with pytest.raises(Conflict):
        site.desk.sign_note(id, actor=CLINICIAN, shown="shown")
    assert site.desk.note(id)["state"] == "draft"
    assert documents(site) == []
