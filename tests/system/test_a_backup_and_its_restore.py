"""`withness backup` and `restore`: one moment, whole or not at all; an older copy is noticed and acknowledged."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import stat
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.system.site import COMPLIANCE, SUPERVISOR, Site, make_draft
from withness.audit import log
from withness.audit.publishing import Publisher
from withness.audit.record import Kind, Record
from withness.desk.acts import broken
from withness.desk.asking import actor_of
from withness.desk.restored import acknowledge
from withness.desk.verify import Asked, verify
from withness.desk.witnessing import sync
from withness.errors import CannotTell, InvalidInput, Refused, TrailDamaged
from withness.signing import write_signer

ACTOR = actor_of("Device/withness")


def lived_in(site: Site) -> None:
    """Enrolled people, a saved plan, an acute screen; the settings file and a published checkpoint."""
    site.enrol()
    site.screen()
    assert site.save()["saved"]
    site.screen("Patient/tom", answers={"suicide.now": "yes"})
    (site.home / "withness.toml").write_text('time_zone = "Europe/Paris"\n', encoding="utf-8")
    site.catch_up()


def backed_up(site: Site, out: Path, *more: str) -> dict[str, Any]:
    code, said = site.console_json("backup", "--out", str(out), *more)
    assert code == 0, said
    return dict(said)


def restored(site: Site, source: Path, *more: str) -> tuple[int, dict[str, Any]]:
    """Restore into another home of the same keys; return exit code and document."""
    site.desk.close()
    shutil.rmtree(site.home)
    return site.console_json("restore", str(source), "--home", str(site.home), *more)


def verdict(site: Site) -> Any:
    return verify(site.context.store, ACTOR, site.at)


class TestBackup:
    @pytest.mark.parametrize("name", ["monday", "monday.tar"])
    def test_a_restored_backup_is_the_data_directory(self, site: Site, tmp_path: Path, name: str) -> None:
        """Database, chart, settings; whole, decided again, and a plan can be saved. Planted: the chart left out."""
        lived_in(site)
        said = backed_up(site, tmp_path / name)
        parts = ["chart.sqlite3", "checkpoints/segment-0.checkpoint", "withness.sqlite3", "withness.toml"]
        assert [one["name"] for one in said["parts"]] == parts
        assert (said["whole"], said["keys"]) == (True, None)
        plans = site.care_plans()
        code, told = restored(site, tmp_path / name)
        assert (code, told["state"], told["damages"]) == (0, "as-published", [])
        site.open()
        assert site.care_plans() == plans
        found = verdict(site)
        assert (found.whole, found.damages) == (True, ())
        assert found.recomputed >= 2
        site.catch_up()
        site.screen()
        assert site.save(make_draft())["saved"]
        assert (site.home / "withness.toml").read_text(encoding="utf-8") == 'time_zone = "Europe/Paris"\n'

    def test_what_is_written_while_it_runs_is_in_both_or_in_neither(self, site: Site, tmp_path: Path) -> None:
        """A row that no commit ended is not in the copy. Planted: a bare copy of the file without its log (WAL)."""
        lived_in(site)
        keeper = sqlite3.connect(site.settings.database)  # keeps the write-ahead log from being folded in
        keeper.execute("SELECT count(*) FROM audit_leaf").fetchone()
        site.screen("Patient/ana")
        records = len(site.records(500))
        backed_up(site, tmp_path / "copy")
        keeper.close()
        with sqlite3.connect(tmp_path / "copy" / "withness.sqlite3") as copy:
            assert copy.execute("SELECT count(*) FROM audit_leaf").fetchone() == (records + 1,)

    def test_it_is_its_owners_alone_and_holds_nobodys_words(self, site: Site, tmp_path: Path) -> None:
        """0600 and 0700; keys in their own file. Planted: the umask's mode; and the key file among the parts."""
        lived_in(site)
        keys = tmp_path / "apart.keys"
        backed_up(site, tmp_path / "copy", "--with-keys", str(keys))
        backed_up(site, tmp_path / "copy.tar")
        files = [one for one in (tmp_path / "copy").rglob("*") if one.is_file()]
        assert {stat.S_IMODE(one.stat().st_mode) for one in (*files, keys, tmp_path / "copy.tar")} == {0o600}
        assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o700
        secret = json.loads(site.key_file.read_text(encoding="utf-8"))["data"].encode()
        content = b"".join(one.read_bytes() for one in (*files, tmp_path / "copy.tar"))
        assert secret not in content
        assert b"somebody to get it" not in content
        assert secret in keys.read_bytes()

    @pytest.mark.parametrize("taken", ["copy", "copy.tar", "some.keys"])
    def test_nothing_is_ever_written_over(self, site: Site, tmp_path: Path, taken: str) -> None:
        """Planted: the question left out for each; an empty folder would have been replaced."""
        lived_in(site)
        place = tmp_path / taken
        place.mkdir() if taken == "copy" else place.write_text("mine", encoding="utf-8")
        out = place if taken != "some.keys" else tmp_path / "other"
        more = ["--with-keys", str(place)] if taken == "some.keys" else []
        code, said = site.console_json("backup", "--out", str(out), *more)
        assert (code, said["field"]) == (2, "--with-keys" if more else "--out")
        assert place.is_dir() or place.read_text(encoding="utf-8") == "mine"
        assert not more or not out.exists()

    def test_keys_never_lie_in_the_backup(self, site: Site, tmp_path: Path) -> None:
        """Planted: the question left out."""
        lived_in(site)
        out = tmp_path / "copy"
        code, said = site.console_json("backup", "--out", str(out), "--with-keys", str(out / "keys"))
        assert (code, said["field"]) == (2, "--with-keys")

    def test_a_place_that_cannot_be_written_leaves_nothing_behind(self, site: Site, tmp_path: Path) -> None:
        """Neither for the backup, nor, once that is ready, for the keys. Planted: the working folder left there."""
        lived_in(site)
        out, nowhere = tmp_path / "copy.tar", tmp_path / "no" / "such"
        for options in (("--out", str(nowhere / "copy")), ("--out", str(out), "--with-keys", str(nowhere / "keys"))):
            code, _ = site.console_json("backup", *options)
            assert (code, out.exists()) == (2, False)
            assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []

    def test_a_damaged_trail_is_copied_and_told(self, site: Site, tmp_path: Path) -> None:
        """Exit 4, and the copy is there for inquiry. Planted: the copy never opened."""
        lived_in(site)
        site.damage_the_trail()
        code, said = site.console_json("backup", "--out", str(tmp_path / "copy"))
        assert (code, said["whole"]) == (4, False)
        assert (tmp_path / "copy" / "manifest.json").exists()


