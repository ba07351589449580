"""A folder of checkpoints that is not there is no clearance: plans wait, all else goes on, none is begun silently."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.notes import ROSA, signed
from tests.system.site import COMPLIANCE, Site, make_draft
from withness.desk.acts import require_directory
from withness.errors import CannotTell, TrailDamaged


def folder(site: Site) -> Path:
    """Where the site publishes its checkpoints."""
    assert site.context.store.publisher is not None
    return site.context.store.publisher.folder.path


def _emptied(path: Path) -> None:
    for one in path.glob("*.checkpoint"):
        one.unlink()


def _newest_taken(path: Path) -> None:
    (path / "segment-0.checkpoint").unlink()


GONE: dict[str, Callable[[Path], None]] = {"missing": shutil.rmtree, "emptied": _emptied, "one taken": _newest_taken}


def refused(site: Site) -> None:
    """Plan and release are held, with a sentence that names the folder and the way on."""
    with pytest.raises(CannotTell, match="a technical reason that has nothing to do with you") as held:
        site.save(make_draft())
    assert "folder of published checkpoints" in held.value.hint
    assert str(folder(site)) in held.value.hint
    assert "--take-over" in held.value.hint
    with pytest.raises(CannotTell, match="folder of published checkpoints"), site.context.store.transaction() as tx:
        require_directory(tx)


@pytest.mark.parametrize("how", GONE)
def test_plans_wait_and_all_else_is_recorded(site: Site, how: str, tmp_path: Path) -> None:
    """Planted: what is not there counted as nothing published; a folder begun by the next record; each row saw both."""
    site.screen()
    kept = shutil.copytree(folder(site), tmp_path / "kept")
    GONE[how](folder(site))
    site.open()
    refused(site)
    site.screen()
    assert signed(site)["delivery"] == {ROSA: "delivered"}
    assert signed(site, "safety")["state"] == "signed"
    assert site.console("backup", "--out", str(tmp_path / "copy")).returncode == 0
    site.pass_time(minutes=10)
    site.screen(answers={"suicide.now": "yes"}, who="Patient/tom")  # this asks for a checkpoint at once
    assert not (folder(site) / "segment-0.checkpoint").exists()
    assert "could not be published" in site.context.store.publisher.trouble  # type: ignore[union-attr]
    refused(site)
    assert site.console("audit", "verify").returncode == 7
    assert site.desk.worklist(actor=COMPLIANCE)[0]["item"] == "unproven-now"
    assert "so nobody can tell" in site.desk.report(actor=COMPLIANCE)["attention"][0]["said"]
    assert {one["segment"] for one in site.records()} == {0}
    shutil.copytree(kept, folder(site), dirs_exist_ok=True)
    site.catch_up()
    site.screen()
    assert site.save()["decision"] == "released"


def why(site: Site) -> list[str]:
    """What the gate says of the trail at a screen."""
    return [one["why"] for one in site.screen()["findings"] if one["item"] == "trail"]


def test_the_gates_reason_says_what_is_so(site: Site, tmp_path: Path) -> None:
    """Planted: "damaged" where nothing is; and "cannot be checked" of what is damaged, too; both were seen here."""
    site.screen()
    for away in (folder(site), *site.key_file.parent.glob("*.log-key")):
        site.desk.close()
        away.rename(tmp_path / "away")
        site.open()
        site.catch_up()
        assert why(site) == ["the audit trail cannot be checked now"]
        site.desk.close()
        (tmp_path / "away").rename(away)
        site.open()
    assert why(site) == []
    assert site.console("audit", "verify").returncode == 0, "decided again with the reason of then"
    site.damage_the_trail()
    shutil.rmtree(folder(site))
    assert why(site) == ["the audit trail is damaged, or names other screens than those on record"]


def test_an_older_copy_without_the_folder_lets_no_plan_through(site: Site, tmp_path: Path) -> None:
    """Rollback, and the folder is not mounted. Planted: nothing published, nothing to fall short of; caught."""
    site.screen()
    site.desk.close()
    older = shutil.copy(site.settings.database, tmp_path / "older.sqlite3")
    site.open()
    site.screen(answers={"suicide.now": "yes"})
    site.desk.close()
    away = shutil.move(folder(site), tmp_path / "away")
    for beside in site.home.glob("withness.sqlite3-*"):
        beside.unlink()
    shutil.copy(older, site.settings.database)
    site.open()
    refused(site)
    site.screen("Patient/ana")
    refused(site)
    shutil.move(away, folder(site))
    with pytest.raises(TrailDamaged):
        site.save()


def test_a_folder_begun_anew_is_on_record_and_on_the_worklist(site: Site) -> None:
    """Planted: taken over without a record; that record taken for another log key; each was seen here."""
    site.enrol()
    site.screen()
    shutil.rmtree(folder(site))
    assert site.console("audit", "checkpoint").returncode == 7
    code, said = site.console_json("audit", "checkpoint", "--take-over", "--actor", COMPLIANCE)
    assert (code, said["trouble"]) == (0, "")
    newest = site.records(1)[0]
    assert (newest["kind"], newest["outcome"], newest["actor"]) == ("key.rotated", "folder", COMPLIANCE)
    assert "folder of checkpoints was begun anew" in site.console("audit", "worklist", "--actor", COMPLIANCE).stdout
    site.open()
    site.catch_up()
    site.screen()
    assert site.save()["decision"] == "released"
    assert site.console("audit", "verify").returncode == 0
    assert site.console("key", "rotate").returncode == 0
    assert site.console("audit", "verify").returncode == 0


def test_the_live_directory_has_nothing_to_take_over(site: Site) -> None:
    """It was recorded, and asked compliance whether somebody had meant it."""
    site.screen()
    before = len(site.records(500))
    said = site.console("audit", "checkpoint", "--take-over", "--actor", COMPLIANCE)
    assert (said.returncode, "nothing was taken over" in said.stdout) == (0, True)
    assert len(site.records(500)) == before
    assert site.console_json("audit", "checkpoint", "--take-over")[1]["taken_over"] is False


def test_a_fresh_directory_begins_its_folder_before_its_first_record(site: Site) -> None:
    """Killed after its first commit it is no riddle. Planted: nothing published at set-up; caught."""
    assert (folder(site) / "segment-0.checkpoint").read_text(encoding="utf-8").splitlines()[1] == "0"
    with site.context.store.transaction() as tx:
        assert tx.head() is None
    site.screen()
    assert site.save()["decision"] == "released"


def test_another_folder_for_a_used_database_is_begun_by_nobody_but_people(site: Site, tmp_path: Path) -> None:
    """A setting with a slip in it. Planted: an empty folder begun by the first record; caught."""
    site.screen()
    site.desk.close()
    elsewhere = Site(site.home, site.key_file, checkpoint_folder=tmp_path / "elsewhere")
    with elsewhere:
        refused(elsewhere)
        elsewhere.screen("Patient/tom")
        assert not (tmp_path / "elsewhere").exists()
    site.open()
