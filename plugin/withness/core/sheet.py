"""A sheet of a report: one captioned table in words, whatever it is shown on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sheet:
    """One part of a report: `id` is a slug of ours, unique in the report; every cell is text.

    `notes` say what the table is and what it leaves out; `empty` stands where it has no row.
    """

    id: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    empty: str = "None."
