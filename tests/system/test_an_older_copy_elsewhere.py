"""An older copy, restored beside the directory that goes on: its log key, what it says, and how it takes over."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.system.site import COMPLIANCE, SUPERVISOR, Site, make_draft
from withness.audit import offline_verifier
from withness.signing import write_signer


class Elsewhere:
    """A backup with its keys, a log key rotated since, and the copy restored into another folder."""

    def __init__(self, site: Site, folder: Path) -> None:
        site.enrol()
        site.screen()
        assert site.save()["saved"]
        site.catch_up()
        self.site, self.home, self.copy, self.keys = (
            site,
            folder / "again",
            folder / "monday.tar",
            folder / "monday.keys",
        )
        assert site.console("backup", "--out", str(self.copy), "--with-keys", str(self.keys)).returncode == 0
        self.signing: list[str] = []
        for who, name, option in ((COMPLIANCE, "kim", ""), (SUPERVISOR, "sam", "second-")):
            write_signer(site.keys[who], folder / f"{name}.key", "twelve letters")
            (folder / f"{name}.txt").write_text("twelve letters\n", encoding="utf-8")
            self.signing += ["--second" if option else "--actor", who, f"--{option}key", str(folder / f"{name}.key")]
            self.signing += [f"--{option}passphrase-file", str(folder / f"{name}.txt")]

    def rotate(self) -> None:
        """Give the log that goes on another key."""
        assert self.site.console("key", "rotate").returncode == 0

    def here(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Ask the copy."""
        done = self.site.console(*arguments, "--home", str(self.home), "--json")
        return done.returncode, json.loads(done.stdout)

    def acknowledge(self, *more: str) -> tuple[int, dict[str, Any]]:
        """Let two people sign for what is lost."""
        return self.here("restore", "--acknowledge", *more, *self.signing)


@pytest.fixture
def elsewhere(site: Site, tmp_path: Path) -> Elsewhere:
    return Elsewhere(site, tmp_path)


def log_keys(site: Site) -> list[str]:
    """The log keys that lie beside the data key: what their names end with."""
    return sorted(one.name.partition(".log-key")[2] for one in site.key_file.parent.glob("*.log-key*"))


def test_it_has_the_log_key_of_its_time_beside_the_later_one(elsewhere: Elsewhere) -> None:
    """Both go on, each with its own. Planted: --keys refused for the later key; that one moved away; caught."""
    elsewhere.rotate()
    [later] = elsewhere.site.key_file.parent.glob("*.log-key")
    kept = later.read_bytes()
    code, said = elsewhere.here("restore", str(elsewhere.copy))
    assert (code, said["missing_keys"]) == (4, ["log"])
    code, said = elsewhere.here("restore", str(elsewhere.copy), "--keys", str(elsewhere.keys))
    assert (code, said["missing_keys"]) == (4, [])
    assert later.read_bytes() == kept
    assert len(log_keys(elsewhere.site)) == 2
    assert elsewhere.site.console("audit", "verify").returncode == 0
    assert elsewhere.acknowledge("--take-over")[0] == 0
    code, found = elsewhere.here("audit", "verify")
    assert (code, found["whole"], found["unchecked"]) == (0, True, [])
    assert elsewhere.here("audit", "sweep")[0] == 0


def test_what_backs_up_and_rotates_its_key_means_its_own(elsewhere: Elsewhere, tmp_path: Path) -> None:
    """Planted: the key in the common place backed up, and written over by the copy's rotation; both were seen here."""
    elsewhere.rotate()
    [later] = elsewhere.site.key_file.parent.glob("*.log-key")
    kept = later.read_bytes()
    elsewhere.here("restore", str(elsewhere.copy), "--keys", str(elsewhere.keys))
    assert elsewhere.here("key", "backup", "--out", str(tmp_path / "one"))[0] == 0
    own = json.loads(elsewhere.keys.read_bytes())["keys"]["log"]
    assert (tmp_path / "one.log-key").read_text(encoding="utf-8") == own
    assert elsewhere.acknowledge("--take-over")[0] == 0
    again = tmp_path / "again.keys"
    assert elsewhere.here("backup", "--out", str(tmp_path / "c"), "--with-keys", str(again))[0] == 0
    assert json.loads(again.read_bytes())["keys"]["log"] == own
    assert elsewhere.here("key", "rotate")[0] == 0
    assert later.read_bytes() == kept
    assert len(log_keys(elsewhere.site)) == 2, "the one that was replaced does not stay"
    assert elsewhere.here("audit", "verify")[0] == 0


def test_a_reviewer_who_knows_the_later_key_is_told_why_it_is_another(elsewhere: Elsewhere, tmp_path: Path) -> None:
    """It said that the key might be lost, which it is not."""
    elsewhere.rotate()
    state = str(tmp_path / "reviewer.json")
    assert elsewhere.site.console("audit", "sync-reviewer", "--state", state).returncode == 0
    assert elsewhere.here("restore", str(elsewhere.copy), "--keys", str(elsewhere.keys))[0] == 4
    assert elsewhere.acknowledge("--take-over")[0] == 0
    code, said = elsewhere.here("audit", "sync-reviewer", "--state", state)
    assert (code, "An older copy was restored" in said["message"], "--vkey KEY" in said["hint"]) == (4, True, True)
    now = said["message"].rpartition(": ")[2]
    code, said = elsewhere.here("audit", "sync-reviewer", "--state", state, "--vkey", now)
    assert (code, bool(said["loss"])) == (0, True)


