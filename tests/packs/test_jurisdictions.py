"""The jurisdiction table: two cited examples, a site's own file, and refusals that name file and key."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from withness import content
from withness.core.jurisdiction import Population, WorkingDays
from withness.errors import InvalidContent
from withness.packs.jurisdictions import FILE, load_jurisdictions, parse_jurisdictions

CHILD, ELDER = Population.CHILD, Population.OLDER_OR_DEPENDENT


def shipped() -> str:
    return (content.folder("catalogue") / FILE).read_text(encoding="utf-8")


def parse(text: str) -> object:
    return parse_jurisdictions(text.encode(), name=FILE)


def test_two_examples_are_shipped_and_both_are_cited() -> None:
    (one,) = load_jurisdictions().values()
    assert one.id == "US-CA"
    assert [rule.population for rule in one.reports] == [CHILD, ELDER]
    assert "muhsd.org" in one.reports[0].source
    assert "ustrends.net" in one.reports[1].source


def test_the_examples_say_what_they_are_and_nobody_reviewed_them() -> None:
    one = load_jurisdictions()["US-CA"]
    assert one.notice == "An example; needs review by local counsel before use."
    assert (one.reviewed_by, one.reviewed) == ("unassigned", False)


def test_the_examples_have_the_times_of_their_sources() -> None:
    """Clinical facts 2.4: a child's by phone immediately, in writing within 36 hours; an elder's in 2 working days."""
    one = load_jurisdictions()["US-CA"]
    child, elder = one.report(CHILD), one.report(ELDER)
    assert child is not None
    assert elder is not None
    assert (child.phone_within, child.written) == (timedelta(0), timedelta(hours=36))
    assert (elder.phone_within, elder.written) == (timedelta(0), WorkingDays(2))


def test_a_minor_may_consent_from_twelve_and_the_source_is_named() -> None:
    consent = load_jurisdictions()["US-CA"].consent
    assert consent.from_age == 12
    assert "Family Code 6924" in consent.source


def test_every_number_has_its_source_on_the_line() -> None:
    """House rule: data in TOML with its source on the line."""
    numbers = [line for line in shipped().splitlines() if line.startswith(("from_age", "phone_", "written_"))]
    assert len(numbers) == 5
    assert all("Code" in line.partition("#")[2] for line in numbers)


def test_a_sites_own_file_stands_in_the_place_of_the_examples(tmp_path: Path) -> None:
    own = tmp_path / "ours.toml"
    own.write_text(
        shipped()
        .replace('"US-CA"', '"US-OR"')
        .replace('"unassigned"', '"A. Counsel, 2026-11-20"')
        .replace('phone_within = "now"', 'phone_within = "PT4H"')
    )
    found = load_jurisdictions(own)
    assert list(found) == ["US-OR"]
    assert found["US-OR"].reviewed
    assert found["US-OR"].reports[0].phone_within == timedelta(hours=4)


def test_a_population_without_a_rule_has_none(tmp_path: Path) -> None:
    own = tmp_path / "ours.toml"
    own.write_text(shipped().rpartition("[[jurisdiction.report]]")[0])
    assert load_jurisdictions(own)["US-CA"].report(ELDER) is None


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('"US-CA"', '"California"', "jurisdiction.California.id"),
        ('reviewed_by = "unassigned"', "", "jurisdiction.US-CA.reviewed_by"),
        ("from_age = 12", "from_age = 0", "jurisdiction.US-CA.consent.from_age"),
        ("from_age = 12", 'from_age = "12"', "jurisdiction.US-CA.consent.from_age"),
        ('phone_within = "now"  ', 'phone_within = "soon"  ', "jurisdiction.US-CA.report.0.phone_within"),
        ('population = "child"', 'population = "pet"', "jurisdiction.US-CA.report.0.population"),
        ('population = "child"', 'population = "older-or-dependent"', "jurisdiction.US-CA.report"),
        ('"PT36H"', '"36 hours"', "jurisdiction.US-CA.report.0.written_within"),
        ('"PT36H"', '"PT0S"', "jurisdiction.US-CA.report.0.written_within"),
        ('"PT36H"', '"P36D"', "jurisdiction.US-CA.report.0.written_within"),
        ('written_within = "PT36H"', "", "jurisdiction.US-CA.report.child"),
        (
            'written_within = "PT36H"',
            'written_within = "PT36H"\nwritten_within_working_days = 2',
            "jurisdiction.US-CA.report.child",
        ),
        ("working_days = 2", "working_days = 0", "jurisdiction.US-CA.report.1.written_within_working_days"),
        ('source = "muhsd.org', 'sauce = "muhsd.org', "jurisdiction.US-CA.report.0.source"),
    ],
)
def test_a_fault_names_file_and_key(old: str, new: str, key: str) -> None:
    text = shipped()
    assert old in text
    with pytest.raises(InvalidContent) as refused:
        parse(text.replace(old, new, 1))
    assert refused.value.field == f"{FILE}:{key}"


def test_a_jurisdiction_twice_is_refused() -> None:
    with pytest.raises(InvalidContent, match="holds 'US-CA' twice"):
        parse(shipped() + shipped().partition("\n[[jurisdiction]]")[1] + shipped().partition("\n[[jurisdiction]]")[2])


@pytest.mark.parametrize("text", ["", "jurisdiction = []"])
def test_a_file_without_a_jurisdiction_is_refused(text: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        parse(text)
    assert refused.value.field == f"{FILE}:jurisdiction"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidContent) as refused:
        load_jurisdictions(tmp_path / "gone.toml")
    assert refused.value.field == "gone.toml"
