"""Every Bundle that a story sends to an EHR is shown to a validator; and a look at what lies on the disk."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.servers import validator as fhir_validator
from tests.system.at_rest import Look, found
from tests.system.site import Site
from withness.ehr.client import FhirClient
from withness.ehr.local import LocalChart
from withness.fhir import codes
from withness.packs.policy import load_policy

ELSEWHERE: Final = "written-elsewhere"
"""The id of Bundles that the stories write as another system of the clinic would."""

_SHIPPED: Final = f"{codes.QUESTIONNAIRE_RISK_SCREEN}|{load_policy().version}"

_ASKED: set[str] = set()
"""What was found valid before: stories differ in ids and times, and send much the same."""

_ID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_VARYING: Final = re.compile(rf"{_ID}|\d{{4}}-\d\d-\d\d(T[0-9:.+Z-]+)?")


@pytest.fixture(scope="session")
def no_validator() -> str | None:
    """Why the validator cannot run here, asked once: to ask starts a process."""
    return fhir_validator.available()


@pytest.fixture(autouse=True)
def every_bundle_is_valid(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, no_validator: str | None
) -> Iterator[None]:
    """Where the validator can run; it is required in CI. Planted: a status that R4 does not have; caught."""
    if request.node.get_closest_marker("campaign") or no_validator:
        yield
        return
    independent: fhir_validator.Validator = request.getfixturevalue("validator")
    sent: dict[str, Mapping[str, Any]] = {}
    for ehr in (LocalChart, FhirClient):
        monkeypatch.setattr(ehr, "transact", _noting(ehr.transact, sent))
    yield
    for shape, bundle in sent.items():
        if shape not in _ASKED:
            assert [one for one in independent.errors(bundle) if not _a_sites_own_form(one)] == []
            _ASKED.add(shape)


def _a_sites_own_form(issue: fhir_validator.Issue) -> bool:
    """Whether the validator misses the form of a site's own policy, which the site publishes and not this package."""
    return issue.id == "Questionnaire_QR_Q_NotFound" and f"{_SHIPPED}'" not in issue.message


def _noting(transact: Any, sent: dict[str, Mapping[str, Any]]) -> Any:
    def noted(ehr: Any, bundle: Mapping[str, Any]) -> Any:
        if bundle.get("id") != ELSEWHERE:
            sent.setdefault(_VARYING.sub("#", json.dumps(bundle, sort_keys=True)), bundle)
        return transact(ehr, bundle)

    return noted


@pytest.fixture
def nothing_is_left(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Look:
    """Let something happen, and look for the words in database, WAL, chart, temporary files and logs."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    caplog.set_level(logging.DEBUG)

    def look(live: Callable[[Site], None], words: Sequence[str]) -> None:
        live(site)
        assert (site.home / "withness.sqlite3-wal").stat().st_size > 0
        assert found(site.home, words) == []
        assert found(scratch, words) == []
        assert not any(word in caplog.text for word in words)
        site.desk.close()
        assert found(site.home, words) == []

    return look
