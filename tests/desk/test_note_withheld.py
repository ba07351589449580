"""A page that is kept from somebody: what the record of that must say, and that it stays inside.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.system.notes import ROSA, TOM, documents, saved
from tests.system.site import CLINICIAN, Site

from withness.errors import InvalidContent, InvalidInput
from withness.packs.withholding import FILE, grounds, parse_grounds

RECORD = {
    "member": ROSA,
    "from": "guardian",
    "ground": "harm-by-representative",
    "what": "zebra-what",
    "why": "zebra-why",
    "determined_by": CLINICIAN,
    "on": "2026-11-21",
    "review": "zebra-review",
}


def sign(site: Site, id: str, *records: dict[str, Any]) -> dict[str, Any]:
    return site.desk.sign_note(id, actor=CLINICIAN, shown="shown", withheld=records)


def test_the_record_is_kept_with_the_signature_and_stays_inside(site: Site) -> None:
    """I8: on no page, in no document and in no record of the trail. Planted: the record left out; caught."""
    id = saved(site)
    other = {**RECORD, "from": "client", "ground": "harm-to-another"}
    sign(site, id, RECORD, other)
    [version] = site.desk.note(id)["versions"]
    assert version["attestation"]["withheld"] == [RECORD, other]
    pages = [site.desk.render_note(id, format=kind) for kind in ("md", "html", "text", "fhir")]
    assert "zebra" not in "".join((*pages, json.dumps(documents(site)), json.dumps(site.records())))
    assert site.console("audit", "verify").returncode == 0


def test_a_signature_without_one_says_nothing_of_it(site: Site) -> None:
    """What was signed before stays as it was. Planted: an empty list kept; caught."""
    id = saved(site)
    sign(site, id)
    assert "withheld" not in site.desk.note(id)["versions"][0]["attestation"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"member": TOM}, "withheld.member"),
        ({"ground": "they-would-not-like-it"}, "withheld.ground"),
        ({"ground": "danger-to-life"}, "withheld.from"),
        ({"from": "payer"}, "withheld.from"),
        ({"from": "client", "ground": "minors-own-consent"}, "withheld.from"),
        ({"what": " "}, "withheld.what"),
        ({"why": ""}, "withheld.why"),
        ({"why": 5}, "withheld.why"),
        ({"why": "x" * 20_001}, "withheld.why"),
        ({"determined_by": ""}, "withheld.determined_by"),
        ({"determined_by": "Dr. Lee"}, "withheld.determined_by"),
        ({"on": ""}, "withheld.on"),
        ({"on": "yesterday"}, "withheld.on"),
        ({"on": "2126-11-21"}, "withheld.on"),
        ({"review": ""}, "withheld.review"),
        ({"secret": "x"}, "withheld"),
    ],
)
def test_what_is_not_said_is_named_and_nothing_is_signed(site: Site, change: dict[str, Any], field: str) -> None:
    """45 CFR 171.201 (c) to (e).

    Planted: who judged it not asked for; a ground used for anybody; a day to come let through; each was caught.
    """
    id = saved(site)
    with pytest.raises(InvalidInput) as refused:
        sign(site, id, {**RECORD, **change})
    assert refused.value.field == field
    assert site.desk.note(id)["state"] == "draft"


def test_a_minors_own_consent_is_no_harm_and_asks_for_no_judgement(site: Site) -> None:
    """Clinical facts 4. Planted: every ground asks for a review; caught."""
    id = saved(site)
    sign(site, id, {**RECORD, "ground": "minors-own-consent", "determined_by": "", "review": ""})
    assert site.desk.note(id)["state"] == "signed"


def test_the_shipped_grounds_name_their_source_and_each_reader_has_one() -> None:
    """Planted: a ground without the regulation's paragraph; caught."""
    assert list(grounds()) == ["danger-to-life", "harm-to-another", "harm-by-representative", "minors-own-consent"]
    assert {reader for one in grounds().values() for reader in one.readers} == {"client", "guardian", "representative"}
    for one in grounds().values():
        assert one.individual == one.review == ("171.201" in one.source)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [("individual = true", 'individual = "yes"', "individual"), ('from = ["client"]', "from = []", "from")],
)
def test_a_bad_file_is_refused(old: str, new: str, key: str) -> None:
    text = (Path(__file__).parents[2] / "plugin/withness/catalogue" / FILE).read_text(encoding="utf-8")
    with pytest.raises(InvalidContent) as refused:
        parse_grounds(text.replace(old, new, 1).encode(), name=FILE)
    assert refused.value.field == f"{FILE}:ground.danger-to-life.{key}"


def test_the_console_takes_a_file_and_shows_the_record_to_clinicians(site: Site, tmp_path: Path) -> None:
    """Planted: the option dropped on its way; caught."""
    id, file = saved(site), tmp_path / "withheld.json"
    file.write_text(json.dumps({**RECORD, "on": ""}), encoding="utf-8")
    asked = ("note", "sign", id, "--shown", "shown", "--withheld", str(file), "--actor", CLINICIAN)
    done = site.console(*asked)
    assert done.returncode == 2
    assert "withheld.on must say on which day." in done.stderr
    file.write_text(json.dumps(RECORD), encoding="utf-8")
    assert site.console(*asked).returncode == 0
    shown = " ".join(site.console("note", "show", id).stdout.split())
    assert "page is kept from the guardian since 2026-11-21" in shown
    assert "zebra-why" in shown