def test_a_lost_key_of_its_time_is_replaced_and_the_later_one_stays(elsewhere: Elsewhere) -> None:
    """Planted: the new key put over the one of the directory that goes on; caught."""
    elsewhere.rotate()
    [later] = elsewhere.site.key_file.parent.glob("*.log-key")
    kept = later.read_bytes()
    elsewhere.here("restore", str(elsewhere.copy))
    code, found = elsewhere.here("audit", "verify")
    assert code == 4
    assert "not the one that the trail names" in found["unchecked"][0]
    assert elsewhere.here("key", "rotate", "--lost")[0] == 0
    assert later.read_bytes() == kept
    assert elsewhere.acknowledge("--take-over")[0] == 0
    assert elsewhere.here("audit", "verify")[0] == 0


def test_one_step_acknowledges_and_takes_over(elsewhere: Elsewhere) -> None:
    """Planted: the flag not looked at, so that a second command was needed; caught."""
    elsewhere.rotate()
    elsewhere.here("restore", str(elsewhere.copy), "--keys", str(elsewhere.keys))
    code, said = elsewhere.acknowledge("--take-over")
    assert (code, said["taken_over"]) == (0, True)
    assert str(elsewhere.site.home) in said["other_copy"]
    code, listed = elsewhere.here("audit", "worklist")
    kinds = [one["kind"] for one in listed]
    assert (kinds.count("restored"), kinds.count("segment"), kinds.count("damage")) == (1, 0, 0)
    assert elsewhere.here("audit", "checkpoint")[0] == 0


def test_what_comes_next_is_said_as_it_is_typed(elsewhere: Elsewhere) -> None:
    """Planted: no path in it, or the flag left out; whoever copied the line was refused."""
    elsewhere.rotate()
    site, home = elsewhere.site, shlex.quote(str(elsewhere.home))
    told = site.console("restore", str(elsewhere.copy), "--home", str(elsewhere.home), "--keys", str(elsewhere.keys))
    assert f"withness restore --acknowledge --take-over --home {home} " in told.stdout
    assert str(site.home) in "".join(told.stdout.split())
    told = site.console("restore", "--acknowledge", "--home", str(elsewhere.home), *elsewhere.signing)
    assert told.returncode == 0, told.stderr
    command = f"withness audit checkpoint --take-over --yes --home {home}"
    assert f"\n  {command}\n" in told.stdout
    assert f"\n  withness audit sweep --home {home}\n" in told.stdout
    assert site.console(*shlex.split(command)[1:]).returncode == 0
    assert elsewhere.here("audit", "verify")[0] == 0


def test_nobody_takes_over_unasked(elsewhere: Elsewhere) -> None:
    """The sentence says whose records lie there. Planted: taken over at once, as before; caught."""
    code, said = elsewhere.here("restore", str(elsewhere.copy))
    assert code == 0
    assert str(elsewhere.site.home) in said["other_copy"]
    code, said = elsewhere.here("audit", "checkpoint", "--take-over")
    assert (code, said["field"]) == (2, "--yes")
    assert str(elsewhere.site.home) in said["message"]
    assert "segment 0 with" in said["message"]
    assert said["hint"].endswith(f"--take-over --yes --home {shlex.quote(str(elsewhere.home))}")
    assert elsewhere.site.console("audit", "checkpoint", "--take-over").returncode == 0, "its own folder"
    elsewhere.site.catch_up()
    elsewhere.site.screen()
    assert elsewhere.site.save(make_draft())["saved"]


def test_take_over_goes_with_acknowledge(elsewhere: Elsewhere) -> None:
    """Planted: passed over at a restore; nobody would have signed."""
    code, said = elsewhere.here("restore", str(elsewhere.copy), "--take-over")
    assert (code, said["field"], elsewhere.home.exists()) == (2, "--take-over", False)


