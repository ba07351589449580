"""Backup and restore that fail at any step leave all or nothing; a backup's own settings choose no place."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.system.site import Site
from withness import files
from withness.desk.asking import actor_of
from withness.desk.backup import back_up
from withness.desk.putting_back import Places
from withness.desk.restoring import Restored, restore
from withness.errors import CannotTell, InvalidInput
from withness.places import places_of
from withness.settings import Settings

ACTOR = actor_of("Device/withness")
CALLS = ("fsync", "link", "mkdir", "open", "rename", "replace", "unlink")


@dataclass
class Fault:
    """The call that fails."""

    left: int
    failed: bool = False


@contextmanager
def failing(number: int) -> Iterator[Fault]:
    """Let the call of that number fail that makes a file or folder, renames or removes one, or forces it to disk.

    A mock: no file system can be told to fail at its seventh call.
    """
    fault = Fault(number)

    def counted(real: Any, name: str) -> Any:
        def call(*given: Any, **more: Any) -> Any:
            if name != "open" or given[1] & os.O_CREAT:
                fault.left -= 1
                if fault.left == 0:
                    fault.failed = True
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
            return real(*given, **more)

        return call

    with pytest.MonkeyPatch.context() as patched:
        for name in CALLS:
            patched.setattr(os, name, counted(getattr(os, name), name))
        yield fault


def below(folder: Path) -> set[str]:
    """Name every file in a folder and those below it, but for a lock's."""
    found = (
        {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()} if folder.exists() else []
    )
    return {one for one in found if not one.endswith(".lock")}


class Story:
    """A backup with its keys, and where it is restored to: a machine that has neither keys nor checkpoints."""

    def __init__(self, site: Site, folder: Path) -> None:
        site.enrol()
        site.screen()
        assert site.save()["saved"]
        (site.home / "withness.toml").write_text('time_zone = "Europe/Paris"\n', encoding="utf-8")
        site.catch_up()
        self.site, self.folder = site, folder
        self.source, self.keys = folder / "monday", folder / "apart" / "monday.keys"
        self.keys.parent.mkdir()

    def back_up(self, out: Path, keys_out: Path) -> None:
        with self.site.context.store.transaction() as tx:
            places = places_of(self.site.settings, tx.facts()["data_id"])
        back_up(
            self.site.context.store,
            self.site.settings,
            out,
            ACTOR,
            self.site.at,
            keys=places.keys,
            keys_out=keys_out,
            checkpoints=places.checkpoints,
        )

    def restore(self, name: str) -> Restored:
        settings = Settings(home=self.folder / name / "home", key_file=self.folder / name / "keys" / "site.key")

        def own(data_id: str) -> Places:
            return places_of(settings, data_id)

        return restore(self.source, settings.home, own, lambda _, data_id: own(data_id), self.keys)

    def require_whole(self, name: str) -> None:
        """Everything is in its place, and nothing else."""
        data_id = json.loads((self.source / "manifest.json").read_text(encoding="utf-8"))["data_id"]
        assert below(self.folder / name / "home") == {"withness.sqlite3", "chart.sqlite3", "withness.toml"}
        checkpoints = f"checkpoints/{data_id}/segment-0.checkpoint"
        assert below(self.folder / name / "keys") == {"site.key", f"{data_id}.log-key", checkpoints}


@pytest.fixture
def story(site: Site, tmp_path: Path) -> Story:
    return Story(site, tmp_path / "story")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    (tmp_path / "story").mkdir()


@pytest.mark.parametrize("name", ["monday", "monday.tar"])
def test_a_backup_that_fails_anywhere_leaves_nothing(story: Story, name: str) -> None:
    """Neither the backup nor the keys' file, nor a part of one. Planted: the keys written straight into their place."""
    for number in range(1, 200):
        out, keys = story.folder / f"out{number}" / name, story.folder / f"keys{number}" / "the.keys"
        out.parent.mkdir()
        keys.parent.mkdir()
        with failing(number) as fault:
            try:
                story.back_up(out, keys)
                done = True
            except (InvalidInput, CannotTell):
                done = False
        if done:  # what failed was no part of it: a checkpoint that is published again, or cleaning up
            assert out.exists()
            assert keys.exists()
        else:
            assert below(out.parent) == set()
            assert below(keys.parent) == set()
        if not fault.failed:
            break
    assert not fault.failed
    assert number > 20


def test_a_restore_that_fails_anywhere_is_whole_or_not_there(story: Story) -> None:
    """And a second run goes on. Planted: keys and checkpoints written before the data directory got its name."""
    story.back_up(story.source, story.keys)
    after = 0
    for number in range(1, 300):
        name = f"try{number}"
        (story.folder / name).mkdir()
        with failing(number) as fault:
            try:
                story.restore(name)
                done = True
            except InvalidInput:
                done = False
                assert below(story.folder / name) == set()
            except CannotTell as error:
                done, after = False, after + 1
                assert "its published checkpoints are not" in error.message  # noqa: PT017  one of three ways to end
                assert len(below(story.folder / name / "home")) == 3
        if not done:
            assert story.restore(name).missing_keys == ()
        story.require_whole(name)
        if not fault.failed:
            break
    assert not fault.failed
    assert number > 20
    assert after > 0, "the last step never failed"


