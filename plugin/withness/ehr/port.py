"""What Withness asks of an EHR: read one resource, find evidence, answers and linked records, write one Bundle."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

Resource = Mapping[str, Any]
"""A FHIR R4 resource as plain JSON values."""


@dataclass(frozen=True)
class Stored:
    """A resource as the EHR holds it; `version` is its meta.versionId ("" when the EHR keeps none)."""

    resource: Resource
    version: str


@dataclass(frozen=True)
class Written:
    """What became of one Bundle entry: `reference` is "Type/id"."""

    reference: str
    version: str


class Ehr(Protocol):
    """An EHR. Every method may raise EhrUnavailable (try again later) or EhrRefused (it said no)."""

    @property
    def address(self) -> str:
        """The EHR's identity: an outbox row is bound to it. Never holds credentials."""

    @property
    def loopback(self) -> bool:
        """Whether the EHR is on this machine (demo mode refuses any other)."""

    @property
    def embedded(self) -> bool:
        """Whether this process writes the EHR's file on this machine: one lock can then span a look and a write."""

    def hurried(self, seconds: float) -> Ehr:
        """Return the same EHR, of which an embedded chart waits no longer than this for another use of its file."""

    def read(self, reference: str) -> Stored | None:
        """Return the resource at "Type/id", None when the EHR does not have it."""

    def transact(self, bundle: Resource) -> tuple[Written, ...]:
        """Write a transaction Bundle whole or not at all, in the Bundle's order.

        Raises Conflict when an If-Match names another version than the EHR's.
        """

    def observations(self, patient: str, codes: Collection[str], since: datetime) -> tuple[Resource, ...]:
        """Return the patient's Observations that have one of the LOINC `codes`, a component's too, and are new.

        New means: an effective time or `issued` may lie after `since` (with its zone) or cannot be read, or there is
        none. Those entered in error or cancelled are left out. `patient` is "Patient/id"; of a "RelatedPerson/id"
        there are none (R4). Raises EhrRefused also when `patient` is neither.
        """

    def responses(self, patient: str, *questionnaires: str) -> tuple[Resource, ...]:
        """Return the patient's QuestionnaireResponses to these forms, each by its canonical, whatever the version.

        Those entered in error are left out. Raises EhrRefused also when `patient` is not "Patient/id".
        """

    def encounters(self, patient: str) -> tuple[Resource, ...]:
        """Return the patient's Encounters, whatever their status. Raises EhrRefused as `responses` does."""

    def held(
        self, type: str, systems: Collection[str], categories: Collection[tuple[str, str]] = ()
    ) -> Iterator[Stored]:
        """Yield everybody's resources of `type`, each once, that are marked: whatever their status, no order promised.

        Marked means: an identifier of one of these `systems`, or a category with one of these codings (system, code).
        Of an EHR whose search is behind its writes this may leave one out, or give one as it was before.
        """

    def linked(self, person: str) -> frozenset[str]:
        """Return every other Patient/id and RelatedPerson/id that the EHR says is `person`, by however many steps.

        That is Patient.link of every type, from either end; a link by identifier alone names no record and is passed
        over. A record that the EHR does not hold has no links of its own. Raises EhrRefused when `person` is neither
        "Patient/id" nor "RelatedPerson/id", EhrUnavailable also for a link that cannot be read or more than 20 people.
        """