def test_what_leads_on_is_said_wherever_the_loss_is_found(elsewhere: Elsewhere) -> None:
    """With the directory's own path; then of the one that was taken over from. Seen: "go on with a backup that
    verifies" alone, which is where whoever restored one comes from; and that records were cut off."""
    site, home = elsewhere.site, shlex.quote(str(elsewhere.home))
    site.screen()
    site.console("audit", "checkpoint")
    elsewhere.here("restore", str(elsewhere.copy), "--keys", str(elsewhere.keys))
    command = f"withness restore --acknowledge --take-over --home {home} --actor Practitioner/ID"
    told = [site.console("audit", one, "--home", str(elsewhere.home)) for one in ("verify", "checkpoint", "worklist")]
    assert [one.returncode for one in told] == [4, 4, 0]
    for one in told:
        assert command in " ".join((one.stdout + one.stderr).split()), one
    code, found = elsewhere.here("audit", "verify")
    assert found["way_on"]["command"].startswith(command)
    assert [one["todo"] for one in elsewhere.here("audit", "worklist")[1] if command in one["todo"]]
    assert elsewhere.acknowledge("--take-over")[0] == 0
    assert elsewhere.here("audit", "verify")[1]["way_on"] is None
    told = [site.console("audit", one) for one in ("verify", "checkpoint", "worklist")]
    assert [one.returncode for one in told][::2] == [4, 0]
    assert told[1].returncode in (4, 7)
    for one in told:
        said = " ".join((one.stdout + one.stderr).split())
        assert "this directory is no longer the live one" in said
        assert str(elsewhere.home) in said.replace(" ", "")
        assert f"--take-over --home {shlex.quote(str(site.home))} " in said
    assert told[0].stdout.startswith("Another copy of this data directory, ")
    code, said = site.console_json("restore", "--acknowledge", "--take-over", *elsewhere.signing)
    assert (code, said["taken_over"]) == (0, True)
    assert site.console("audit", "verify").returncode == 0
    assert elsewhere.here("audit", "verify")[1]["way_on"]["other_copy"] == str(site.home / "withness.sqlite3")


def test_an_older_copy_in_its_own_place_is_acknowledged_with_the_command_that_is_named(elsewhere: Elsewhere) -> None:
    """Planted: taking over asked for where nobody else publishes; caught."""
    site = elsewhere.site
    site.screen()
    site.console("audit", "checkpoint")
    site.desk.close()
    shutil.rmtree(site.home)
    assert site.console("restore", str(elsewhere.copy)).returncode == 4
    told = site.console("audit", "verify").stdout
    assert "Keep this directory as it is for inquiry" in told
    assert f"\n  withness restore --acknowledge --home {shlex.quote(str(site.home))} --actor " in told
    assert "taken over" not in told


def test_a_look_at_a_mistyped_place_does_not_spoil_it(elsewhere: Elsewhere) -> None:
    """It leaves an empty lock file. Seen: no longer empty for restore. Planted: whatever lies there removed; caught."""
    assert elsewhere.here("audit", "verify")[0] == 2
    elsewhere.home.mkdir(exist_ok=True)
    lock = elsewhere.home / "withness.sqlite3.lock"
    lock.write_bytes(b"mine")
    code, said = elsewhere.here("restore", str(elsewhere.copy))
    assert (code, said["field"], lock.read_bytes()) == (2, "--home", b"mine")
    lock.write_bytes(b"")
    assert elsewhere.here("restore", str(elsewhere.copy))[0] == 0
    assert elsewhere.here("audit", "verify")[0] == 0


def test_a_copy_signs_nothing_in_the_logs_name(elsewhere: Elsewhere, tmp_path: Path) -> None:
    """Else a reviewer who asked the copy would hold the live log for a rewritten one. Planted: signed; caught."""
    state, out = tmp_path / "reviewer.json", tmp_path / "out"
    assert elsewhere.here("restore", str(elsewhere.copy), "--keys", str(elsewhere.keys))[0] == 0
    asked = (
        ["audit", "checkpoint"],
        ["audit", "sync-reviewer", "--state", str(state)],
        ["audit", "prove", "0", "--out", str(out)],
        ["audit", "export", "--format", "csv", "--out", str(out)],
    )
    for one in asked:
        code, said = elsewhere.here(*one)
        assert (code, "nothing is signed here" in said["message"], "--take-over" in said["hint"]) == (7, True, True)
        assert not state.exists()
        assert not out.exists()
    assert elsewhere.here("audit", "verify")[0] == 0
    site = elsewhere.site
    assert site.console("audit", "sync-reviewer", "--state", str(state)).returncode == 0
    assert elsewhere.here("audit", "checkpoint", "--take-over", "--yes")[0] == 0
    assert site.console("audit", "checkpoint").returncode in (4, 7)


def test_a_loss_that_two_people_signed_for_is_told_wherever_records_go(elsewhere: Elsewhere, tmp_path: Path) -> None:
    """By the export, and by who checks it without us. Planted: not told by one and by the other; each caught."""
    site, out = elsewhere.site, tmp_path / "trail.ndjson"
    site.screen()
    site.console("audit", "checkpoint")
    elsewhere.here("restore", str(elsewhere.copy), "--keys", str(elsewhere.keys))
    assert elsewhere.acknowledge("--take-over")[0] == 0
    signing = elsewhere.signing[: len(elsewhere.signing) // 2]
    code, said = elsewhere.here("audit", "export", "--format", "ndjson", "--out", str(out), *signing)
    assert (code, len(said["losses"]), "two people signed for what was lost" in said["losses"][0]) == (0, 1, True)
    vkey = json.loads(out.read_text(encoding="utf-8").splitlines()[0])["vkey"]
    done = subprocess.run(
        [sys.executable, offline_verifier.__file__, str(out), "--vkey", vkey],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "two people signed for what was lost: of the " in done.stdout
