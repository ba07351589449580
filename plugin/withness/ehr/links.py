"""Which records are one and the same person, by Patient.link (R4: every type of link says so, whoever names whom)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from withness.ehr.port import Resource
from withness.ehr.reference import PEOPLE, local_name
from withness.errors import EhrUnavailable

MOST: Final = 20
"""How many linked records are followed."""


def linked(person: str, look: Callable[[frozenset[str]], Iterable[Resource]], address: str) -> frozenset[str]:
    """Return "Type/id" of every record linked with `person`, by however many steps, without itself.

    `look` returns at least the Patients that are among the given references or have a link to one of them; `address`
    is the EHR's. Raises EhrUnavailable for more than MOST records and for a link that cannot be read.
    """
    known = asked = frozenset({person})
    while asked:
        found = frozenset[str]().union(*(_one_person(patient, asked, address) for patient in look(asked)))
        asked = found - known
        known |= asked
        if len(known) > MOST + 1:
            raise EhrUnavailable("The person has more linked records than can be followed.")
    return known - {person}


def touches(patient: Resource, people: frozenset[str], address: str) -> bool:
    """Return whether `patient` is one of `people` or has a link to one."""
    return not people.isdisjoint({f"Patient/{patient.get('id')}", *_targets(patient, address)})


def _one_person(patient: Resource, people: frozenset[str], address: str) -> frozenset[str]:
    """Return `patient` and what it links to when it touches `people`, else nothing. Raises EhrUnavailable."""
    if not touches(patient, people, address):
        return frozenset()
    targets = _targets(patient, address)
    if None in targets:
        raise EhrUnavailable("A link between a person's records could not be read.")
    return frozenset({f"Patient/{patient['id']}", *(one for one in targets if one)})


def _targets(patient: Resource, address: str) -> list[str | None]:
    """Return what the links name, None for each that cannot be read. A link by identifier alone names no record."""
    links = patient.get("link", [])
    others = [one.get("other") if isinstance(one, dict) else None for one in links] if isinstance(links, list) else [0]
    named = [one if isinstance(one, dict) else {} for one in others]
    followed = [one for one in named if "reference" in one or "identifier" not in one]
    names = (local_name(one.get("reference"), address) for one in followed)
    return [name if name and name.split("/")[0] in PEOPLE else None for name in names]
