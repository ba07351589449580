"""What a person wrote to document a need, read against the policy's form for it.

A fault is one sentence that names `NEED.field` and never repeats what was written: it may be PHI (contracts I9).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from withness.core.risk import EvidenceField, EvidenceForm
from withness.core.terms import REFERENCE
from withness.errors import InvalidInput

TOLERANCE: Final = timedelta(minutes=5)
"""How far the clocks of two machines may differ, unless the caller gives the policy's `future_tolerance`."""

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_NUMBER: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")
_FILLERS: Final = "\u115f\u1160\u3164\uffa0"
"""Letters that show nothing (Hangul fillers)."""

_HELP: Final = {
    "date": "a day, YYYY-MM-DD",
    "day-past": "a day that has come, YYYY-MM-DD",
    "day-ahead": "today or a later day, YYYY-MM-DD",
    "time": "when it happened, with its zone, such as 2026-11-21T10:00:00Z",
    "planned": "a time with its zone, such as 2026-11-21T10:00:00Z",
    "number": "a number above 0",
    "person": "first and last name, or Practitioner/id",
}
_FUTURE: Final = "lies in the future"
_PAST: Final = "lies in the past"
_BEFORE: Final = "is before this hold: write down what was done since"
_IN_WORDS: Final = "says nothing by itself: write it in words, such as 'none found; asked about people, plans, beliefs'"


def read_evidence(
    form: EvidenceForm,
    given: Mapping[str, Any],
    *,
    now: datetime,
    words_for_nothing: tuple[str, ...],
    tolerance: timedelta = TOLERANCE,
    since: date | None = None,
) -> dict[str, str]:
    """Return what `given` says to each field of `form`, exactly as written; a field left empty is left out.

    `now` has a zone; a `time` may lie at most `tolerance` ahead of it. `since` is the day, in UTC, on which the hold
    opened: no `time` or `day-past` lies before it. Raises InvalidInput, `field` being `NEED.field`: not a field of the
    form, missing, not asked, or not what the field's kind asks for.
    """
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{form.need} must be an object of fields.", field=form.need)
    _refuse_unknown(form, given)
    empty = template(form)
    reader = _Reader(now, tolerance, since, frozenset(_gist(word) for word in words_for_nothing))
    said: dict[str, str] = {}
    for field in form.fields:
        where = f"{form.need}.{field.id}"
        text = reader.text(field, given.get(field.id), empty[field.id], where=where)
        asked = field.when is None or said.get(field.when[0]) == field.when[1]
        if text is not None and not asked:
            raise _fault(where, f"is asked only when {_condition(field)}")
        if text is not None:
            reader.check(field, text, where=where)
            said[field.id] = text
        elif asked and not field.optional:
            raise _fault(where, reader.unsaid(field, given.get(field.id)))
    return said


def template(form: EvidenceForm) -> dict[str, str]:
    """Return a fill-in for people: each field with its help text, which counts as empty until it is replaced."""
    return {
        field.id: f"{field.text} ({'; '.join(notes)})" if (notes := _notes(field)) else field.text
        for field in form.fields
    }


def _notes(field: EvidenceField) -> list[str]:
    notes = [f"one of: {', '.join(field.options)}"] if field.options else []
    if field.kind in _HELP:
        notes.append(_HELP[field.kind])
    if field.min_chars > 1:
        notes.append(f"at least {field.min_chars} characters")
    if field.when is not None:
        notes.append(f"only when {_condition(field)}")
    return [*notes, "may be left out"] if field.optional else notes


def _condition(field: EvidenceField) -> str:
    return " is ".join(field.when or ())


def _fault(where: str, said: str) -> InvalidInput:
    return InvalidInput(f"{where} {said}.", field=where)


def _refuse_unknown(form: EvidenceForm, given: Mapping[str, Any]) -> None:
    known = {field.id for field in form.fields}
    for id in given:
        if id not in known:
            shown = re.sub(r"[^A-Za-z0-9_.-]", "?", str(id))[:64]
            raise _fault(f"{form.need}.{shown}", "is not a field of this need")


