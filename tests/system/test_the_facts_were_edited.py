"""What names the data directory in its database was edited: notes go on with the real key, plans wait (I7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.notes import notes_go_on
from tests.system.site import Site, make_draft
from tests.system.test_the_trail_shows_every_edit import behind_our_back
from withness.errors import InvalidInput, TrailDamaged
from withness.seal import make_key
from withness.settings import Settings, key_folder

EDITS = {
    "the key's fingerprint": "UPDATE meta SET value = 'x' WHERE key = 'key'",
    "the key's fingerprint in bytes": "UPDATE meta SET value = x'ff00' WHERE key = 'key'",
    "the directory's id": "UPDATE meta SET value = '00000000-0000-4000-8000-000000000000' WHERE key = 'data_id'",
    "an id that names a place": "UPDATE meta SET value = '../../../etc/passwd' WHERE key = 'data_id'",
    "both": "UPDATE meta SET value = 'x' WHERE key IN ('data_id', 'key')",
    "both gone": "DELETE FROM meta WHERE key IN ('data_id', 'key')",
    "all gone": "DELETE FROM meta",
    "one more": "INSERT INTO meta VALUES ('x', x'ff00')",
    "the first record's bytes": "UPDATE audit_leaf SET body = x'00' WHERE seq = 0",
    "the first record's and the fingerprint": "UPDATE audit_leaf SET body = x'00' WHERE seq = 0;"
    "UPDATE meta SET value = 'x' WHERE key = 'key'",
}


@pytest.fixture(params=["named", "by its id"])
def lived_in(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Site) -> Site:
    """A directory with a saved plan, whose key lies where it is named, or where its id says."""
    if request.param == "by its id":
        site.desk.close()
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        assert key_folder().is_relative_to(tmp_path)
        site.settings = Settings(home=tmp_path / "by-id")
        site.open()
    site.screen()
    site.save()
    site.pass_time(minutes=1)
    return site


@pytest.mark.parametrize("name", EDITS)
def test_notes_go_on_and_plans_wait(lived_in: Site, name: str) -> None:
    """Planted: id, or fingerprint, taken from the table of facts alone; a key that opens what is sealed not tried. Each
    was seen here: exit 2 at the start.
    """
    with behind_our_back(lived_in) as database:
        database.executescript(EDITS[name])
    lived_in.open()
    notes_go_on(lived_in)
    assert lived_in.screen()["decision"].startswith("held")
    with pytest.raises(TrailDamaged):
        lived_in.save(make_draft())


def test_verify_says_it(site: Site) -> None:
    """Planted: the table of facts not held against the first record; caught."""
    site.screen()
    with behind_our_back(site) as database:
        database.execute(EDITS["both"])
    done = site.console("audit", "verify")
    assert done.returncode == 4
    assert "The facts of the data directory were changed" in done.stdout


def test_another_directorys_key_still_opens_nothing(site: Site) -> None:
    """What is sealed cannot be opened, and that is said. Planted: any readable key taken; caught."""
    site.screen()
    with behind_our_back(site) as database:
        database.execute(EDITS["the key's fingerprint"])
    site.key_file.unlink()
    make_key(site.key_file)
    with pytest.raises(InvalidInput, match="another data directory"):
        site.open()
    done = site.console("audit", "verify")
    assert (done.returncode, "another data directory" in done.stdout) == (4, True)
