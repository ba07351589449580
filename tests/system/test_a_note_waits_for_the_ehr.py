"""The EHR is away: a note is kept and signed all the same, waits in the outbox, and arrives once (exit 5, `sync`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.servers.busy import BusyServer
from tests.system.notes import ROSA, documents, make_note, saved, signed
from tests.system.site import CLINICIAN, Site
from tests.system.test_an_approved_plan_waits import come_back
from withness.audit.record import Kind
from withness.desk.asking import actor_of
from withness.desk.front import Desk
from withness.desk.note_delivery import deliver_note
from withness.desk.outbox import enqueue
from withness.errors import CannotTell, EhrUnavailable
from withness.store.rows import OPEN, Sending
from withness.store.sql import CommitUnknown


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Site]:
    """A site whose EHR can be read and takes nothing: it answers every write with 503."""
    with BusyServer() as server, Site(tmp_path / "home", tmp_path / "site.key", ehr_url=server.base_url) as made:
        yield made


def test_it_waits_and_is_delivered_once(away: Site) -> None:
    """Exit 0 for the draft, 5 for the signature and for `sync`. Planted: exit 0 while it waits; caught."""
    code, answer = away.console_json("note", "save", "-", "--actor", CLINICIAN, stdin=json.dumps(make_note()))
    assert (code, answer["state"]) == (0, "draft")
    code, done = away.console_json("note", "sign", answer["note"], "--shown", "shown", "--actor", CLINICIAN)
    assert (code, done["signed"], done["delivery"]) == (5, True, {ROSA: "sending"})
    assert away.console("sync").returncode == 5
    away.catch_up()
    chart = come_back(away)
    synced = away.desk.sync(actor=CLINICIAN)
    assert (synced["noted"], synced["waiting"], synced["troubles"]) == (1, 0, [])
    [document] = [one.resource for one in chart.search("DocumentReference")]
    assert f"DocumentReference/{document['id']}" == done["documents"][ROSA]
    assert away.desk.sync(actor=CLINICIAN)["noted"] == 0
    assert [one.version for one in chart.search("DocumentReference")] == ["1"]
    assert away.desk.notes()[0]["delivery"] == {ROSA: "delivered"}
    away.desk.health()


def test_a_beginning_says_what_could_not_be_asked(away: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A note is begun without the EHR, too. Planted: the error passed on; caught."""

    def silent(*_: object) -> Any:
        raise EhrUnavailable("The EHR did not answer.")

    for name in ("read", "responses"):
        monkeypatch.setattr(type(away.context.ehr), name, silent)
    begun = away.desk.start_note("session", [ROSA], actor=CLINICIAN)
    assert begun["left"]["last_check_in"] == "The EHR could not be asked."
    assert begun["file"]["names"] == {}
    letter = away.desk.start_note("plan-for-client", [ROSA], actor=CLINICIAN)
    assert letter["left"]["name"] == "The EHR could not be asked."


def test_an_answer_that_was_lost_is_looked_up_and_nothing_is_written_twice(site: Site) -> None:
    """Planted: written again without a look; caught: what somebody did in the chart meanwhile was gone."""
    site.remote()
    real = site.context.ehr.transact

    def taken_and_silent(bundle: Any) -> Any:
        real(bundle)
        raise EhrUnavailable("The EHR did not answer.")

    site.context.ehr.transact = taken_and_silent  # type: ignore[method-assign]
    assert signed(site)["delivery"] == {ROSA: "sending"}
    site.context.ehr.transact = real  # type: ignore[method-assign]
    [document] = documents(site)
    theirs = {name: value for name, value in document.items() if name != "meta"} | {"description": "Seen."}
    site.write_to_chart(theirs)
    assert site.desk.sync(actor=CLINICIAN)["noted"] == 1
    [document] = documents(site)
    assert document["description"] == "Seen."


def test_it_is_never_sent_to_another_ehr(away: Site) -> None:
    """An outbox row is bound to the EHR that it was signed for. Planted: the address not compared; caught."""
    signed(away)
    chart = come_back(away)
    other = type(chart)(away.home / "other.sqlite3", away.context.store._seal, now=lambda: away.at)  # type: ignore[arg-type]
    type(other).address = "http://127.0.0.1:1/other"  # type: ignore[assignment, misc]
    away.context = replace(away.context, ehr=other)
    away.desk = Desk(away.context)
    done = away.desk.sync(actor=CLINICIAN)
    assert (done["noted"], done["waiting"]) == (0, 1)
    assert "another EHR" in done["troubles"][0]
    assert other.search("DocumentReference") == []


