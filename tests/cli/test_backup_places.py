"""Where backups and copies of keys may lie at the console."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.system.site import Site


@pytest.mark.parametrize("inside", ["backup", "backup.tar", "deeper/backup", "link"])
@pytest.mark.parametrize("option", ["--out", "--with-keys", "key backup"])
def test_no_copy_lies_in_the_data_directory(site: Site, tmp_path: Path, inside: str, option: str) -> None:
    """What takes the one takes the other. Planted: the path compared as it was typed; this caught it."""
    site.screen()
    site.desk.close()
    (site.home / "deeper").mkdir()
    before = sorted(site.home.rglob("*"))
    (tmp_path / "elsewhere").symlink_to(site.home)
    wrong = str(tmp_path / "elsewhere" / "backup" if inside == "link" else site.home / inside)
    command = {
        "--out": ["backup", "--out", wrong],
        "--with-keys": ["backup", "--out", str(tmp_path / "b"), "--with-keys", wrong],
        "key backup": ["key", "backup", "--out", wrong],
    }[option]
    code, said = site.console_json(*command)
    assert (code, said["field"]) == (2, "--with-keys" if option == "--with-keys" else "--out")
    assert "outside the data directory" in said["message"]
    assert sorted(site.home.rglob("*")) == before
    assert not (tmp_path / "b").exists()
