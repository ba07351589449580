"""An EHR over the FHIR R4 REST API: one resource read, a search, one transaction Bundle written (http.html).

Messages carry HTTP status, issue codes and element paths only: an EHR's own words may repeat what it was sent, so they
are never passed on (contracts I9).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from withness.core.terms import REFERENCE
from withness.ehr import links, observed
from withness.ehr.port import Resource, Stored, Written
from withness.ehr.reference import person_type
from withness.ehr.search import ALL_PAGES, search, stream
from withness.ehr.wire import Wire, json_object, unreadable
from withness.errors import EhrRefused, EhrUnavailable

_LOOKED_UP: Final = "What was written is looked up before the next try."
_LOCATION: Final = re.compile(r"(?:.*/)?(?P<reference>[A-Z][A-Za-z]+/[A-Za-z0-9\-.]+)(?:/_history/(?P<version>[^/]+))?")
_ETAG: Final = re.compile(r'(?:W/)?"([^"]*)"')
_TRANSACTION: Final = {"Content-Type": "application/fhir+json", "Prefer": "return=minimal"}


class FhirClient:
    """The EHR port over HTTP (structurally an `ehr.port.Ehr`). Certificates are always verified.

    `token` is a bearer token, `timeout` the seconds for each wait on the network and for the whole answer, `max_bytes`
    the longest answer taken, `now` the clock that a Retry-After date is held against. Proxies and CA bundles of the
    environment are honoured (no proxy towards a loopback EHR), credentials in ~/.netrc never.
    """

    embedded: Final = False

    def __init__(
        self,
        base_url: str,
        *,
        token: str = "",
        timeout: float = 30.0,
        max_bytes: int = 32 * 1024 * 1024,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Raises InvalidInput when the address cannot be an EHR's, or the token may not be sent there."""
        self._wire = Wire(base_url, token=token, timeout=timeout, max_bytes=max_bytes, now=now)
        self.address: Final = self._wire.address
        self.loopback: Final = self._wire.loopback

    def close(self) -> None:
        """Close the connections kept for reuse."""
        self._wire.close()

    def hurried(self, seconds: float) -> FhirClient:
        """Return itself: nobody asks it while others wait."""
        return self

    def read(self, reference: str) -> Stored | None:
        """Return the resource at "Type/id", None when the EHR answers 404 or 410.

        Raises EhrRefused (also when `reference` is no "Type/id"), EhrUnavailable or Conflict.
        """
        found = REFERENCE.fullmatch(reference)
        if found is None or not found["id"].strip("."):  # an id of dots alone would climb out of the base's path
            raise EhrRefused("A reference must be Type/id.", field="reference")
        with _looked_up():
            answer = self._wire.ask("GET", f"/{reference}")
            if answer.status in (404, 410):
                return None
            self._wire.check_status(answer, {found["type"]})
            resource = json_object(answer.body)
        if (resource.get("resourceType"), resource.get("id")) != (found["type"], found["id"]):
            raise EhrUnavailable("The EHR answered with another resource than the one asked for.")
        return Stored(resource, _version(resource, answer.headers.get("ETag")))

    def transact(self, bundle: Resource) -> tuple[Written, ...]:
        """Write a transaction Bundle whole or not at all, in the Bundle's order.

        Raises Conflict on 409 and 412, EhrRefused on other 4xx, and EhrUnavailable when the EHR cannot be reached, is
        busy, or answers with anything but a whole transaction-response: whether it wrote is then unknown.
        """
        try:
            body = json.dumps(bundle, allow_nan=False).encode()
            requested = [(str(one["request"]["method"]), str(one["request"]["url"])) for one in bundle.get("entry", [])]
            types = {str(one["resource"]["resourceType"]) for one in bundle.get("entry", [])}
        except (TypeError, ValueError, KeyError, AttributeError, RecursionError):
            raise EhrRefused("The Bundle is no FHIR transaction.", field="Bundle") from None
        with _looked_up():
            answer = self._wire.ask("POST", "", body, _TRANSACTION)
            self._wire.check_status(answer, types)
            response = json_object(answer.body)
            given, kind = response.get("entry", []), (response.get("resourceType"), response.get("type"))
            whole = isinstance(given, list) and len(given) == len(requested)
            if kind != ("Bundle", "transaction-response") or not whole:
                unreadable()
            return tuple(_written(*asked, entry) for asked, entry in zip(requested, given, strict=True))

    def observations(self, patient: str, codes: Collection[str], since: datetime) -> tuple[Resource, ...]:
        """Search the patient's Observations as `ehr.port.Ehr.observations` says.

        Raises EhrRefused, and EhrUnavailable also when the EHR answers with another patient's.
        """
        if person_type(patient) != "Patient" or not codes:
            return ()
        wanted = ",".join(f"{observed.LOINC}|{code}" for code in sorted(codes))
        query = {"patient": patient.removeprefix("Patient/"), "combo-code": wanted}
        found = search(self._wire, "Observation", query)
        if any(observed.subject(one, self.address) != patient for one in found):
            unreadable()
        return tuple(one for one in found if observed.counts(one, codes, since))

    def responses(self, patient: str, *questionnaires: str) -> tuple[Resource, ...]:
        """Search the patient's QuestionnaireResponses as `ehr.port.Ehr.responses` says.

        The form is looked for here: not every EHR finds a canonical without its version. Raises EhrRefused, and
        EhrUnavailable also when the EHR answers with another patient's.
        """
        own = self._of(patient, "QuestionnaireResponse")
        return tuple(one for one in own if observed.answers(one, questionnaires))

    def encounters(self, patient: str) -> tuple[Resource, ...]:
        """Search the patient's Encounters as `ehr.port.Ehr.encounters` says. Raises as above."""
        return self._of(patient, "Encounter")

    def _of(self, patient: str, type: str) -> tuple[Resource, ...]:
        if person_type(patient) != "Patient":
            raise EhrRefused("Only what is a Patient's is looked for.", field="reference")
        found = search(self._wire, type, {"patient": patient.removeprefix("Patient/")})
        if any(observed.subject(one, self.address) != patient for one in found):
            unreadable()
        return found

    def held(
        self, type: str, systems: Collection[str], categories: Collection[tuple[str, str]] = ()
    ) -> Iterator[Stored]:
        """Search everybody's resources as `ehr.port.Ehr.held` says: by identifier system, then by category.

        An EHR that ignores a parameter gives more than was asked for; that is passed over here. Raises EhrRefused
        (many an EHR allows no search across patients), EhrUnavailable.
        """
        asked = [{"identifier": ",".join(f"{one}|" for one in sorted(systems))}] if systems else []
        asked += (
            [{"category": ",".join(f"{system}|{code}" for system, code in sorted(categories))}] if categories else []
        )
        given: set[str] = set()
        for query in asked:
            for one in stream(self._wire, type, query, pages=ALL_PAGES):
                if one["id"] not in given and observed.marked(one, systems, categories):
                    given.add(one["id"])
                    yield Stored(one, _version(one, None))

    def linked(self, person: str) -> frozenset[str]:
        """Follow the links between Patients as `ehr.port.Ehr.linked` says. Raises EhrRefused or EhrUnavailable."""
        person_type(person)
        return links.linked(person, self._patients, self.address)

    def _patients(self, people: frozenset[str]) -> tuple[Resource, ...]:
        """Search the Patients that are among `people` or link to one of them; a read would put an id in a URL."""
        ids = sorted(one.removeprefix("Patient/") for one in people if one.startswith("Patient/"))
        own = search(self._wire, "Patient", {"_id": ",".join(ids)}) if ids else ()
        naming = search(self._wire, "Patient", {"link": ",".join(sorted(people))})
        if any(one["id"] not in ids for one in own):
            unreadable()
        if not all(links.touches(one, people, self.address) for one in naming):
            unreadable()
        return own + naming


@contextmanager
def _looked_up() -> Iterator[None]:
    """Say, when no answer tells whether the EHR wrote, how that is found out."""
    try:
        yield
    except EhrUnavailable as lost:
        lost.hint = lost.hint or _LOOKED_UP
        raise


def _version(resource: Resource, etag: object) -> str:
    meta, tag = resource.get("meta"), _ETAG.fullmatch(str(etag or ""))
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return str(version or (tag[1] if tag else ""))


def _written(method: str, url: str, entry: Any) -> Written:
    """Match one answered entry with its request. Raises EhrUnavailable when it does not say that it was written."""
    response = entry.get("response") if isinstance(entry, dict) else None
    if not isinstance(response, dict) or not re.match(r"2\d\d\b", str(response.get("status"))):
        unreadable()
    found = _LOCATION.fullmatch(str(response.get("location", "")))
    asked = REFERENCE.fullmatch(url) if method == "PUT" else None
    reference = found["reference"] if found else asked[0] if asked else ""
    if not reference or (asked and reference != asked[0]):
        unreadable()
    resource = entry.get("resource")
    version = _version(resource if isinstance(resource, dict) else {}, response.get("etag"))
    return Written(reference, version or (found["version"] if found and found["version"] else ""))
