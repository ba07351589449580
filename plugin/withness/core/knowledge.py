"""Everything that the FHIR package is made from, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from withness.core.catalogue import Catalogue
from withness.core.form import Form
from withness.core.profile import Profile, Terminology
from withness.core.publication import Publication
from withness.core.risk import RiskPolicy
from withness.core.source_attributes import Attributes
from withness.core.template import PlanTemplate


@dataclass(frozen=True)
class Knowledge:
    """The shipped content: `templates` and `profiles` by id, `attributes` of every rule of the policy."""

    publication: Publication
    policy: RiskPolicy
    templates: Mapping[str, PlanTemplate]
    catalogue: Catalogue
    attributes: tuple[Attributes, ...]
    forms: tuple[Form, ...]
    profiles: Mapping[str, Profile]
    terminology: Terminology
