"""The copy of a safety plan to take home: of a draft, of what was signed, and never of danger from somebody.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.system.notes import TOM, make_note, saved
from tests.system.site import CLINICIAN, SUPERVISOR, Site
from tests.system.test_a_safety_note_that_stays_inside import plain, sign, told

from withness.desk.front import Desk
from withness.errors import InvalidInput, Refused


def test_it_is_shown_of_a_file_a_draft_and_what_was_signed(site: Site) -> None:
    """Planted: the signed pages shown in its place; signed when it is a draft; each caught."""
    file = plain(site, "safety")
    id = site.desk.save_note(file, actor=CLINICIAN)["note"]
    draft = site.desk.render_note(file, copy=True)
    assert draft.startswith("# My safety plan\n")
    assert "Not signed. This is a draft." in draft
    assert site.desk.render_note(id, copy=True) == draft
    sign(site, id)
    page = site.desk.render_note(id, copy=True, member=TOM)
    assert "Signed by Pat Roe on 20" in page
    assert page.partition("\n## Signature")[0] == draft.partition("\n## Signature")[0]
    assert "He is next door." not in page
    assert page != site.desk.render_note(id)


@pytest.mark.parametrize("what", ["for the record", "How I see your safety", "Encounter", "Risk screen"])
def test_nothing_that_is_for_the_record_stands_in_it(site: Site, what: str) -> None:
    """Planted: the encounter left on it, and what was filled in beforehand; both caught."""
    file = plain(site, "safety")
    assert what in site.desk.render_note(file)
    assert what not in site.desk.render_note(file, copy=True)


@pytest.mark.parametrize("labels", [True, False])
def test_danger_from_somebody_is_never_in_it(site: Site, labels: bool) -> None:
    """I8; nobody can say who finds a paper, whatever the EHR enforces. Planted: the field let into the copy; caught."""
    settings = replace(site.context.settings, ehr_enforces_labels=labels)
    desk = Desk(replace(site.context, settings=settings))
    file = told(site, "safety")
    for format in ("md", "html", "text"):
        page = desk.render_note(file, copy=True, format=format)
        assert "zebra" not in page
        assert "danger comes from" not in page
    assert ("zebra" in desk.render_note(file)) == labels


@pytest.mark.parametrize(
    ("template", "asked"),
    [("session", {}), ("safety", {"format": "fhir"}), ("safety", {"layout": "soap"})],
)
def test_what_has_no_copy_says_so(site: Site, template: str, asked: dict[str, Any]) -> None:
    """Planted: the whole page shown in its place; caught."""
    for note in (make_note(template), saved(site, template)):
        with pytest.raises(InvalidInput) as refused:
            site.desk.render_note(note, copy=True, **asked)
        assert refused.value.field == "copy"


def test_the_console_prints_it_and_a_proxy_is_refused(site: Site) -> None:
    """Planted: the option dropped on its way; caught."""
    id = saved(site, "safety")
    done = site.console("note", "render", id, "--copy", "--format", "text", "--actor", SUPERVISOR)
    assert done.returncode == 0
    assert "My safety plan" in done.stdout
    done = site.console("note", "render", saved(site), "--copy")
    assert done.returncode == 2
    assert "no copy of its own" in done.stderr
    with pytest.raises(Refused):
        site.desk.render_note(id, copy=True, actor="RelatedPerson/partner")
