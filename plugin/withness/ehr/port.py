"""What Withness asks of an EHR: read one resource, and write one transaction Bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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

    def read(self, reference: str) -> Stored | None:
        """Return the resource at "Type/id", None when the EHR does not have it."""

    def transact(self, bundle: Resource) -> tuple[Written, ...]:
        """Write a transaction Bundle whole or not at all, in the Bundle's order.

        Raises Conflict when an If-Match names another version than the EHR's.
        """
