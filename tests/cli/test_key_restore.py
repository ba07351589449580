"""`withness key restore`: both keys of an existing directory back from what `backup --with-keys` wrote."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from tests.system.site import Site, make_draft


@pytest.fixture
def keys(site: Site, tmp_path: Path) -> Path:
    """What a backup wrote."""
    site.screen()
    site.desk.close()
    file = tmp_path / "monday.keys"
    assert site.console("backup", "--out", str(tmp_path / "monday"), "--with-keys", str(file)).returncode == 0
    return file


def places(site: Site) -> dict[Path, bytes]:
    """The key files and what is in them."""
    found = [site.key_file, *site.key_file.parent.glob("*.log-key*")]
    return {one: one.read_bytes() for one in found if one.exists()}


def test_missing_keys_are_put_back_and_the_refusals_name_the_command(site: Site, keys: Path) -> None:
    """Seen: the file copied to the path that the refusal named, and refused there as no key."""
    before = places(site)
    for one in before:
        one.unlink()
    code, said = site.console_json("audit", "export", "--format", "csv", "--out", str(keys.parent / "e"))
    assert (code, said["field"]) == (2, "WITHNESS_KEY_FILE")
    assert "withness key restore FILE --home DIR" in said["hint"]
    code, said = site.console_json("key", "restore", str(keys))
    assert (code, sorted(said["restored"]), said["earlier_log_key"]) == (0, sorted(map(str, before)), False)
    assert places(site) == before
    assert {stat.S_IMODE(one.stat().st_mode) for one in before} == {0o600}
    assert site.console("audit", "verify").returncode == 0
    site.open()
    site.catch_up()
    site.screen()
    assert site.save(make_draft())["saved"]
    site.desk.close()
    assert site.console_json("key", "restore", str(keys))[1]["restored"] == []
    assert "Nothing was missing" in site.console("key", "restore", str(keys)).stdout


def test_one_that_is_missing_is_put_back_alone(site: Site, keys: Path) -> None:
    """Planted: asked for both or none; caught."""
    before = places(site)
    [log_key] = site.key_file.parent.glob("*.log-key")
    log_key.unlink()
    done = site.console("key", "restore", str(keys))
    assert (done.returncode, done.stdout) == (0, f"Wrote {log_key}\n")
    assert places(site) == before


@pytest.mark.parametrize("which", ["data", "log"])
def test_that_file_in_a_keys_place_is_named_and_never_written_over(site: Site, keys: Path, which: str) -> None:
    """Planted: put over it; caught."""
    [log_key] = site.key_file.parent.glob("*.log-key")
    place = site.key_file if which == "data" else log_key
    place.write_bytes(keys.read_bytes())
    if which == "data":
        code, said = site.console_json("audit", "export", "--format", "csv", "--out", str(keys.parent / "e"))
        assert (code, said["message"]) == (2, "The key file cannot be read as a Withness key.")
    else:
        code, said = site.console_json("audit", "checkpoint")
        assert code == 7
    assert "Give it another name" in said["hint"]
    assert "withness key restore FILE --home DIR" in said["hint"]
    code, said = site.console_json("key", "restore", str(keys))
    assert (code, said["field"]) == (2, "KEYS")
    assert "never overwritten" in said["message"]
    place.unlink()
    assert site.console("key", "restore", str(keys)).returncode == 0
    assert site.console("audit", "verify").returncode == 0


@pytest.mark.parametrize(
    "form", ["another directory's", "another data key", "no key", "a key file", "no JSON", "gone", "folder"]
)
def test_what_does_not_belong_there_is_refused(site: Site, keys: Path, form: str) -> None:
    """Exit 2 naming KEYS, and nothing is written. Planted: the id not looked at, the fingerprint not looked at."""
    [log_key] = site.key_file.parent.glob("*.log-key")
    held = json.loads(keys.read_bytes())
    if form == "another directory's":
        held["data_id"] = "5f0c1a52-1f0a-4a57-9d2a-0f6b0a6f9b11"
    elif form == "another data key":
        held["keys"]["data"] = json.dumps({"withness-key": 1, "data": "A" * 43 + "="})
    elif form == "no key":
        held["keys"]["log"] = "{}"
    keys.write_text("{" if form == "no JSON" else json.dumps(held), encoding="utf-8")
    if form == "a key file":
        keys.write_bytes(site.key_file.read_bytes())
    if form == "another data key":
        site.key_file.unlink()  # else it is refused for the one that lies there
    if form in ("gone", "folder"):
        keys.unlink()
    if form == "folder":
        keys.mkdir()
    log_key.unlink()
    code, said = site.console_json("key", "restore", str(keys))
    assert code == 2, said
    assert said["field"] == "KEYS" or form == "no JSON"
    assert (log_key.exists(), site.key_file.exists()) == (False, form != "another data key")


def test_a_log_key_from_before_a_rotation_is_left_out_and_told(site: Site, keys: Path) -> None:
    """Planted: put into the present one's place, where it signs nothing; caught."""
    assert site.console("key", "rotate").returncode == 0
    [log_key] = site.key_file.parent.glob("*.log-key")
    log_key.unlink()
    code, said = site.console_json("key", "restore", str(keys))
    assert (code, said["restored"], said["earlier_log_key"], log_key.exists()) == (0, [], True, False)
    told = site.console("key", "restore", str(keys)).stdout
    assert "rotate --lost" in told
