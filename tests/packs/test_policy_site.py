"""A site's own policy as a file: what `load_policy` takes, and each reason for which it takes none."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from withness.core.terms import Purpose
from withness.errors import InvalidContent, PolicyRefused
from withness.packs.policy import load_policy, policy_bytes, policy_of

TEXT = policy_bytes().decode()
SHIPPED = load_policy()
OWN = TEXT.replace(f'version = "{SHIPPED.version}"', 'version = "1.0.0"').replace('"unassigned"', '"Dr Olga Example"')
TIGHTER = OWN.replace('amendment = "P30D"', 'amendment = "P14D"')


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_tightened_policy_with_version_and_owner_is_taken_as_it_is_written(tmp_path: Path) -> None:
    """It is no demo, and its digest is that of its bytes."""
    policy = load_policy(written(tmp_path, TIGHTER))
    assert (policy.version, policy.owner, policy.demo) == ("1.0.0", "Dr Olga Example", False)
    assert policy.digest == hashlib.sha256(TIGHTER.encode()).hexdigest() != SHIPPED.digest
    assert {one.windows[Purpose.AMENDMENT].duration for one in policy.domains} == {timedelta(days=14)}
    assert policy_bytes(tmp_path / "site.toml") == TIGHTER.encode()


def test_the_shipped_bytes_from_another_place_are_the_shipped_policy(tmp_path: Path) -> None:
    """A copy is not an edit."""
    policy = load_policy(written(tmp_path, TEXT))
    assert policy == SHIPPED
    assert policy.demo


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (OWN.replace('now?", yes = "acute"', 'now?", yes = "elevated"'), "domain.suicide.question.now.yes"),
        (
            OWN.replace('assessment_needs = ["risk-assessment", ', "assessment_needs = ["),
            "domain.suicide.assessment_needs",
        ),
        (TIGHTER.replace('"1.0.0"', f'"{SHIPPED.version}"'), "version"),
        (TIGHTER.replace("Dr Olga Example", "unassigned"), "owner"),
        (TIGHTER.replace("Dr Olga Example", " Unassigned "), "owner"),
        (TEXT + "# a comment more\n", "version"),
        ("", "site.toml:domain"),
        (OWN[: OWN.index("[[domain]]")], "site.toml:domain"),
    ],
    ids=["answer", "needs", "old version", "no owner", "an owner in other letters", "a comment", "empty", "no domain"],
)
def test_what_loosens_or_keeps_version_or_owner_is_refused_by_its_key(tmp_path: Path, text: str, key: str) -> None:
    """Planted: `policy_of` without `refuse_loosening`; the first six rows caught it."""
    with pytest.raises(PolicyRefused) as refused:
        load_policy(written(tmp_path, text))
    assert refused.value.field == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (OWN + "surprise = 1\n", "site.toml"),
        (OWN.replace('owner = "Dr Olga Example"', "owner = 1"), "site.toml:owner"),
        (OWN.replace('version = "1.0.0"', 'version = "one"'), "site.toml:version"),
        (OWN.replace('unsure", "not', 'unsure", "n\x00t'), "site.toml"),
    ],
    ids=["another key", "a number", "no version", "no text"],
)
def test_what_is_no_policy_is_refused_by_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    """The file is named as the site named it."""
    with pytest.raises(InvalidContent) as refused:
        load_policy(written(tmp_path, text))
    assert refused.value.field.startswith(key)
    assert refused.value.message.startswith("site.toml")


def test_a_file_that_cannot_be_read_names_the_setting(tmp_path: Path) -> None:
    """Neither a missing file nor a folder is an empty policy."""
    for path in (tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(InvalidContent) as refused:
            load_policy(path)
        assert refused.value.field == "WITHNESS_POLICY"


def test_bytes_are_judged_without_reading_them_again() -> None:
    """What is checked is what is used: the file may change meanwhile."""
    assert policy_of(TIGHTER.encode(), name="site.toml").version == "1.0.0"
