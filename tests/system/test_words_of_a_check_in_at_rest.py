"""I6, I9: no word and no answer of a check-in in any file, log line, record, error, or address that is asked for."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import responses

from tests.fhir.form_makers import CHECK_IN, OBSERVATION, PRIORITIES, chose, group, said, wrote
from tests.system.at_rest import Look, found
from tests.system.check_ins import ROSA, made
from tests.system.site import CLINICIAN, Site
from tests.system.test_goals_measure_themselves import planned, silent
from withness.errors import InvalidInput
from withness.fhir import codes

SECRETS = [
    f"zebra-{one}" for one in ("missed", "account", "named", "described", "words", "list", "late", "odd", "half")
]
ANSWERS = [
    "session-check-in",
    "felt-understood",
    "feels-different",
    "valueCoding",
    "valueInteger",
    "achievementStatus",
    "QuestionnaireResponse/",
]


def _session(site: Site, word: str, **more: Any) -> dict[str, Any]:
    """A check-in full of words to look for."""
    both = group("possibility", wrote("possibility.named", "zebra-named"), wrote("possibility.described", word))
    items = [
        chose(CHECK_IN, "understood", "partly"),
        wrote("missed", "zebra-missed"),
        chose(CHECK_IN, "different", "good"),
        said("today", {"valueInteger": 4}),
        wrote("account", "zebra-account"),
        wrote("words", "zebra-words"),
        both,
        {"linkId": "zebra-odd", "answer": [{"valueString": "zebra-odd"}]},
    ]
    return made(site, CHECK_IN, 1, ROSA, *items, **more)


def _live(site: Site) -> None:
    """Delivered, corrected, waiting for the EHR, not finished; a list; a therapist's count; goals and a review."""
    plan = planned(site)
    site.remote()
    first = site.desk.check_in(_session(site, "zebra-described"))["check_in"]
    cited = {"url": codes.CORRECTS, "valueReference": {"reference": f"QuestionnaireResponse/{first}"}}
    site.pass_time(minutes=5)
    site.desk.check_in(_session(site, "zebra-late", extension=[cited], status="amended"))
    with silent(site):
        site.desk.check_in(_session(site, "zebra-late"))
    site.desk.check_in(_session(site, "zebra-half", status="in-progress"))
    site.desk.check_in(made(site, PRIORITIES, 1, ROSA, group("priority", wrote("priority.words", "zebra-list"))))
    site.desk.check_in(made(site, OBSERVATION, 1, ROSA, said("reflected", {"valueInteger": 2})))
    site.desk.review(plan, actor=CLINICIAN)
    site.desk.sync(actor=CLINICIAN)


def test_database_wal_chart_and_temp_files_hold_no_word_and_no_answer(nothing_is_left: Look) -> None:
    """Planted: check-ins stored as plain JSON; the faults' words logged; both caught, in database, WAL and log."""
    nothing_is_left(_live, SECRETS + ANSWERS)


def test_no_record_of_the_trail_holds_a_word_or_an_answer(site: Site) -> None:
    """Planted: the response in the record's details; caught."""
    _live(site)
    trail = json.dumps(site.records(limit=200))
    assert trail.count("checkin.recorded") > 5
    assert [one for one in [*SECRETS, *ANSWERS, "partly"] if one in trail] == []


def test_no_error_repeats_what_was_written(site: Site) -> None:
    """Planted: the value in a refusal; caught."""
    for broken in (
        {"questionnaire": "zebra"},
        {"subject": {"reference": "Patient/zebra words"}},
        {"subject": {"display": "zebra"}},
        {"resourceType": "zebra"},
        {"zebra words": "\x00"},
    ):
        with pytest.raises(InvalidInput) as refused:
            site.desk.check_in(_session(site, "zebra", **broken), actor=CLINICIAN)
        assert "zebra" not in str(refused.value) + str(refused.value.as_dict())


def test_no_address_that_is_asked_for_holds_a_word_or_a_person(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor does a log line of what was asked. Planted: the search by GET; caught."""
    caplog.set_level(logging.DEBUG)
    empty = {"resourceType": "Bundle", "type": "searchset"}
    with (
        Site(tmp_path / "home", tmp_path / "site.key", ehr_url="http://127.0.0.1:9/fhir") as site,
        responses.RequestsMock() as ehr,
    ):
        for kind in ("QuestionnaireResponse", "Encounter"):
            ehr.post(f"{site.context.ehr.address}/{kind}/_search", json=empty)
        ehr.get(re.compile(f"{site.context.ehr.address}/.*"), status=404)
        ehr.post(site.context.ehr.address, status=503)
        site.desk.check_in(_session(site, "zebra-late", encounter={"reference": "Encounter/e7"}))
        asked = [str(call.request.url) for call in ehr.calls]
        site.desk.close()
    assert len(asked) > 3
    assert [one for one in asked if "rosa" in one or "zebra" in one or "?" in one] == []
    assert [one for one in (*SECRETS, *ANSWERS) if one in caplog.text] == []
    assert found(tmp_path, SECRETS + ANSWERS) == []
