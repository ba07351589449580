"""A form on paper: one HTML page to print, with room for words. Nothing on it is ticked, and nothing could be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from withness.core.form import Form, FormItem, ItemKind, Kept, OnlyIf
from withness.packs.paper_page import page

APART: Final = "NOT FOR ANY CLIENT RECORD"
"""What stands on every page of a form that is kept apart."""

_TOP: Final = 2


@dataclass(frozen=True)
class PaperItem:
    """One item on paper; `level` is its heading's, `low` says what both ends of a scale mean."""

    link: str
    kind: str
    text: str
    help: str
    only_if: str
    level: int
    space: int
    repeats: bool
    low: str = ""
    boxes: tuple[tuple[str, str], ...] = ()
    entries: tuple[tuple[PaperItem, ...], ...] = field(default=())


def paper_form(form: Form) -> str:
    """Return the form as one HTML page to print and write on. Raises InvalidContent naming the template."""
    known = {item.link: item for item, _ in form.walk()}
    items = [_item(one, known, _TOP) for one in form.items]
    return page("form", mark=APART if form.kept is Kept.APART else "", form=form, items=items)


def _item(one: FormItem, known: dict[str, FormItem], level: int) -> PaperItem:
    below = tuple(_item(inner, known, level + 1) for inner in one.items)
    scale = one.scale if one.kind is ItemKind.SCALE else None
    low = f"{scale.low}: {scale.low_text}. {scale.high}: {scale.high_text}." if scale and scale.low_text else ""
    return PaperItem(
        link=one.link,
        kind=one.kind.value,
        text=one.text,
        help="" if low else one.help,
        only_if=_when(one.only_if, known) if one.only_if else "",
        level=level,
        space=one.space,
        repeats=one.repeats,
        low=low,
        boxes=_boxes(one),
        entries=(below,) * one.space if below else (),
    )


def _boxes(one: FormItem) -> tuple[tuple[str, str], ...]:
    if one.kind is ItemKind.CHOICE:
        return tuple((option.code, option.text) for option in one.answers.options)
    if one.kind is ItemKind.SCALE and one.scale:
        numbers = range(one.scale.low, one.scale.high + 1, one.scale.step)
        return tuple((str(number), str(number)) for number in numbers)
    return (("true", "Yes"),) if one.kind is ItemKind.TICK else ()


def _when(found: OnlyIf, known: dict[str, FormItem]) -> str:
    """Say on paper what a screen would show by itself: after which answers an item is meant."""
    decides = known[found.link]
    said = [option.text for option in decides.answers.options if option.code in found.values] or ["Yes"]
    words = " or ".join(f"“{one}”" for one in said)
    return f"Only after {words} to: {decides.text}"
