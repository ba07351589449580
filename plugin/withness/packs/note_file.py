"""A note file to a Note: every key, field and value held to its template, every refusal naming the field.

What is not written yet may be left out; what is written is in its form. No message repeats a value: it may be PHI.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any, Final

from withness.core.note import FieldKind, Kept, Layout, Note, NoteField, NoteTemplate, Value
from withness.core.origin import is_origin, plan_in, value_digest
from withness.core.terms import UnitKind, reference
from withness.errors import InvalidInput

MAX_CHARACTERS: Final = 2_000_000
"""Most characters of all fields together."""

MAX_LINES: Final = 100_000
"""Most lines of all fields together."""

MAX_ENTRIES: Final = 10_000
"""Most voices and entries of all fields together."""

MAX_MEMBERS: Final = 30
MAX_NAME: Final = 200
MAX_NUMBER: Final = 1_000_000_000

_KEYS: Final = (
    "template",
    "layout",
    "members",
    "names",
    "encounter",
    "author",
    "held_on",
    "plan",
    "fields",
    "prefilled",
    "request_id",
)
_NEEDED: Final = ("template", "members", "author", "held_on", "fields")
_UNIT: Final = frozenset(one.value for one in UnitKind if one is not UnitKind.INDIVIDUAL)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLAN: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_DIGEST: Final = re.compile(r"[0-9a-f]{16}")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""A key that may be repeated in a message: a name, never a sentence."""


def read_note(found: Mapping[str, Any], templates: NoteTemplate | Mapping[str, NoteTemplate]) -> Note:
    """Return the note in a note file, by the template that it names.

    Raises InvalidInput naming the first key or field that cannot be taken, such as fields.client_words[0].words.
    """
    _keys(found, _KEYS, "")
    for key in _NEEDED:
        if key not in found:
            raise _fault(key, "is missing")
    template = _template(found["template"], templates)
    members = _members(found["members"], template)
    plan = _matching("" if found.get("plan") is None else found["plan"], "plan", _PLAN, "must be a plan's id")
    fields = _fields(found["fields"], template, members)
    prefilled = _prefilled(found.get("prefilled", {}), template, plan)
    return Note(
        template=template.id,
        version=template.version,
        layout=_layout(found.get("layout", Layout.DIALOGIC.value), template),
        members=members,
        author=reference(_text(found["author"], "author"), "Practitioner", "PractitionerRole", field="author"),
        held_on=_day(found["held_on"], "held_on"),
        fields=fields,
        encounter=_encounter(found.get("encounter", "")),
        plan=plan,
        request_id=_matching(found.get("request_id", ""), "request_id", _UUID, "must be a UUID").lower(),
        names=_names(found.get("names", {}), (*members, found["author"])),
        prefilled={id: one["from"] for id, one in prefilled.items()},
        changed=frozenset(id for id, one in prefilled.items() if one["digest"] != value_digest(fields.get(id))),
    )


def _plain(value: Value) -> Any:
    if isinstance(value, list | tuple):
        return [dict(one) if isinstance(one, Mapping) else one for one in value]
    return value


# -- the frame


def _template(id: Any, templates: NoteTemplate | Mapping[str, NoteTemplate]) -> NoteTemplate:
    known = {templates.id: templates} if isinstance(templates, NoteTemplate) else templates
    if not isinstance(id, str) or id not in known:
        raise _fault("template", f"must be one of {', '.join(known)}")
    return known[id]


def _members(found: Any, template: NoteTemplate) -> tuple[str, ...]:
    members = [_text(one, f"members[{number}]") for number, one in enumerate(_list(found, "members"))]
    for number, one in enumerate(members):
        reference(one, "Patient", "RelatedPerson", field=f"members[{number}]")
        if one in members[:number]:
            raise _fault(f"members[{number}]", "stands there twice")
    if not members and template.kept is not Kept.SUPERVISION:
        raise _fault("members", "is empty")
    if len(members) > MAX_MEMBERS:
        raise _fault("members", f"holds more than {MAX_MEMBERS}")
    if len(members) == 1 and UnitKind.INDIVIDUAL.value not in template.units:
        raise _fault("members", "is one person: this template is for a couple, family or group")
    if len(members) > 1 and _UNIT.isdisjoint(template.units):
        raise _fault("members", "is more than one person: this template is for one")
    return tuple(members)


def _layout(found: Any, template: NoteTemplate) -> Layout:
    known = [Layout.DIALOGIC, *template.layouts]
    if not isinstance(found, str) or found not in known:
        raise _fault("layout", f"must be {' or '.join(one.value for one in known)}")
    return Layout(found)


def _encounter(found: Any) -> str:
    text = _text(found, "encounter")
    return reference(text, "Encounter", field="encounter") if text else ""


def _names(found: Any, known: tuple[str, ...]) -> dict[str, str]:
    names = _mapping(found, "names")
    for who in names:
        if who not in known:
            raise _fault("names", "names somebody who is neither a member nor the author")
        name = _text(names[who], f"names.{who}")
        if len(name) > MAX_NAME or len(name.splitlines()) > 1:
            raise _fault(f"names.{who}", f"must be one line of at most {MAX_NAME} characters")
    return dict(names)


