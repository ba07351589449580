"""Without the folder of checkpoints, or the log key, `audit verify` looks at all else, and says what it could not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.site import Site
from withness.errors import CannotTell


def _folder_away(site: Site) -> Path:
    assert site.context.store.publisher is not None
    return site.context.store.publisher.folder.path


def _key_away(site: Site) -> Path:
    [path] = site.key_file.parent.glob("*.log-key")
    return path


AWAY: dict[str, Callable[[Site], Path]] = {"folder": _folder_away, "key": _key_away}


@pytest.mark.parametrize("away", AWAY)
@pytest.mark.parametrize("damaged", [False, True])
def test_it_looks_at_all_else(site: Site, tmp_path: Path, away: str, damaged: bool) -> None:
    """Exit 7, or 4 for what it found. Planted: nothing looked at, as before; what it could not check left unsaid."""
    site.screen()
    if damaged:
        site.damage_the_trail()
    place = AWAY[away](site)
    site.desk.close()
    shutil.move(place, tmp_path / "away")
    site.open()
    code, said = site.console_json("audit", "verify")
    assert (code, said["whole"]) == ((4, False) if damaged else (7, None))
    assert bool(said["damages"]) == damaged
    assert (said["records"] > 1, said["recomputed"]) == (True, 1)
    [sentence] = said["unchecked"]
    assert str(place) in sentence
    assert "nobody can tell whether the log is the one that was published" in sentence
    shown = " ".join(site.console("audit", "verify").stdout.split())
    assert f"Not checked: {sentence}" in shown
    assert ("as far as they could be checked" in shown) is not damaged
    assert site.records()[-1]["outcome"] == ("damaged" if damaged else "structure-whole")
    if not damaged:
        site.catch_up()
        with pytest.raises(CannotTell, match="nobody can tell"):
            site.desk.health()
    site.desk.close()
    shutil.move(tmp_path / "away", place)
    site.open()
    assert site.console_json("audit", "verify")[1]["unchecked"] == []