def test_keys_that_were_left_out_come_with_a_second_run(story: Story) -> None:
    """As long as nobody has used the data directory. Planted: what an earlier run restored called used."""
    story.back_up(story.source, story.keys)
    keys, story.keys = story.keys, None  # type: ignore[assignment]
    assert story.restore("new").missing_keys == ("data", "log")
    story.keys = keys
    assert story.restore("new").missing_keys == ()
    story.require_whole("new")
    with (story.folder / "new" / "home" / "withness.toml").open("a", encoding="utf-8") as file:
        file.write("\n")
    with pytest.raises(InvalidInput, match="new or empty"):
        story.restore("new")


class TestSettingsInABackup:
    """They never choose where a file is written: whoever changed them would choose it."""

    def changed(self, story: Story, line: str) -> None:
        """Change the settings in the backup, with the manifest that names their digest."""
        story.back_up(story.source, story.keys)
        file, manifest = story.source / "withness.toml", story.source / "manifest.json"
        file.write_text(f"{line}\n", encoding="utf-8")
        found = json.loads(manifest.read_bytes())
        for one in found["parts"]:
            if one["name"] == "withness.toml":
                one.update(size=file.stat().st_size, sha256=hashlib.sha256(file.read_bytes()).hexdigest())
        manifest.write_text(json.dumps(found), encoding="utf-8")

    def restored(self, story: Story, *options: str, **environment: str) -> tuple[int, dict[str, Any]]:
        """Restore at the console, on a machine that names no place for keys but what `environment` says."""
        kept = {name: value for name, value in story.site.environment().items() if name != "WITHNESS_KEY_FILE"}
        done = subprocess.run(
            [sys.executable, "-m", "withness", "restore", str(story.source), "--json", *options],
            env={
                **kept,
                "XDG_CONFIG_HOME": str(story.folder / "config"),
                "WITHNESS_HOME": str(story.folder / "home"),
                **environment,
            },
            capture_output=True,
            check=False,
            timeout=120,
        )
        return done.returncode, json.loads(done.stdout)

    def test_keys_go_nowhere_by_them_alone(self, story: Story) -> None:
        """Refused; where whoever restores names the place too, it is written. Planted: the restored settings asked."""
        chosen = story.folder / "somebodys" / "file"
        self.changed(story, f'key_file = "{chosen}"')
        code, said = self.restored(story, "--keys", str(story.keys))
        assert (code, said["field"]) == (2, "WITHNESS_KEY_FILE")
        assert "never choose" in said["message"]
        assert below(story.folder) == {"apart/monday.keys", *(f"monday/{one}" for one in below(story.source))}
        code, said = self.restored(story, "--keys", str(story.keys), WITHNESS_KEY_FILE=str(chosen))
        assert (code, said["missing_keys"]) == (0, [])
        assert chosen.exists()

    def test_nor_do_checkpoints(self, story: Story) -> None:
        """They are left out, with a sentence. Planted: the same."""
        chosen = story.folder / "somebodys"
        self.changed(story, f'checkpoint_folder = "{chosen}"')
        code, said = self.restored(story)
        assert (code, said["state"], chosen.exists()) == (0, "not-provable", False)
        assert ["WITHNESS_CHECKPOINT_FOLDER" in one for one in said["left_out"]] == [True]

    def test_nor_those_that_an_earlier_run_put_there(self, story: Story) -> None:
        """The second run reads them in the data directory. Planted: that file taken for one's own."""
        chosen = story.folder / "somebodys" / "file"
        self.changed(story, f'key_file = "{chosen}"')
        assert self.restored(story)[0] == 0
        code, said = self.restored(story, "--keys", str(story.keys))
        assert (code, said["field"], chosen.parent.exists()) == (2, "WITHNESS_KEY_FILE", False)

    def test_another_database_is_told(self, story: Story) -> None:
        """What is restored would not be what is used. Planted: the question left out."""
        self.changed(story, f'database_url = "sqlite:///{story.folder}/other.sqlite3"')
        code, said = self.restored(story)
        assert code == 0
        assert any("another database" in one for one in said["left_out"])

    @pytest.mark.parametrize("named", ["../../escaped", "/escaped", "x" * 36])
    def test_nor_does_the_name_of_the_data_directory(self, story: Story, named: str) -> None:
        """It is part of the keys' names. Planted: any text taken."""
        story.back_up(story.source, story.keys)
        for file in (story.source / "manifest.json", story.keys):
            found = json.loads(file.read_bytes())
            file.write_text(json.dumps({**found, "data_id": named}), encoding="utf-8")
        code, said = self.restored(story, "--keys", str(story.keys))
        assert (code, said["field"]) == (2, "FROM")
        assert not (story.folder / "home").exists()


class TestFiles:
    """The one writer of files."""

    def test_where_there_are_no_links(self, tmp_path: Path) -> None:
        """A memory stick has none: renamed, and never over anything. Planted: the error let through."""

        def no_link(*_: object) -> None:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

        ready, place = tmp_path / "ready", tmp_path / "place"
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(os, "link", no_link)
            files.write_new(ready, b"one")
            files.put_in_place(ready, place)
            files.write_new(ready, b"two")
            with pytest.raises(FileExistsError):
                files.put_in_place(ready, place)
        assert (place.read_bytes(), ready.read_bytes()) == (b"one", b"two")

    def test_what_was_not_written_whole_is_not_there(self, tmp_path: Path) -> None:
        """Planted: the file left where it was."""
        with suppress(ZeroDivisionError), files.new_file(tmp_path / "new") as file:
            file.write(b"half")
            raise ZeroDivisionError
        assert below(tmp_path) == set()
