"""What whoever signs records of a page that is kept from somebody: on what ground, who judged it, how it is reviewed.

It stays inside Withness: no page and no document tells of it (contracts I8).

{"member": "Patient/tom", "from": "guardian", "ground": "harm-by-representative", "what": "the part on …",
 "why": "…", "determined_by": "Practitioner/p1", "on": "2026-11-21", "review": "told on … that … looks at it again"}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from withness.core.note import Note
from withness.errors import InvalidInput

_KEYS: Final = ("member", "from", "ground", "what", "why", "determined_by", "on", "review")
_MOST_WORDS: Final = 20_000
_MOST: Final = 50
_PRACTITIONER: Final = re.compile(r"Practitioner(?:Role)?/[A-Za-z0-9\-.]{1,64}")


def withheld(note: Note, given: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return each record as it is kept. Raises InvalidInput naming what is not said, or said wrongly."""
    if not isinstance(given, list | tuple) or len(given) > _MOST:
        raise InvalidInput("withheld must be a list of records, one for each page and reader.", field="withheld")
    return [_record(note, one) for one in given]


def require_days(given: Sequence[Mapping[str, Any]], today: date) -> None:
    """Nobody has judged on a day to come. Raises InvalidInput; what is no day at all is said with the record."""
    for one in given if isinstance(given, list | tuple) else ():
        on = one.get("on") if isinstance(one, Mapping) else None
        try:
            ahead = date.fromisoformat(str(on)) > today
        except ValueError:
            continue
        if ahead:
            raise _fault("on", "is a day to come")


def _record(note: Note, given: Mapping[str, Any]) -> dict[str, str]:
    from withness.packs.withholding import grounds

    if not isinstance(given, Mapping) or set(given) - set(_KEYS):
        raise InvalidInput(f"withheld may hold these alone: {', '.join(_KEYS)}.", field="withheld")
    said = {key: given.get(key, "") for key in _KEYS}
    for key, value in said.items():
        if not isinstance(value, str) or len(value) > _MOST_WORDS:
            raise _fault(key, "must be a text")
    if said["member"] not in note.members:
        raise _fault("member", "must be one of this note's members: whose page it is")
    ground = grounds().get(said["ground"])
    if ground is None:
        raise _fault("ground", f"must be one of: {', '.join(grounds())}")
    if said["from"] not in ground.readers:
        raise _fault("from", f"must be one of: {', '.join(ground.readers)}. No other page is kept back on this ground")
    for key, asks in {
        "what": "must say which part, no more than is needed",
        "why": "must say why in this one case",
        "on": "must say on which day",
        **({"determined_by": "must name who judged it, licensed and treating the client"} if ground.individual else {}),
        **({"review": "must say who looks at it again if asked, and how that was told"} if ground.review else {}),
    }.items():
        if not said[key].strip():
            raise _fault(key, asks)
    if said["determined_by"] and not _PRACTITIONER.fullmatch(said["determined_by"]):
        raise _fault("determined_by", "must be a reference such as Practitioner/p1")
    try:
        date.fromisoformat(said["on"])
    except ValueError:
        raise _fault("on", "must be a day such as 2026-11-21") from None
    return said


def _fault(key: str, said: str) -> InvalidInput:
    return InvalidInput(f"withheld.{key} {said}.", field=f"withheld.{key}")