@dataclass(frozen=True)
class _Reader:
    """What every field is read against: the time, the day on which the hold opened, and the words for nothing."""

    now: datetime
    tolerance: timedelta
    since: date | None
    nothing: frozenset[str]

    def text(self, field: EvidenceField, value: Any, help: str, *, where: str) -> str | None:
        """Return what was written, None where it says nothing. Raises InvalidInput: it is no text."""
        if value is None:
            return None
        if field.kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise _fault(where, "must be a text")
        # A choice's codes are the policy's own, and "declined" is one that says something.
        if value in field.options:
            return value
        gist = _gist(value)
        return None if not gist or gist in self.nothing or gist == _gist(help) else value

    def unsaid(self, field: EvidenceField, value: Any) -> str:
        """Return what is wrong with a field that is asked and says nothing: an honest "none" is not missing."""
        gist = _gist(value) if field.kind == "text" and isinstance(value, str) else ""
        return _IN_WORDS if gist and gist in self.nothing else "is missing"

    def check(self, field: EvidenceField, text: str, *, where: str) -> None:
        """Raise InvalidInput when `text` is not what the field's kind asks for; an unknown kind takes nothing."""
        if field.kind == "choice" and text not in field.options:
            raise _fault(where, f"must be one of {', '.join(field.options)}")
        if field.kind == "text" and len(" ".join(text.split())) < field.min_chars:
            raise _fault(where, f"must be at least {field.min_chars} characters long")
        if not _FITS.get(field.kind, _nothing_fits)(text):
            raise _fault(where, f"must be {_HELP.get(field.kind, 'of a kind that this version knows')}")
        if wrong := self._out_of_time(field.kind, text):
            raise _fault(where, wrong)

    def _out_of_time(self, kind: str, text: str) -> str:
        """Return what is wrong with a day or moment that lies elsewhere than its kind asks for, "" for nothing."""
        latest, earliest = self.now + self.tolerance, self.now - self.tolerance
        match kind:
            case "time":
                at = datetime.fromisoformat(text)
                opened = datetime.combine(self.since, time.min, UTC) if self.since else None
                return _FUTURE if at > latest else _BEFORE if opened and at < opened else ""
            case "day-past":
                day = date.fromisoformat(text)
                return _FUTURE if day > _utc_day(latest) else _BEFORE if self.since and day < self.since else ""
            case "day-ahead":
                return _PAST if date.fromisoformat(text) < _utc_day(earliest) else ""
        return ""


def _utc_day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _day(text: str) -> bool:
    try:
        return _DAY.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _moment(text: str) -> bool:
    try:
        return _MOMENT.fullmatch(text) is not None and bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def _above_zero(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None and float(text) > 0


def _somebody(text: str) -> bool:
    """Whether `text` is a clinician's reference or a whole name; scripts that join names have no second word."""
    found = REFERENCE.fullmatch(text)
    if found is not None:
        return found["type"] in ("Practitioner", "PractitionerRole")
    words = [word for word in text.split() if any(letter.isalpha() for letter in word)]
    wide = [letter for letter in text if letter.isalpha() and unicodedata.east_asian_width(letter) == "W"]
    return len(words) >= 2 or len(wide) >= 2


def _anything(_: str) -> bool:
    return True


def _nothing_fits(_: str) -> bool:
    return False


_FITS: Final[Mapping[str, Callable[[str], bool]]] = {
    "text": _anything,
    "choice": _anything,
    **dict.fromkeys(("date", "day-past", "day-ahead"), _day),
    "time": _moment,
    "planned": _moment,
    "number": _above_zero,
    "person": _somebody,
}


def _gist(text: str) -> str:
    """Return the letters and digits of `text`, in one case and one width (Unicode NFKC), fillers left out."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(one for one in folded if one.isalnum() and one not in _FILLERS)