class TestRestore:
    @pytest.mark.parametrize(("name", "part"), [("copy", "withness.sqlite3"), ("copy.tar", "chart.sqlite3")])
    def test_a_changed_part_is_refused_before_anything_is_written(
        self, site: Site, tmp_path: Path, name: str, part: str
    ) -> None:
        """One byte. Planted: the digests of the manifest not compared."""
        lived_in(site)
        backed_up(site, tmp_path / "copy")
        file = tmp_path / "copy" / part
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        if name == "copy.tar":
            with tarfile.open(tmp_path / name, "w") as tar:
                tar.add(tmp_path / "copy", arcname=".", recursive=False)
                for one in sorted((tmp_path / "copy").rglob("*")):
                    tar.add(one, arcname=one.relative_to(tmp_path / "copy").as_posix(), recursive=False)
        code, said = restored(site, tmp_path / name)
        assert (code, said["field"]) == (2, "FROM")
        assert not site.home.exists()
        assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []

    @pytest.mark.parametrize("name", ["../escaped", "checkpoints/../../x", "withness.sqlite3.lock"])
    def test_a_manifest_that_names_another_place_is_refused(self, site: Site, tmp_path: Path, name: str) -> None:
        """Even where a file with that digest lies there. Planted: names taken as they stand."""
        lived_in(site)
        backed_up(site, tmp_path / "copy")
        (tmp_path / "copy" / name).write_bytes(b"here")
        manifest = json.loads((tmp_path / "copy" / "manifest.json").read_bytes())
        manifest["parts"].append({"name": name, "sha256": hashlib.sha256(b"here").hexdigest(), "size": 4})
        (tmp_path / "copy" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        code, said = restored(site, tmp_path / "copy")
        assert (code, said["field"], site.home.exists()) == (2, "FROM", False)

    def test_what_is_no_backup_is_refused(self, site: Site, tmp_path: Path) -> None:
        """A folder without a manifest, a file that is no tar, nothing at all. Planted: each read as an empty backup."""
        (tmp_path / "folder").mkdir()
        (tmp_path / "file.tar").write_text("no tar", encoding="utf-8")
        for name in ("folder", "file.tar", "nothing"):
            code, said = site.console_json("restore", str(tmp_path / name), "--home", str(tmp_path / "new"))
            assert (code, said["field"]) == (2, "FROM")

    def test_a_used_data_directory_is_never_restored_over(self, site: Site, tmp_path: Path) -> None:
        """Planted: the question left out."""
        lived_in(site)
        backed_up(site, tmp_path / "copy")
        code, said = site.console_json("restore", str(tmp_path / "copy"), "--home", str(site.home))
        assert (code, said["field"]) == (2, "--home")
        assert "new or empty data directory" in said["message"]

    def test_keys_come_back_where_there_are_none_and_never_over_others(self, site: Site, tmp_path: Path) -> None:
        """Planted: another key overwritten; and the keys of another directory taken."""
        lived_in(site)
        keys = tmp_path / "apart.keys"
        backed_up(site, tmp_path / "copy", "--with-keys", str(keys))
        own = site.key_file.read_text(encoding="utf-8")
        site.key_file.unlink()
        code, said = restored(site, tmp_path / "copy")
        assert (code, said["missing_keys"]) == (0, ["data"])
        code, _ = restored(site, tmp_path / "copy", "--keys", str(keys))
        assert (code, site.key_file.read_text(encoding="utf-8")) == (0, own)
        assert stat.S_IMODE(site.key_file.stat().st_mode) == 0o600
        site.key_file.write_text("another", encoding="utf-8")
        code, said = restored(site, tmp_path / "copy", "--keys", str(keys))
        assert (code, said["field"], site.home.exists()) == (2, "--keys", False)
        site.key_file.unlink()
        kept = keys.read_text(encoding="utf-8")
        keys.write_text(json.dumps({**json.loads(kept), "keys": {"data": "{}"}}), encoding="utf-8")
        code, said = restored_again(site, tmp_path / "copy", keys)
        assert (code, said["field"], site.key_file.exists()) == (2, "--keys", False), "a key that opens nothing"
        keys.write_text(kept.replace('"data_id": "', '"data_id": "0'), encoding="utf-8")
        code, said = restored_again(site, tmp_path / "copy", keys)
        assert (code, said["field"]) == (2, "--keys")
        assert "another data directory" in said["message"]


def restored_again(site: Site, source: Path, keys: Path) -> tuple[int, dict[str, Any]]:
    return site.console_json("restore", str(source), "--home", str(site.home), "--keys", str(keys))


@pytest.fixture
def older(site: Site, tmp_path: Path) -> Site:
    """A site that was restored from a copy which is older than what was published since."""
    lived_in(site)
    backed_up(site, tmp_path / "copy")
    site.screen("Patient/ana", answers={"suicide.now": "yes"})  # opens a protocol: published at once
    code, said = restored(site, tmp_path / "copy")
    assert (code, said["state"]) == (4, "older-than-published")
    [published] = said["published"]
    assert published["size"] > said["log"][0]["size"]
    site.open()
    site.catch_up()
    return site


@dataclass(frozen=True)
class Longer:
    """An older copy, and a reviewer who saw more records than were ever published."""

    site: Site
    note: str
    state: Path


@pytest.fixture
def longer(site: Site, tmp_path: Path) -> Longer:
    """Two more records are seen by a reviewer after the last that was published; then the copy is restored."""
    lived_in(site)
    backed_up(site, tmp_path / "copy")
    site.screen("Patient/ana", answers={"suicide.now": "yes"})
    publisher = site.context.store.publisher
    assert publisher is not None
    site.console("audit", "show")
    with site.context.store.transaction() as tx:
        head = tx.head()
        assert head is not None
        note = publisher.note(head)
    assert f"\n{head.size}\n" not in publisher.folder.read()[0]
    state = tmp_path / "reviewer.json"
    sync(site.context.store, state)
    assert restored(site, tmp_path / "copy")[0] == 4
    site.open()
    site.catch_up()
    return Longer(site, note, state)


def _recorded_and_gone(tx: Any, site: Site) -> None:
    """A record that begins a segment, in a transaction that never comes to its end."""
    log.append(tx, [Record(Kind.NOTE_SAVED, ACTOR.ref, ACTOR.os_user)], at=site.at)
    raise KeyboardInterrupt


def _unsigned(replace: Any, record: Any) -> Any:
    """The record without the act that stands behind it."""
    return replace(record, details={name: one for name, one in record.details.items() if name != "act"})


def acknowledged(site: Site) -> Any:
    return acknowledge(site.context, site.keys[COMPLIANCE], site.sam, ACTOR)


def is_broken(site: Site) -> bool:
    with site.context.store.transaction() as tx:
        return broken(tx)


class TestAnOlderCopy:
    def test_it_saves_no_plan_until_two_people_acknowledge_what_is_lost(self, older: Site) -> None:
        """The record begins a sound segment, verify tells it. Planted: every later segment broken; none of them so."""
        with pytest.raises(TrailDamaged):
            older.save(make_draft())
        loss = acknowledged(older)
        assert loss.lost[0]["size"] > loss.have[0]["size"]
        older.screen()
        assert older.save(make_draft())["saved"]
        found = verdict(older)
        assert (found.whole, found.damages) == (True, ())
        assert "acknowledges that an older copy was restored" in found.losses[0]
        older.desk.close()
        older.open()
        assert not is_broken(older)

    @pytest.mark.parametrize("durable", [True, False])
    def test_a_crash_before_the_new_segments_checkpoint_takes_nothing_over(
        self, older: Site, monkeypatch: pytest.MonkeyPatch, durable: bool
    ) -> None:
        """After the COMMIT, and before it. Planted: the segment's file begun only afterwards: plans waited (exit 7);
        and begun with its first record, which then counted as lost; both caught.
        """
        if durable:
            monkeypatch.setattr(Publisher, "durable", lambda *_: None)
            acknowledged(older)
        else:
            with pytest.raises(KeyboardInterrupt), older.context.store.transaction() as tx:
                _recorded_and_gone(tx, older)
        monkeypatch.undo()
        older.desk.close()
        older.open()
        if not durable:
            assert [one["segment"] for one in acknowledged(older).lost] == [0]
        older.catch_up()
        older.screen()
        assert older.save(make_draft())["saved"]
        assert not [one for one in older.records(500) if one["kind"] == "key.rotated"]
        assert (verdict(older).whole, older.console("audit", "verify").returncode) == (True, 0)

    def test_notes_and_verifications_before_it_do_not_stand_in_its_way(self, older: Site) -> None:
        """They began a segment of their own. Planted: any such segment taken for damage that was found."""
        older.screen("Patient/tom")
        assert verdict(older).whole is False
        assert is_broken(older)
        acknowledged(older)
        assert not is_broken(older)
        assert verdict(older).whole is True

    def test_a_reviewers_anchor_from_before_the_loss_is_no_new_damage(self, older: Site) -> None:
        """Only of what was signed for. Planted: an anchor beyond the copy's end called damage, which shuts the gate."""
        publisher = older.context.store.publisher
        assert publisher is not None
        asked = Asked(anchors=[publisher.folder.read()[0]])
        assert verify(older.context.store, ACTOR, older.at, asked).whole is False
        acknowledged(older)
        found = verify(older.context.store, ACTOR, older.at, asked)
        assert (found.whole, found.damages, is_broken(older)) == (True, (), False)

    def test_an_anchor_that_knows_more_than_was_published_is_told_as_lost(self, longer: Longer) -> None:
        """Nobody could sign for it by name. Planted: called damage, which ended every plan for ever."""
        asked = Asked(anchors=[longer.note])
        site = longer.site
        assert verify(site.context.store, ACTOR, site.at, asked).whole is False
        acknowledged(site)
        found = verify(site.context.store, ACTOR, site.at, asked)
        assert (found.whole, found.damages, is_broken(site)) == (True, (), False)
        assert "that two people acknowledged as lost on" in found.losses[-1]
        assert "more than were published then" in found.losses[-1]
        site.screen()
        assert site.save(make_draft())["saved"]
        with pytest.raises(CannotTell, match="nothing can begin there"):
            verify(site.context.store, ACTOR, site.at, Asked(start=longer.note))

    def test_a_reviewer_goes_on_after_a_loss_that_two_signed_for(self, longer: Longer) -> None:
        """And keeps what they saw. Planted: gone on with before anybody had signed; the earlier file written over."""
        site, state, before = longer.site, longer.state, longer.state.read_bytes()
        with pytest.raises(TrailDamaged, match="cut off"):
            sync(site.context.store, state)
        assert state.read_bytes() == before
        acknowledged(site)
        with pytest.raises(InvalidInput, match="no proof"):
            sync(site.context.store, state, proof_out=state.with_name("proof"))
        done = site.console("audit", "sync-reviewer", "--state", str(state))
        assert done.returncode == 0, done.stderr
        assert "Two people acknowledged on" in done.stderr
        assert f"{COMPLIANCE} and {SUPERVISOR}" in done.stderr
        [kept] = state.parent.glob("*.before-record-*")
        assert json.loads(kept.read_bytes())["checkpoint"] == json.loads(before)["checkpoint"]
        site.screen()
        later = sync(site.context.store, state)
        assert (later.loss, later.kept) == ("", None)

    def test_a_reviewer_who_saw_what_is_left_goes_on_too(self, older: Site, tmp_path: Path) -> None:
        """Planted: any new segment an end to what was seen; caught."""
        state = tmp_path / "early.json"
        note = (tmp_path / "copy" / "checkpoints" / "segment-0.checkpoint").read_text(encoding="utf-8")
        assert older.context.store.publisher is not None
        said = {"format": "withness-reviewer/1", "vkey": older.context.store.publisher.key.vkey, "checkpoint": note}
        state.write_text(json.dumps(said), encoding="utf-8")
        acknowledged(older)
        done = sync(older.context.store, state)
        assert "0 are lost" in done.loss

    def test_a_forged_acknowledgement_moves_no_reviewer(self, longer: Longer, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nobody signed it. Planted: `acknowledged` taken at its word by `sync-reviewer`; caught."""
        from dataclasses import replace

        from withness.desk import restored as module

        real = module.write
        monkeypatch.setattr(module, "write", lambda *given: _unsigned(replace, real(*given)))
        acknowledged(longer.site)
        with pytest.raises(TrailDamaged):
            sync(longer.site.context.store, longer.state)

    def test_two_people_sign_it_one_of_them_in_compliance(self, older: Site) -> None:
        """Planted: the second one not asked for; and anybody taken as the first."""
        kim = older.keys[COMPLIANCE]
        for first, second, said in ((kim, None, "second signer"), (older.pat, older.sam, "compliance")):
            with pytest.raises(Refused, match=said):
                acknowledge(older.context, first, second, ACTOR)
        assert is_broken(older)

    def test_a_copy_that_is_damaged_by_itself_is_never_acknowledged(self, older: Site) -> None:
        """Damage that was found stays, whatever is signed. Planted: the structure not looked at before signing."""
        older.damage_the_trail()
        with pytest.raises(TrailDamaged):
            acknowledged(older)
        assert is_broken(older)

    def test_damage_that_is_found_later_is_damage(self, older: Site) -> None:
        """Also after the segment was sound. Planted: `verify` beginning a new segment after segment 0 alone."""
        acknowledged(older)
        older.screen()
        assert older.save(make_draft())["saved"]
        older.damage_the_trail()
        assert is_broken(older)
        with pytest.raises(TrailDamaged):
            acknowledged(older)

    def test_nothing_lost_is_nothing_to_acknowledge(self, site: Site) -> None:
        """Planted: a sound log given a new segment."""
        site.enrol()
        with pytest.raises(InvalidInput, match="nothing to acknowledge"):
            acknowledged(site)

    def test_what_is_lost_after_it_is_noticed_again(self, older: Site, tmp_path: Path) -> None:
        """The same old copy put back once more, the acknowledgement gone. Planted: a loss acknowledged for good."""
        acknowledged(older)
        code, said = restored(older, tmp_path / "copy")
        assert (code, said["state"]) == (4, "older-than-published")
        older.open()
        assert is_broken(older)
        older.catch_up()
        acknowledged(older)
        assert not is_broken(older)
        with older.context.store.transaction() as tx:
            assert [one.segment for one in tx.heads()] == [0, 2]
        assert verdict(older).whole is True

    @pytest.mark.parametrize("forged", ["no act", "another act", "another loss"])
    def test_an_acknowledgement_that_nobody_signed_so_is_found(self, older: Site, forged: str) -> None:
        """verify and the gate hold the signed act against the record. Planted: each taking the record at its word."""
        from dataclasses import replace

        from withness.desk import restored as module

        real = module.write
        enrolment = next(one for one in older.records(500) if one["kind"] == "actor.changed")

        def write(*given: Any, **more: Any) -> Record:
            made = real(*given, **more)
            if forged == "no act":
                return replace(made, details={})
            if forged == "another act":
                return replace(made, patient=enrolment["patient"], details=enrolment["details"])
            return made

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(module, "write", write)
            if forged == "another loss":
                less = {"lost": [], "have": []}
                patched.setattr(module.Loss, "as_dict", _answers([less, {"lost": [{"segment": 0}], "have": []}]))
            acknowledged(older)
        older.screen()
        with pytest.raises(TrailDamaged):
            older.save(make_draft())
        said = [one.what for one in verdict(older).damages]
        assert any("acknowledgement" in one for one in said), said

    def test_at_the_console(self, older: Site, tmp_path: Path) -> None:
        """Planted: the second signer's key left out of the call."""
        options = []
        for who, name, option in ((COMPLIANCE, "kim", ""), (SUPERVISOR, "sam", "second-")):
            write_signer(older.keys[who], tmp_path / f"{name}.key", "twelve letters")
            (tmp_path / f"{name}.txt").write_text("twelve letters\n", encoding="utf-8")
            options += ["--second" if option else "--actor", who, f"--{option}key", str(tmp_path / f"{name}.key")]
            options += [f"--{option}passphrase-file", str(tmp_path / f"{name}.txt")]
        code, said = older.console_json("restore", "--acknowledge", *options)
        assert (code, [one["segment"] for one in said["lost"]]) == (0, [0])
        assert older.console("audit", "verify").returncode == 0


def _answers(given: list[dict[str, Any]]) -> Any:
    left = list(given)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]
