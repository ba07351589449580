"""Without the key that signs the log's checkpoints plans wait; everything else is recorded (I7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.notes import ROSA, signed
from tests.system.site import Site, make_draft
from withness.desk.acts import require_directory
from withness.errors import CannotTell


@pytest.fixture
def key(site: Site, tmp_path: Path) -> Path:
    """The site's log key, which lies there no more; a copy lies beside as `kept`."""
    site.screen()
    site.desk.close()
    [path] = site.key_file.parent.glob("*.log-key")
    path.rename(tmp_path / "kept")
    site.open()
    return path


def refused(site: Site, key: Path) -> None:
    """Plan and release are held, and the sentence names the file and the way on."""
    with pytest.raises(CannotTell) as held:
        site.save(make_draft())
    assert "key that signs this log" in held.value.hint
    assert "is missing" in held.value.hint
    assert str(key) in held.value.hint
    assert held.value.field == "WITHNESS_KEY_FILE"
    assert "rotate --lost" in held.value.hint
    with pytest.raises(CannotTell, match="is missing"), site.context.store.transaction() as tx:
        require_directory(tx)


def test_plans_wait_all_else_is_recorded_and_the_key_put_back_ends_it(site: Site, key: Path, tmp_path: Path) -> None:
    """Planted: a desk that does not open without it; a key that is missing passed over; each was seen here."""
    refused(site, key)
    site.screen("Patient/tom", answers={"suicide.now": "yes"})
    assert signed(site)["delivery"] == {ROSA: "delivered"}
    assert signed(site, "safety")["state"] == "signed"
    assert "is missing" in site.context.store.publisher.trouble  # type: ignore[union-attr]
    refused(site, key)
    for command in (["audit", "checkpoint"], ["audit", "checkpoint", "--take-over"], ["audit", "verify"]):
        done = site.console(*command)
        assert done.returncode == 7
        assert "is missing" in " ".join((done.stderr + done.stdout).split())
    assert site.console("key", "rotate").returncode == 7
    site.desk.close()
    (tmp_path / "kept").rename(key)
    site.open()
    site.catch_up()
    site.screen()
    assert site.save()["decision"] == "released"
    assert site.console("audit", "verify").returncode == 0


def test_a_key_named_as_lost_ends_it_too(site: Site, key: Path) -> None:
    """Planted: the new key not put in the old one's place; caught."""
    refused(site, key)
    assert site.console("key", "rotate", "--lost").returncode == 0
    assert key.exists()
    site.open()
    site.catch_up()
    site.screen()
    assert site.save()["decision"] == "released"
