"""Which instant a FHIR time can mean at the latest, and what of an Observation cannot be told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from withness.ehr.observed import LOINC, counts, subject

CODE = "44260-8"


def seen(**more: Any) -> dict[str, Any]:
    return {"status": "final", "code": {"coding": [{"system": LOINC, "code": CODE}]}, **more}


@pytest.mark.parametrize(
    ("time", "latest"),
    [
        ("2026-11-21T12:00:00Z", datetime(2026, 11, 21, 12, 0, 0, 999_999, tzinfo=UTC)),
        ("2026-11-21T12:00:00.0Z", datetime(2026, 11, 21, 12, 0, tzinfo=UTC)),
        ("2026-11-21T12:00:00.25+05:30", datetime(2026, 11, 21, 6, 30, 0, 250_000, tzinfo=UTC)),
        ("2026-11-21T12:00:00.1234567-08:00", datetime(2026, 11, 21, 20, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-11-21", datetime(2026, 11, 22, 11, 59, 59, 999_999, tzinfo=UTC)),
        ("2024-02", datetime(2024, 3, 1, 11, 59, 59, 999_999, tzinfo=UTC)),
        ("2026", datetime(2027, 1, 1, 11, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_a_time_is_as_late_as_it_can_mean(time: str, latest: datetime) -> None:
    """Catches: a date taken for its midnight, a second for its start, a zone left out."""
    for name in ("effectiveDateTime", "effectiveInstant", "issued"):
        assert not counts(seen(**{name: time}), [CODE], latest)
        assert counts(seen(**{name: time}), [CODE], latest - timedelta(microseconds=1))


@pytest.mark.parametrize(
    "time",
    [
        "", "soon", "2020-13", "2020-02-30", "0000", "2020-01-01T12:00:00", "2020-01-01T12:00Z", "2020-01-01 12:00:00Z",
        "2020-01-01T25:00:00Z", "2020-01-01T12:00:60Z", "2020-01-01T12:00:00+25:00", "٢٠٢٠", "2020-01-01T12:00:00Z\n",
        7, None, ["2020"], {"event": ["2020"]},
    ],
)  # fmt: skip
def test_a_time_that_cannot_be_read_is_new(time: Any) -> None:
    """Catches: a traceback, or an unreadable time passed over beside an old one."""
    since = datetime(2026, 1, 1, tzinfo=UTC)
    for told in ({"effectiveDateTime": time}, {"issued": time}, {"effectivePeriod": {"end": time}}):
        assert counts(seen(**told), [CODE], since)
    assert counts(seen(effectiveDateTime="2020", issued=time), [CODE], since)
    assert counts(seen(effectivePeriod=time if not isinstance(time, dict) else 7), [CODE], since)


def test_the_last_year_is_read() -> None:
    """Catches: an overflow at the calendar's end."""
    assert counts(seen(effectiveDateTime="9999-12-31"), [CODE], datetime.now(UTC))
    assert counts(seen(effectiveDateTime="9999-12-31T23:59:59-12:00"), [CODE], datetime.now(UTC))


@pytest.mark.parametrize(
    "malformed",
    [
        {"code": None},
        {"code": [CODE]},
        {"code": {"coding": CODE}},
        {"code": {"coding": [CODE, {"system": LOINC}, {"system": LOINC, "code": [CODE]}]}},
        {"code": {}, "component": {"code": CODE}},
        {"code": {}, "component": [CODE, {"code": CODE}, {}]},
    ],
)
def test_what_has_no_readable_code_is_not_found_by_it(malformed: dict[str, Any]) -> None:
    """Catches: a traceback on another shape than R4's."""
    assert not counts({**seen(), **malformed}, [CODE], datetime.now(UTC))


@pytest.mark.parametrize(
    ("about", "name"),
    [
        ({"reference": "Patient/rosa"}, "Patient/rosa"),
        ({"reference": "Patient/rosa/_history/3"}, "Patient/rosa"),
        ({"reference": "https://ehr.example/fhir/Patient/rosa"}, "Patient/rosa"),
        ({"reference": "https://EHR.example:443/fhir/Patient/rosa/_history/3"}, "Patient/rosa"),
        ({"reference": "http://ehr.example/fhir/Patient/rosa"}, None),
        ({"reference": "https://ehr.example:444/fhir/Patient/rosa"}, None),
        ({"reference": "https://ehr.example/fhirs/Patient/rosa"}, None),
        ({"reference": "https://ehr.example/Patient/rosa"}, None),
        ({"reference": "https://ehr.example/fhir/fhir/Patient/rosa"}, None),
        ({"reference": "https://ehr.example.evil/fhir/Patient/rosa"}, None),
        ({"reference": "https://me@ehr.example/fhir/Patient/rosa"}, None),
        ({"reference": "https://ehr.example/fhir/../fhir/Patient/rosa"}, None),
        ({"reference": "https://ehr.example/fhir/Patient/rosa?x"}, None),
        ({"reference": "https://ehr.example/fhir/Patient/rosa#x"}, None),
        ({"reference": "https://ehr.example:port/fhir/Patient/rosa"}, None),
        ({"reference": "//ehr.example/fhir/Patient/rosa"}, None),
        ({"reference": "/Patient/rosa"}, None),
        ({"reference": "Patient/../_history/1"}, None),
        ({"reference": "#rosa"}, None),
        ({"reference": 7}, None),
        ({"identifier": {"value": "7"}}, None),
        ("Patient/rosa", None),
        (None, None),
    ],
)
def test_whom_it_is_about_is_read_within_the_ehr_alone(about: Any, name: str | None) -> None:
    """Catches: another server's patient of the same id taken for ours."""
    assert subject({"subject": about}, "https://ehr.example/fhir") == name
    if isinstance(about, dict) and ":" in str(about.get("reference")):
        assert subject({"subject": about}, "local") is None
