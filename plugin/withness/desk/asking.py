"""Who asks, and what may be asked for by name."""

from __future__ import annotations

import getpass
from typing import Any, Final

from withness.core.terms import reference
from withness.desk.context import Actor
from withness.errors import InvalidInput

PEOPLE: Final = ("Practitioner", "PractitionerRole", "Patient", "RelatedPerson")


def actor_of(ref: object, *, field: str = "actor") -> Actor:
    """Return who acts, with the operating system's user. Raises InvalidInput for anything but a person or device."""
    known = reference(str(ref), *PEOPLE, "Device", field=field)
    try:
        return Actor(known, getpass.getuser())
    except (KeyError, OSError):
        return Actor(known, "unknown")


def named(kind: Any, text: str, *, field: str) -> Any:
    """Return the member of an enumeration. Raises InvalidInput naming what there is."""
    try:
        return kind(text)
    except ValueError:
        names = ", ".join(one.value for one in kind)
        raise InvalidInput(f"{field} must be one of: {names}.", field=field) from None
