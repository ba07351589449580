"""Who publishes the FHIR artefacts, when and under which terms."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Publication:
    """What every artefact says of itself (FHIR facts 7.2: CRMI shareable and publishable artefacts).

    `date` is an ISO date, `license` an SPDX id, `jurisdiction` an ISO 3166 code, `contact` a URL. `us_core_base` is the
    US Core version that the profiles build on, `us_core` every version that resources can be made for.
    """

    publisher: str
    contact: str
    date: str
    license: str
    copyright: str
    jurisdiction: str
    us_core_base: str
    us_core: tuple[str, ...]
