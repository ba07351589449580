"""Ids and small values that every room shares."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from withness.errors import InvalidInput

REFERENCE: Final = re.compile(r"(?P<type>[A-Z][A-Za-z]{1,63})/(?P<id>(?!\.+$)[A-Za-z0-9\-.]{1,64})")
"""A relative literal reference (FHIR R4 references.html#literal, id: datatypes.html#id); dots alone name nobody."""


class Acuity(StrEnum):
    """How much a finding asks of the clinician; rising in this order (policy: `acuity`)."""

    NONE = "none"
    CAUTION = "caution"
    ELEVATED = "elevated"
    UNKNOWN = "unknown"
    ACUTE = "acute"

    @property
    def rank(self) -> int:
        """Position in the rising order, 0 (none) to 4 (acute)."""
        return _RISING.index(self)


_RISING: Final = tuple(Acuity)


RELEASING: Final = (Acuity.NONE, Acuity.CAUTION)
"""What lets a plan through, the second with conditions."""

HOLDING: Final = (Acuity.ELEVATED, Acuity.ACUTE)
"""Findings that outlive a newer screen; an unknown ends with the next complete one."""


def worst(acuities: list[Acuity]) -> Acuity:
    """Return the most restrictive of `acuities`, `none` for an empty list."""
    return max(acuities, key=lambda acuity: acuity.rank, default=Acuity.NONE)


class Purpose(StrEnum):
    """What the decision is asked for."""

    NEW_PLAN = "new-plan"
    AMENDMENT = "amendment"


class UnitKind(StrEnum):
    """Who takes part in the conversation together."""

    INDIVIDUAL = "individual"
    COUPLE = "couple"
    FAMILY = "family"
    GROUP = "group"


class Lead(StrEnum):
    """Who drives what the conversation is about."""

    CLIENT = "client-led"
    THERAPIST = "therapist-led"


def reference(text: str, *types: str, field: str) -> str:
    """Return `text` when it is a relative reference to one of `types`.

    Raises InvalidInput naming `field` otherwise; the message never repeats the text (it may be PHI).
    """
    match = REFERENCE.fullmatch(text)
    if match is None or (types and match["type"] not in types):
        wanted = " or ".join(f"{kind}/id" for kind in types) or "Type/id"
        raise InvalidInput(f"{field} must be a reference such as {wanted}.", field=field)
    return text
