"""Everything that the FHIR package is made from, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from withness.core.catalogue import Catalogue
from withness.core.publication import Publication
from withness.core.risk import RiskPolicy
from withness.core.template import PlanTemplate


@dataclass(frozen=True)
class Knowledge:
    """The shipped content: `templates` by id."""

    publication: Publication
    policy: RiskPolicy
    templates: Mapping[str, PlanTemplate]
    catalogue: Catalogue
