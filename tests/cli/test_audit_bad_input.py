"""Input that cannot be taken, at the commands of compliance: one sentence, exit 2, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.system.site import COMPLIANCE, Site


@pytest.fixture
def lived_in(site: Site) -> Site:
    """A site with one screen."""
    site.screen()
    site.desk.close()
    return site


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (["audit", "prove", "99999999999999999999", "--out", "OUT"], ""),
        (["audit", "report", "--to", "9999-12-31", "--out", "OUT"], "--to"),
        (["audit", "report", "--passphrase-file", "OUT"], "--passphrase-file"),
        (["audit", "show", "--passphrase-file", "OUT"], "--passphrase-file"),
        (["audit", "worklist", "--passphrase-file", "OUT"], "--passphrase-file"),
        (["audit", "export", "--format", "csv", "--out", "OUT", "--passphrase-file", "x"], "--passphrase-file"),
        (["audit", "sync-reviewer", "--state", "OUT", "--vkey", ""], "--vkey"),
        (["audit", "report", "--from", ""], "--from"),
        (["audit", "report", "--from", "2999-01-01", "--out", "OUT"], "--from"),
        (["audit", "report", "--to", "", "--out", "OUT"], "--to"),
        (["audit", "export", "--format", "csv", "--out", "OUT", "--from", ""], "--from"),
        (["audit", "export", "--format", "csv", "--out", "OUT", "--to", ""], "--to"),
        (["audit", "show", "--home", ""], "the name is empty"),
        (["key", "backup", "--out", ""], "--out"),
        (["audit", "show", "--actor", COMPLIANCE, "--key", "none"], "--passphrase-file"),
    ],
)
def test_it_is_refused_in_a_sentence_and_nothing_is_written(
    lived_in: Site, tmp_path: Path, command: list[str], field: str
) -> None:
    """Planted: a number that no column holds, a day after the last, an option that did nothing, a key taken for none,
    a script's empty variable for all days, the folder one stands in for the data directory; each row caught its own."""
    out = tmp_path / "out"
    done = lived_in.console(*(str(out) if one == "OUT" else one for one in command))
    assert done.returncode == 2, done.stderr
    assert (done.stdout, "Traceback" in done.stderr, "fault" in done.stderr) == ("", False, False)
    assert field.removeprefix("--") in done.stderr
    assert not out.exists()
