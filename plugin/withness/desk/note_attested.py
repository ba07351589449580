"""What whoever signs a note says of it: who saw their page first, who wrote it together, what the client says of it.

The page of a member says of that member alone what was said of them by name; a reason stays inside (contracts I8).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from withness import strict_json
from withness.audit.record import moment
from withness.core.note import NOT_SHOWN, Attestation, Kept, Note, NoteTemplate
from withness.desk.note_withheld import withheld
from withness.errors import InvalidInput
from withness.settings import Settings

SHOWN: Final = ("shown", "declined", "not-shown")
"""Whether the client saw their page before it was signed: yes; they did not want to; or no, and why not."""

_MOST_WORDS: Final = 20_000


@dataclass(frozen=True)
class Attested:
    """What whoever signs says of it. `comments` are clients' words, by who, kept byte for byte.

    `shown` is one answer, or one by member; `written_together` yes or no, or those members who took part. Of several
    people an answer that names nobody stands on nobody's page. `why_not` stays inside; `why_code` is what a page says.
    `withheld`: records of a page that is kept from somebody (`note_withheld`); they stay inside, too.
    """

    shown: str | Mapping[str, str] = ""
    why_not: str = ""
    comments: Mapping[str, str] | None = None
    written_together: bool | Sequence[str] = False
    credentials: str = ""
    why_code: str = ""
    withheld: Sequence[Mapping[str, Any]] = ()


def comments_before(versions: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return each member's newest comment on the versions that were signed before: the words stay with the note."""
    found: dict[str, str] = {}
    for one in versions:
        found |= one["signed"]["attestation"]["comments"] if "signed" in one else {}
    return found


def attestation(
    template: NoteTemplate, note: Note, attested: Attested, before: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return what is attested, as it is kept; `before` are the members' comments on earlier versions.

    Raises InvalidInput naming what is not said, or said wrongly.
    """
    comments = dict(attested.comments or {})
    given = {"credentials": attested.credentials, "why_not": attested.why_not, "comments": comments}
    strict_json.check(given, name="the attestation")
    if template.kept is Kept.SUPERVISION:
        if any(
            (
                attested.shown,
                attested.why_not,
                attested.why_code,
                comments,
                attested.written_together,
                attested.withheld,
            )
        ):
            raise InvalidInput("This note is about your own work: no client sees or signs it.", field="shown")
        shown: str | dict[str, str] = ""
    else:
        shown = _shown(note, attested.shown)
    hidden = "not-shown" in (shown.values() if isinstance(shown, dict) else (shown,))
    if hidden != bool(attested.why_not.strip()):
        said = "why_not gives the reason where it was not shown to the client, and there only."
        raise InvalidInput(said, field="why_not")
    if attested.why_code not in (("", *NOT_SHOWN) if hidden else ("",)):
        said = f"why_code is what the page says where it was not shown: {', '.join(NOT_SHOWN)}."
        raise InvalidInput(said, field="why_code")
    for who, words in comments.items():
        if who not in note.members:
            raise InvalidInput("comments may hold the words of this note's members alone.", field="comments")
        if not isinstance(words, str) or not words.strip() or len(words) > _MOST_WORDS:
            raise InvalidInput(f"A comment holds words, at most {_MOST_WORDS} characters.", field="comments")
    return {
        "credentials": attested.credentials,
        "shown": shown,
        "why_not_shown": attested.why_not,
        "why_code": (attested.why_code or NOT_SHOWN[0]) if hidden else "",
        "comments": comments,
        "comments_before": {who: words for who, words in (before or {}).items() if who not in comments},
        "written_together": _together(note, attested.written_together),
        **({"withheld": withheld(note, attested.withheld)} if attested.withheld else {}),
    }


def _shown(note: Note, given: str | Mapping[str, str]) -> str | dict[str, str]:
    named = {} if isinstance(given, str) else dict(given)
    if set(named) - set(note.members):
        raise InvalidInput("shown may name this note's members alone.", field="shown")
    if not all(one in SHOWN for one in (named.values() or (given,))):
        said = "shown must say whether the client saw it before you sign: shown, declined or not-shown."
        raise InvalidInput(said, field="shown")
    return named if named and len(note.members) > 1 else next(iter(named.values()), str(given))


def _together(note: Note, given: bool | Sequence[str]) -> bool | list[str]:
    if isinstance(given, bool):
        return given
    if isinstance(given, str) or set(given) - set(note.members):
        raise InvalidInput("written_together may name this note's members alone.", field="written_together")
    return bool(given) if len(note.members) == 1 else [who for who in note.members if who in given]


def said_when(at: datetime, settings: Settings) -> str:
    """Return how a page says when it was signed."""
    return f"{at.astimezone(settings.zone):%Y-%m-%d %H:%M} ({settings.time_zone})"


def signed_when(note: Note, signed: Mapping[str, Any], settings: Settings) -> Attestation:
    """Return what the pages may say of a version that is kept as `signed`."""
    return as_signed(note, signed["attestation"], said_when(moment(signed["at"]), settings))


def as_signed(note: Note, said: Mapping[str, Any], when: str) -> Attestation:
    """Return what the pages may say of what was attested, by member; of several people only of those who are named."""
    one = note.members if len(note.members) == 1 else ()
    shown, together = said["shown"], said["written_together"]
    return Attestation(
        signed_by=note.author,
        signed_at=when,
        credentials=said["credentials"],
        shown=shown if isinstance(shown, dict) else dict.fromkeys(one if shown else (), shown),
        why_code=said["why_code"],
        comments=said["comments"],
        comments_before=said["comments_before"],
        written_together=tuple(together) if isinstance(together, list) else one if together else (),
    )
