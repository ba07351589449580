"""An older copy, restored beside the directory that goes on: its log key, what it says, and how it takes over."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.system.site import COMPLIANCE, SUPERVISOR, Site, make_draft
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
