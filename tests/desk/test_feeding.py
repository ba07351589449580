"""The audit repository is told of every record, in order and at least once; that it is down holds nothing up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.servers.hapi import HapiServer
from tests.system.site import CLINICIAN, Site
from tests.system.test_a_backup_and_its_restore import acknowledged, backed_up, restored

from withness.desk import feeding
from withness.desk.feeding import Fed, feed
from withness.ehr.client import FhirClient
from withness.ehr.local import LocalChart
from withness.ehr.port import Ehr, Resource, Written
from withness.errors import InvalidInput
from withness.fhir.audit_events import event_id
from withness.seal import Seal
from withness.settings import Settings

NOBODY = "http://127.0.0.1:9/fhir"
"""Nothing listens there (discard)."""


class Noting:
    """An embedded chart as repository, and the order in which it was told."""

    address = "https://arr.example.org/fhir"

    def __init__(self, chart: LocalChart) -> None:
        self.chart, self.told = chart, list[str]()
        self.lost = False

    def transact(self, bundle: Resource) -> tuple[Written, ...]:
        self.told += [entry["resource"]["id"] for entry in bundle["entry"]]
        done = self.chart.transact({"id": "told", **bundle})
        if self.lost:
            raise feeding.EhrUnavailable("The EHR's answer was lost.")
        return done


@pytest.fixture
def noting(site: Site, tmp_path: Path) -> Noting:
    """A repository for the site's records."""
    site.screen()
    site.save()
    return Noting(LocalChart(tmp_path / "arr.sqlite3", Seal(b"k" * 32), now=lambda: datetime.now(UTC)))


def fed(site: Site, repository: Any) -> Fed:
    return feed(replace(site.context, repository=repository))


def ids(site: Site) -> list[str]:
    """The ids of every record's event, in order."""
    with site.context.store.transaction() as tx:
        return [event_id(tx.facts()["data_id"], leaf.segment, leaf.leaf_hash.hex()) for leaf in tx.leaves()]