def _prefilled(found: Any, template: NoteTemplate, plan: str) -> Mapping[str, Mapping[str, str]]:
    """Check that each origin is one that Withness writes, and that no value came from another plan than the note's."""
    prefilled = _mapping(found, "prefilled")
    _keys(prefilled, [one.id for _, one in template.fields() if one.prefill], "prefilled")
    for id, origin in prefilled.items():
        path = f"prefilled.{id}"
        _keys(origin, ("from", "digest"), path)
        for key in ("from", "digest"):
            if key not in origin:
                raise _fault(f"{path}.{key}", "is missing")
        if not is_origin(_text(origin["from"], f"{path}.from")):
            raise _fault(f"{path}.from", "must stay as it was filled in, or be left out")
        if (named := plan_in(origin["from"])) and named[0] != plan:
            raise _fault(f"{path}.from", "names another plan than this note's")
        _matching(origin["digest"], f"{path}.digest", _DIGEST, "must stay as it was filled in")
    return prefilled


# -- the fields


def _fields(found: Any, template: NoteTemplate, members: tuple[str, ...]) -> dict[str, Value]:
    values = _mapping(found, "fields")
    declared = {one.id: one for _, one in template.fields()}
    _keys(values, declared, "fields")
    characters = lines = entries = 0
    for id, value in values.items():
        path = f"fields.{id}"
        _value(declared[id], value, path, members)
        entries += len(value) if isinstance(value, list) else 0
        for text in _texts(value):
            characters, lines = characters + len(text), lines + text.count("\n") + text.count("\r")
        if characters > MAX_CHARACTERS or lines > MAX_LINES or entries > MAX_ENTRIES:
            said = f"{MAX_CHARACTERS:,} characters, {MAX_LINES:,} lines or {MAX_ENTRIES:,} entries"
            raise _fault(path, f"makes the note larger than {said}")
    return {id: _plain(value) for id, value in values.items()}


def _texts(value: Value) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        yield from (text for text in (one.values() if isinstance(one, Mapping) else [one]) if isinstance(text, str))


def _value(one: NoteField, value: Any, path: str, members: tuple[str, ...]) -> None:
    """Raise InvalidInput naming the place in a field's value that is not in the form of its kind."""
    match one.kind:
        case FieldKind.TEXT:
            _text(value, path)
        case FieldKind.VOICES:
            for number, voice in enumerate(_list(value, path)):
                _voice(voice, f"{path}[{number}]", members)
        case FieldKind.ENTRIES:
            for number, entry in enumerate(_list(value, path)):
                _entry(one, entry, f"{path}[{number}]", members)
        case FieldKind.CHOICE:
            _code(one, value, path)
        case FieldKind.CHOICES:
            _codes(one, value, path)
        case FieldKind.FLAG:
            if not isinstance(value, bool):
                raise _fault(path, "must be true or false")
        case FieldKind.DATE:
            _day(value, path)
        case FieldKind.NUMBER:
            if type(value) is not int or not 0 <= value <= MAX_NUMBER:
                raise _fault(path, "must be a whole number, 0 or more")


def _voice(voice: Any, path: str, members: tuple[str, ...]) -> None:
    _keys(_mapping(voice, path), ("who", "words"), path)
    for key in ("who", "words"):
        if key not in voice:
            raise _fault(f"{path}.{key}", "is missing")
    _who(voice["who"], f"{path}.who", members)
    _text(voice["words"], f"{path}.words")


def _entry(one: NoteField, entry: Any, path: str, members: tuple[str, ...]) -> None:
    _keys(_mapping(entry, path), [part.id for part in one.parts], path)
    for part, words in entry.items():
        if _text(words, f"{path}.{part}") and part == "who":
            _who(words, f"{path}.who", members)


def _who(found: Any, path: str, members: tuple[str, ...]) -> None:
    if not isinstance(found, str) or found not in members:
        raise _fault(path, "must be one of the members")


def _codes(one: NoteField, value: Any, path: str) -> None:
    codes = [_code(one, code, f"{path}[{number}]") for number, code in enumerate(_list(value, path))]
    if len(set(codes)) != len(codes):
        raise _fault(path, "holds an answer twice")


def _code(one: NoteField, code: Any, path: str) -> str:
    if not isinstance(code, str) or code not in [option.code for option in one.options]:
        raise _fault(path, f"must be one of {', '.join(option.code for option in one.options)}")
    return code


# -- forms


def _keys(found: Any, known: Collection[str], path: str) -> None:
    for key in _mapping(found, path or "The note"):
        if key not in known:
            shown = key if isinstance(key, str) and _NAME.fullmatch(key) else "?"
            raise _fault(f"{path}.{shown}" if path else shown, "is not known here")


def _mapping(found: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(found, Mapping):
        raise _fault(path, "must be a JSON object")
    return found


def _list(found: Any, path: str) -> list[Any]:
    if not isinstance(found, list):
        raise _fault(path, "must be a list")
    return found


def _text(found: Any, path: str) -> str:
    if not isinstance(found, str):
        raise _fault(path, "must be text")
    return found


def _matching(found: Any, path: str, pattern: re.Pattern[str], said: str) -> str:
    if _text(found, path) and not pattern.fullmatch(found):
        raise _fault(path, said)
    return str(found)


def _day(found: Any, path: str) -> date:
    if isinstance(found, str) and _DAY.fullmatch(found):
        try:
            return date.fromisoformat(found)
        except ValueError:
            pass
    raise _fault(path, "must be a day, written as YYYY-MM-DD")


def _fault(path: str, said: str) -> InvalidInput:
    return InvalidInput(f"{path} {said}.", field="" if path == "The note" else path)
