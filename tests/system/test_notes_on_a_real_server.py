"""Every template's note in a real HAPI FHIR server: read back byte for byte, past Withness."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.servers.hapi import HapiServer
from tests.system.notes import RECORD, ROSA, TOM, make_note
from tests.system.site import CLINICIAN, ENCOUNTERS, Site
from tests.system.test_a_real_fhir_server import in_server

pytestmark = pytest.mark.xdist_group("hapi")


@pytest.fixture
def clinic(hapi_server: HapiServer, tmp_path: Path) -> Iterator[Site]:
    """A site whose EHR is the real server."""
    with Site(tmp_path / "home", tmp_path / "site.key", ehr_url=hapi_server.base_url) as made:
        yield made


def sent(server: HapiServer, reference: str) -> tuple[Any, dict[str, bytes]]:
    """A document as the server holds it, and its forms."""
    document = in_server(server, reference)
    forms = [one["attachment"] for one in document["content"]]
    return document, {one["contentType"]: base64.b64decode(one["data"]) for one in forms}


@pytest.mark.parametrize("template", RECORD)
def test_each_templates_note_comes_back_byte_for_byte(clinic: Site, hapi_server: HapiServer, template: str) -> None:
    """What was rendered is what the server gives, for each member. Planted: a byte order mark; caught."""
    # A directive note that tells of a report stays inside: this one has none to tell of.
    inside = {"report_outcome": None, "report_details": None} if template == "directive-protocol" else {}
    note = make_note(template, fields=inside)
    who = note["members"][0]
    note["encounter"] = ENCOUNTERS[who]
    if template in ("plan-for-client", "medical-necessity"):
        clinic.screen()
        note["plan"] = clinic.save()["plan"]
    answer = clinic.desk.save_note(note, actor=CLINICIAN)
    assert (answer["saved"], answer["missing"], answer["claims"], answer["named"]) == (True, [], [], [])
    done = clinic.desk.sign_note(answer["note"], actor=CLINICIAN, shown="shown", comments={who: " Ja.\r\n🌱 "})
    assert set(done["delivery"].values()) == {"delivered"}
    for member, reference in done["documents"].items():
        document, forms = sent(hapi_server, reference)
        for kind, mime in (("html", "text/html"), ("text", "text/plain")):
            rendered = clinic.desk.render_note(answer["note"], format=kind, member=member)
            assert forms[mime] == rendered.encode()
        assert (document["status"], document["subject"]["reference"]) == ("current", member)
        bundle = json.loads(clinic.desk.render_note(answer["note"], format="fhir", member=member))
        for entry in bundle["entry"]:
            assert _bare(in_server(hapi_server, entry["request"]["url"])) == _bare(entry["resource"])


def _bare(resource: Any) -> Any:
    """A resource without what the server says of itself; it puts security labels into an order of its own."""
    meta = {name: value for name, value in resource["meta"].items() if name in ("profile", "security")}
    security = sorted(meta.get("security", []), key=lambda one: str(one["code"]))
    return {**resource, "meta": {**meta, "security": security}}


def test_an_amendment_is_beside_the_first_one(clinic: Site, hapi_server: HapiServer) -> None:
    """The server checks that relatesTo leads somewhere; the first one is superseded under If-Match."""
    first = clinic.desk.save_note(make_note(), actor=CLINICIAN)["note"]
    before = clinic.desk.sign_note(first, actor=CLINICIAN, shown="shown")["documents"][ROSA]
    clinic.desk.amend_note(first, make_note(), reason="A word was wrong.", actor=CLINICIAN)
    after = clinic.desk.sign_note(first, actor=CLINICIAN, shown="shown")["documents"][ROSA]
    old, new = in_server(hapi_server, before), in_server(hapi_server, after)
    assert (old["status"], new["status"], new["docStatus"]) == ("superseded", "current", "amended")
    assert new["relatesTo"][0]["target"]["reference"] == before
    assert old["meta"]["versionId"] == "2"


def test_a_couple_note_is_in_two_charts(clinic: Site, hapi_server: HapiServer) -> None:
    """One document each, found by patient, and no search of one gives the other's."""
    answer = clinic.desk.save_note(make_note("couple-family-session"), actor=CLINICIAN)
    done = clinic.desk.sign_note(answer["note"], actor=CLINICIAN, shown="shown")
    assert set(done["delivery"]) == {ROSA, TOM}
    for who in (ROSA, TOM):
        url = f"{hapi_server.base_url}/DocumentReference"
        query = {"patient": who.partition("/")[2], "_count": "200"}
        found = requests.get(url, params=query, headers={"Cache-Control": "no-cache"}, timeout=30).json()
        ids = {f"DocumentReference/{entry['resource']['id']}" for entry in found["entry"]}
        assert done["documents"][who] in ids
        assert not ids & (set(done["documents"].values()) - {done["documents"][who]})
