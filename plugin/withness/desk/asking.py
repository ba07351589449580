"""Who asks, and what may be asked for by name."""

from __future__ import annotations

import getpass
import os
from functools import cache
from typing import Any, Final

from withness.core.terms import reference
from withness.desk.context import Actor
from withness.errors import InvalidInput

PEOPLE: Final = ("Practitioner", "PractitionerRole", "Patient", "RelatedPerson")


def actor_of(ref: object, *, field: str = "actor") -> Actor:
    """Return who acts, with the operating system's user. Raises InvalidInput for anything but a person or device."""
    return Actor(reference(str(ref), *PEOPLE, "Device", field=field), _user_named(os.getuid()))


@cache  # where the environment names nobody, the system's files are read for it
def _user_named(_: int) -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def named(kind: Any, text: str, *, field: str) -> Any:
    """Return the member of an enumeration. Raises InvalidInput naming what there is."""
    try:
        return kind(text)
    except ValueError:
        names = ", ".join(one.value for one in kind)
        raise InvalidInput(f"{field} must be one of: {names}.", field=field) from None
