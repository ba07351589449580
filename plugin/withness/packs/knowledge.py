"""The shipped content as one value, for the FHIR package."""

from __future__ import annotations

from withness.core.knowledge import Knowledge
from withness.packs.load import load_catalogue
from withness.packs.policy import load_policy
from withness.packs.publication import load_publication
from withness.packs.templates import load_templates


def load_knowledge() -> Knowledge:
    """Return everything that the FHIR package is made from. Raises InvalidContent naming file and key."""
    return Knowledge(load_publication(), load_policy(), load_templates(), load_catalogue())
