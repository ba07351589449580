"""What the EHR says of those whom a note is about: their names, and the client's last check-in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from withness.core.form import Answered, Form, FormItem, ItemKind
from withness.desk.context import Context
from withness.errors import InvalidInput, WithnessError
from withness.fhir import codes
from withness.fhir.form_answers import read_response

CHECK_IN: Final = "session-check-in"

_OLD: Final = ("old", "maiden", "anonymous", "temp")


def names_of(context: Context, people: tuple[str, ...]) -> dict[str, str] | None:
    """Return the name that each of these people goes by, where the EHR has one; None where it cannot be asked."""
    try:
        read = [(who, context.ehr.read(who)) for who in people]
    except WithnessError:
        return None
    found = {who: name_of(stored.resource) for who, stored in read if stored is not None}
    return {who: name for who, name in found.items() if name}


def name_of(person: Mapping[str, Any]) -> str:
    """Return the name that a person goes by (R4 HumanName), "" for none; one they have left behind is none."""
    listed = person.get("name")
    names = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    names = sorted((one for one in names if one.get("use") not in _OLD), key=lambda one: one.get("use") != "usual")
    if not names:
        return ""
    text, given, family = (names[0].get(part) for part in ("text", "given", "family"))
    if isinstance(text, str) and text.strip():
        return text.strip()
    parts = [*(given if isinstance(given, list) else []), family]
    return " ".join(one for one in parts if isinstance(one, str) and one.strip())


def last_check_in(context: Context, patient: str) -> tuple[date, str] | None:
    """Return the day of the latest check-in that can be relied on, and what was marked or written on it.

    Raises what the EHR raises.
    """
    if not patient.startswith("Patient/"):
        return None
    from withness.packs.forms import load_forms

    [form] = [form for form in load_forms() if form.id == CHECK_IN]
    held = context.ehr.responses(patient, codes.questionnaire(CHECK_IN))
    found = [one for resource in held if (one := _read(form, resource, patient)) is not None]
    latest = max(found, key=lambda pair: pair[0], default=None)
    return (latest[0].astimezone(context.settings.zone).date(), latest[1]) if latest else None


def _read(form: Form, resource: Mapping[str, Any], patient: str) -> tuple[datetime, str] | None:
    """Return when a response was made and what it says, None for one that cannot be relied on or says nothing."""
    try:
        answers = read_response(form, resource)
    except InvalidInput:
        return None
    said = [_said(item, one) for item, _ in form.walk() if item.asks for one in answers.given(item.link)]
    lines = [line for line in said if line]
    if not answers.relied_on or answers.authored is None or answers.subject != patient or not lines:
        return None
    return answers.authored, "\n".join(lines)


def _said(item: FormItem, given: object) -> str:
    if not isinstance(given, Answered) or item.prefill is not None:
        return ""
    texts = [option.text if (option := item.option(str(one))) else str(one) for one in given.values]
    scale = f" ({item.scale.low} to {item.scale.high})" if item.kind is ItemKind.SCALE and item.scale else ""
    return f"{item.text} {', '.join(texts)}{scale}"