def test_something_else_under_its_id_is_never_written_over(site: Site) -> None:
    """Planted: any resource there taken for ours; caught."""
    site.remote()
    real = site.context.ehr.transact

    def away(_: Any) -> Any:
        raise EhrUnavailable("The EHR did not answer.")

    site.context.ehr.transact = away  # type: ignore[method-assign]
    done = signed(site)
    site.context.ehr.transact = real  # type: ignore[method-assign]
    id = done["documents"][ROSA].partition("/")[2]
    theirs = {"resourceType": "DocumentReference", "id": id, "status": "current", "subject": {"reference": ROSA}}
    site.write_to_chart({**theirs, "content": [{"attachment": {"title": "Theirs"}}]})
    synced = site.desk.sync(actor=CLINICIAN)
    assert (synced["noted"], synced["waiting"]) == (0, 1)
    assert "something else" in synced["troubles"][0]
    [document] = documents(site)
    assert "identifier" not in document


def test_a_bundle_that_is_no_note_is_never_sent(site: Site) -> None:
    """I1: even a row that was put into the outbox by hand. Planted: the check before sending left out; caught."""
    id = saved(site)
    with site.context.store.transaction() as tx:
        row = tx.note(id)
        assert row is not None
    plan = {"resourceType": "CarePlan", "id": "x", "status": "active", "intent": "plan", "subject": {"reference": ROSA}}
    entry = {"resource": plan, "request": {"method": "PUT", "url": "CarePlan/x"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    actor = actor_of(CLINICIAN)
    with site.context.store.transaction() as tx:
        queued, record = enqueue(
            tx,
            site.context,
            actor,
            site.at,
            kind=Sending.NOTE,
            person=ROSA,
            plan=id,
            record=Kind.NOTE_SAVED,
            content={"bundle": bundle, "before": [], "plan": ""},
        )
        site.context.record(tx, actor, site.at, record)
    sent = deliver_note(site.context, queued, actor)
    assert (sent.state.value, site.chart("CarePlan")) == ("refused", [])


@pytest.mark.parametrize("moment", [0, 1, 2, 3])
def test_killed_anywhere_it_is_there_once(tmp_path: Path, moment: int) -> None:
    """The process dies before, in or after each write of the store: after a restart and `sync` one document is there.

    Planted: the outbox row written after the signature's transaction; caught.
    """

    class DiesError(BaseException):
        pass

    with Site(tmp_path / "home", tmp_path / "site.key") as site:
        site.remote()
        id = saved(site)
        store = site.context.store
        real, left = store._commit, [moment]

        def commit(connection: Any) -> None:
            if not left[0]:
                connection.rollback()
                connection.close()
                raise DiesError
            left[0] -= 1
            real(connection)

        store._commit = commit  # type: ignore[method-assign]
        with suppress(DiesError):
            site.desk.sign_note(id, actor=CLINICIAN, shown="shown")
        store._commit = real  # type: ignore[method-assign]
        site.open()
        site.remote()
        state = site.desk.notes()[0]["state"]
        if state == "draft":
            site.desk.sign_note(id, actor=CLINICIAN, shown="shown")
        site.desk.sync(actor=CLINICIAN)
        assert [one["status"] for one in documents(site)] == ["current"]
        assert len(site.chart("Provenance")) == 1
        with site.context.store.transaction() as tx:
            assert tx.outbox_ids(*OPEN) == ()
        site.desk.health()


def test_a_store_that_cannot_answer_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed commit is looked up before anything is claimed. Planted: an answer without the look; caught."""
    id = saved(site)
    store, real = site.context.store, site.context.store._commit

    def commit(connection: Any) -> None:
        if connection.execute(text("SELECT state FROM note")).scalar() == "signed":
            store._roll_back(connection)
            raise CommitUnknown("The database could not confirm that the record is durable.")
        real(connection)

    monkeypatch.setattr(store, "_commit", commit)
    with pytest.raises(CannotTell, match="nothing was saved"):
        site.desk.sign_note(id, actor=CLINICIAN, shown="shown")
    assert site.desk.note(id)["state"] == "draft"
    assert documents(site) == []
