"""A pipe where a file should be: one sentence, and nobody waits. Planted: plain opens; each hung for ever here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.system.site import Site


def pipe(path: Path) -> Path:
    """Put a pipe in a file's place."""
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
    return path


@pytest.mark.parametrize("part", ["manifest.json", "withness.sqlite3", ""])
def test_a_backup(site: Site, tmp_path: Path, part: str) -> None:
    """Among its parts, or in its own place."""
    site.screen()
    site.desk.close()
    kept = tmp_path / "kept"
    assert site.console("backup", "--out", str(kept)).returncode == 0
    pipe(kept / part if part else (kept := tmp_path / "pipe"))
    new = Site(tmp_path / "new", tmp_path / "new-keys" / "new.key")
    new.desk.close()
    done = new.console("restore", str(kept), "--home", str(tmp_path / "restored"))
    assert (done.returncode, done.stderr.startswith("FROM cannot be read as a backup")) == (2, True)


def test_the_keys_of_a_backup(site: Site, tmp_path: Path) -> None:
    site.screen()
    site.desk.close()
    assert site.console("backup", "--out", str(tmp_path / "kept")).returncode == 0
    keys = pipe(tmp_path / "kept.keys")
    done = site.console("restore", str(tmp_path / "kept"), "--home", str(tmp_path / "restored"), "--keys", str(keys))
    assert (done.returncode, "it is no regular file" in done.stderr) == (2, True)


@pytest.mark.parametrize("command", [("plan", "list"), ("audit", "verify")])
def test_the_data_key(site: Site, command: tuple[str, ...]) -> None:
    site.screen()
    site.desk.close()
    pipe(site.key_file)
    done = site.console(*command)
    assert done.returncode in (2, 7)
    assert "key file cannot be read" in done.stdout + done.stderr


def test_the_log_key_stops_no_screen(site: Site) -> None:
    site.screen()
    site.desk.close()
    [key] = site.key_file.parent.glob("*.log-key")
    pipe(key)
    site.open()
    assert site.screen()["decision"].startswith("held")


def test_the_settings_and_the_mark(site: Site) -> None:
    site.screen()
    site.desk.close()
    pipe(site.home / "withness.id")
    assert site.console("plan", "list").returncode == 0
    pipe(site.home / "withness.toml")
    assert site.console("plan", "list").returncode == 2


@pytest.mark.parametrize(
    "command",
    [("screen", "{}"), ("plan", "save", "{}"), ("policy", "check", "{}"), ("audit", "verify", "--anchor", "{}")],
)
def test_a_file_that_somebody_named(site: Site, tmp_path: Path, command: tuple[str, ...]) -> None:
    site.screen()
    site.desk.close()
    named = str(pipe(tmp_path / "pipe"))
    done = site.console(*(one.replace("{}", named) for one in command))
    assert done.returncode in (2, 7)
    assert "cannot be read" in done.stderr
