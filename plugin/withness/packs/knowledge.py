"""The shipped content as one value, for the FHIR package."""

from __future__ import annotations

from withness.core.knowledge import Knowledge
from withness.packs.forms import load_forms
from withness.packs.load import load_catalogue
from withness.packs.policy import load_policy
from withness.packs.policy_sources import source_attributes
from withness.packs.profiles import load_profiles
from withness.packs.publication import load_publication
from withness.packs.templates import load_templates
from withness.packs.terminology import load_terminology


def load_knowledge() -> Knowledge:
    """Return everything that the FHIR package is made from. Raises InvalidContent naming file and key."""
    policy = load_policy()
    return Knowledge(
        load_publication(),
        policy,
        load_templates(),
        load_catalogue(),
        source_attributes(policy),
        load_forms(),
        load_profiles(),
        load_terminology(),
    )
