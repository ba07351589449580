"""What stands behind a rule of the gate: the 13 source attributes that HTI-1 wants shown (FHIR facts 9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ATTRIBUTES: Final[Mapping[str, str]] = {
    "citation": "Bibliographic citation of the intervention",
    "developer": "Developer of the intervention",
    "funding": "Funding source of the technical implementation",
    "dates": "Release and revision dates of the intervention or its reference source",
    "race": "Use of race",
    "ethnicity": "Use of ethnicity",
    "language": "Use of language",
    "sexual-orientation": "Use of sexual orientation",
    "gender-identity": "Use of gender identity",
    "sex": "Use of sex",
    "date-of-birth": "Use of date of birth",
    "social-determinants": "Use of social determinants of health data",
    "health-status": "Use of health status assessments data",
}
"""45 CFR 170.315(b)(11)(iv)(A), attributes 1 to 13 in their order, by the names used here."""


GATE: Final = "gate"
"""The rule that stands for the gate as a whole."""


@dataclass(frozen=True)
class Attributes:
    """One rule with its `values`, one for each name of `ATTRIBUTES`; `title` is the rule as a person reads it."""

    rule: str
    title: str
    values: Mapping[str, str]

    def said(self) -> dict[str, str]:
        """Return the rule and its attributes as one JSON row."""
        return {"rule": self.rule, "title": self.title, **{name: self.values[name] for name in ATTRIBUTES}}
