"""A log key takes another's place by both signatures, or is named as lost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.system.site import Site

from withness.audit.log_key import LogKey, make_log_key
from withness.audit.record import Kind, Leaf, canonical
from withness.desk.asking import actor_of
from withness.desk.log_keys import FIRST, LOST, rotate, rotation_fault, vkeys
from withness.errors import CannotTell

ACTOR = actor_of("Practitioner/c1")


def new_key(site: Site, tmp_path: Path, name: str = "new") -> LogKey:
    """A key for the site's log that nothing names yet."""
    with site.context.store.transaction() as tx:
        return make_log_key(tmp_path / f"{name}.log-key", tx.facts()["data_id"])


def rotated(site: Site, tmp_path: Path, *, lost: bool = False) -> tuple[Leaf, str, str]:
    """A rotation's record, the directory's id, and the key until then."""
    site.screen()
    store = site.context.store
    with store.transaction() as tx:
        data_id, before = tx.facts()["data_id"], vkeys(tx)[-1]
    rotate(store, new_key(site, tmp_path), ACTOR, site.at, lost=lost)
    with store.transaction() as tx:
        [leaf] = tx.leaves_of(Kind.KEY_ROTATED)
    return leaf, data_id, before


def changed(leaf: Leaf, **details: Any) -> Leaf:
    """The record with other details."""
    value = json.loads(leaf.body)
    return replace(leaf, body=canonical({**value, "details": {**value["details"], **details}}))


@pytest.mark.parametrize("lost", [False, True])
def test_a_rotation_as_it_is_made_stands(site: Site, tmp_path: Path, lost: bool) -> None:
    """The base line. Planted: the statement signed without its time; this saw it."""
    leaf, data_id, before = rotated(site, tmp_path, lost=lost)
    assert rotation_fault(leaf, data_id, before) is None


@pytest.mark.parametrize("name", ["old_signature", "new_signature"])
@pytest.mark.parametrize("spoiled", ["", "00" * 64, "no hex"])
def test_a_rotation_without_either_signature_does_not_stand(
    site: Site, tmp_path: Path, name: str, spoiled: str
) -> None:
    """Planted: the old signature not asked; the new one not asked; each was seen here."""
    leaf, data_id, before = rotated(site, tmp_path)
    assert rotation_fault(changed(leaf, **{name: spoiled}), data_id, before) is not None


def test_a_rotation_is_one_directorys_and_one_keys(site: Site, tmp_path: Path) -> None:
    """Planted: `old` not asked; this saw it. A second first key, and another directory's rotation, do not stand."""
    leaf, data_id, before = rotated(site, tmp_path)
    other = new_key(site, tmp_path, "other").vkey
    assert rotation_fault(leaf, "another", before) is not None
    assert rotation_fault(leaf, data_id, other) is not None
    assert rotation_fault(changed(leaf, old=other), data_id, before) is not None
    assert rotation_fault(changed(leaf, new=other), data_id, before) is not None
    assert rotation_fault(replace(leaf, outcome=FIRST), data_id, before) is not None
    assert rotation_fault(replace(leaf, outcome=LOST), data_id, before) is None, "the new key has signed that too"


def test_a_key_that_the_trail_does_not_name_signs_nothing(site: Site, tmp_path: Path) -> None:
    """Planted: `known[-1]` not compared; this saw it (at start-up, and for a rotation)."""
    site.screen()
    store = site.context.store
    assert store.publisher is not None
    path = next(site.key_file.parent.glob("*.log-key"))
    path.unlink()
    with store.transaction() as tx:
        foreign = make_log_key(path, tx.facts()["data_id"])
    site.desk.close()
    site.open()
    with pytest.raises(CannotTell) as refused:
        site.save()
    assert "not the one that the trail names" in refused.value.hint
    store.publisher.key = foreign
    with pytest.raises(CannotTell, match="not at hand"):
        rotate(store, new_key(site, tmp_path), ACTOR, site.at)
    store.close()


def test_a_crash_between_record_and_file_is_put_right_at_the_next_start(site: Site, tmp_path: Path) -> None:
    """Planted: `_finish_rotation` not called by `build`; this saw it. A key that was never named is put away."""
    site.screen()
    path = next(site.key_file.parent.glob("*.log-key"))
    following = path.with_suffix(".log-key-next")
    store = site.context.store
    with store.transaction() as tx:
        data_id = tx.facts()["data_id"]
    rotate(store, make_log_key(following, data_id), ACTOR, site.at)
    site.desk.close()
    named = json.loads(following.read_text())["key"]
    site.open()
    assert json.loads(path.read_text())["key"] == named
    assert not following.exists()
    site.desk.close()
    make_log_key(following, data_id)
    site.open()
    assert json.loads(path.read_text())["key"] == named
    assert not following.exists()


def test_a_look_at_the_trail_signs_with_no_other_key_and_puts_none_away(site: Site, tmp_path: Path) -> None:
    """A copy shares the place. Planted: any key of the log's name signing for `audit`; the next one removed; caught."""
    site.screen()
    site.desk.close()
    path = next(site.key_file.parent.glob("*.log-key"))
    kept, data_id = path.read_bytes(), path.stem
    following = path.with_suffix(".log-key-next")
    make_log_key(following, data_id)
    assert site.console("audit", "verify").returncode == 0
    assert following.exists()
    path.unlink()
    make_log_key(path, data_id)
    code, said = site.console_json("audit", "verify")
    assert code == 7
    assert "not the one that the trail names" in said["unchecked"][0]
    path.write_bytes(kept)
    site.open()