def test_every_record_is_told_once_and_in_order(site: Site, noting: Noting, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Bundles. Planted: the cursor set behind the Bundle's last record by one too many; caught."""
    monkeypatch.setattr(feeding, "BATCH", 2)
    many = len(ids(site))
    assert fed(site, noting) == Fed(many, 0)
    assert noting.told == ids(site)
    assert fed(site, noting) == Fed(0, 0)
    site.screen()
    assert fed(site, noting).told == len(ids(site)) - many
    assert noting.told == ids(site)
    assert len(list(noting.chart.search("AuditEvent"))) == len(ids(site))


def test_a_run_has_an_end(site: Site, noting: Noting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest waits for the next. Planted: what waits not counted; caught."""
    monkeypatch.setattr(feeding, "BATCH", 1)
    monkeypatch.setattr(feeding, "MOST", 2)
    many = len(ids(site))
    assert fed(site, noting) == Fed(2, many - 2)
    assert fed(site, noting) == Fed(2, many - 4)
    assert noting.told == ids(site)[:4]


def test_an_answer_that_was_lost_tells_it_again_under_the_same_id(site: Site, noting: Noting) -> None:
    """At least once. Planted: the cursor moved before the answer; caught."""
    noting.lost = True
    done = fed(site, noting)
    assert (done.told, done.waiting) == (0, len(ids(site)))
    assert done.trouble == "The audit repository has not been told everything: The EHR's answer was lost."
    noting.lost = False
    assert fed(site, noting) == Fed(len(ids(site)), 0)
    assert noting.told == ids(site) * 2
    assert len(list(noting.chart.search("AuditEvent"))) == len(ids(site))


def test_each_repository_has_its_own_place(site: Site, noting: Noting) -> None:
    """Planted: one cursor for all; caught."""
    fed(site, noting)
    noting.address = "https://other.example.org/fhir"
    assert fed(site, noting).told == len(ids(site))


def test_a_repository_that_is_down_holds_nothing_up(tmp_path: Path) -> None:
    """Plans are delivered, and the records wait. Planted: the feed before the outbox, its error let through; caught."""
    with Site(tmp_path / "home", tmp_path / "keys" / "k", audit_repository=NOBODY) as site:
        site.screen()
        assert site.save()["saved"] is True
        done = site.desk.sync(actor=CLINICIAN)
        assert (done["waiting"], done["fed"], done["unfed"]) == (0, 0, len(ids(site)))
        assert len(done["troubles"]) == 1
        assert "127.0.0.1" not in done["troubles"][0]


def lose(site: Site, noting: Noting, tmp_path: Path) -> tuple[list[str], int, str]:
    """Tell everything, put an older copy back, and sign for the loss.

    Returns the events that were told, and how far they went until when.
    """
    site.enrol()
    site.catch_up()
    backed_up(site, tmp_path / "copy")
    site.screen("Patient/ana", answers={"suicide.now": "yes"})
    fed(site, noting)
    told = list(noting.told)
    with site.context.store.transaction() as tx:
        far, at = tx.fed(noting.address), tx.fed_at(noting.address)
    restored(site, tmp_path / "copy")
    site.open()
    site.catch_up()
    acknowledged(site)
    return told, far, at


def test_what_takes_a_lost_records_number_is_an_event_of_its_own(site: Site, noting: Noting, tmp_path: Path) -> None:
    """The repository keeps both. Planted: the id made of the number; caught, for the lost ones were overwritten."""
    told, _, _ = lose(site, noting, tmp_path)
    site.screen("Patient/tom")
    assert fed(site, noting).trouble == ""
    assert set(ids(site)) < set(noting.told)
    assert len(list(noting.chart.search("AuditEvent"))) == len({*told, *ids(site)})
    versions = [one.version for one in noting.chart.search("AuditEvent") if one.resource["id"] not in ids(site)]
    assert versions
    assert set(versions) == {"1"}


def test_after_a_loss_it_goes_on_with_the_first_record_of_what_is_new(
    site: Site, noting: Noting, tmp_path: Path
) -> None:
    """However far it was told before. Planted: the place taken as it is; records of the new segment skipped, caught."""
    _, far, at = lose(site, noting, tmp_path)
    with site.context.store.transaction() as tx:
        begun = tx.heads()[-1].first_seq
        tx.put_fed(noting.address, far, at)
    for _ in range(4):
        site.screen("Patient/tom")
    new = ids(site)[begun:]
    assert len(ids(site)) > far > begun
    noting.told.clear()
    assert fed(site, noting) == Fed(len(new), 0)
    assert noting.told == new
    assert fed(site, noting) == Fed(0, 0)


def test_a_place_behind_the_end_is_trouble(site: Site, noting: Noting) -> None:
    """Somebody moved it. Planted: taken for a repository that knows everything; caught."""
    fed(site, noting)
    many = len(ids(site))
    with site.context.store.transaction() as tx:
        tx.put_fed(noting.address, many + 7, tx.fed_at(noting.address))
    done = fed(site, noting)
    assert (done.told, done.waiting) == (0, many)
    assert f"told {many + 7} records, and the log has {many}: nobody knows what it was told." in done.trouble


def test_a_clock_that_goes_back_tells_nothing_for_ever(
    site: Site, noting: Noting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: the time of telling taken from the clock alone; caught, for each run began anew."""
    monkeypatch.setattr(feeding, "BATCH", 2)
    site.pass_time(hours=-3)
    assert fed(site, noting) == Fed(len(ids(site)), 0)
    assert fed(site, noting) == Fed(0, 0)


def test_a_damaged_trail_is_not_told_as_if_it_were_whole(site: Site, noting: Noting, tmp_path: Path) -> None:
    """Nothing is signed that contradicts what was published. Planted: the checkpoint made without asking; caught."""
    publisher = site.context.store.publisher
    assert publisher is not None
    with site.context.store.transaction() as tx:
        head = tx.head()
    assert head is not None
    note = publisher.key.sign(replace_size(publisher.note(head)))
    publisher.folder.publish(head.segment, note, site.at)
    done = fed(site, noting)
    assert (done.told, noting.told) == (0, [])
    assert "cut off" in done.trouble


def replace_size(note: str) -> Any:
    """A checkpoint of one record more: what was published before somebody cut the log."""
    from withness.audit.checkpoint import read

    said = read(note).checkpoint
    return replace(said, size=said.size + 1)


def test_without_a_repository_nothing_is_told(site: Site) -> None:
    """Planted: what waits counted for nobody; caught."""
    site.screen()
    assert feed(site.context) == Fed()
    assert site.desk.sync(actor=CLINICIAN)["unfed"] == 0


@pytest.mark.parametrize("wrong", ["ftp://x", "arr.example.org", "https://kim:secret@arr.example.org"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, wrong: str) -> None:
    """Planted: only the EHR's address looked at; caught."""
    with pytest.raises(InvalidInput) as refused:
        Settings(home=tmp_path, audit_repository=wrong)
    assert refused.value.field == "WITHNESS_AUDIT_REPOSITORY"
    assert "secret" not in refused.value.message


def test_a_real_server_is_told_once_whatever_happens(
    hapi_server: HapiServer, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HAPI keeps each event under its id. Planted: POST in the place of PUT; caught, for the second try doubles it."""
    site.screen()
    client: Ehr = FhirClient(hapi_server.base_url)
    first = fed(site, client)
    assert (first.trouble, first.told) == ("", len(ids(site)))
    with site.context.store.transaction() as tx:
        tx.put_fed(client.address, 0, "2026-11-22T09:00:00.000000Z")
    assert fed(site, client).told == len(ids(site))
    for seq, id in enumerate(ids(site)):
        found = client.read(f"AuditEvent/{id}")
        assert found is not None
        details = {one["type"]: one["valueString"] for one in found.resource["entity"][-1]["detail"]}
        assert details["record"] == str(seq)
        with site.context.store.transaction() as tx:
            [leaf] = tx.leaves_between(seq, seq + 1)
        assert details["leaf-hash"] == leaf.leaf_hash.hex()
        assert found.resource["recorded"] == json.loads(leaf.body)["at"]
