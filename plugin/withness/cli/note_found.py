"""What keeps a note from being signed, and what to look at again, said to a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from withness.cli import say


def tell_found(found: Mapping[str, Any], *, err: bool = False) -> None:
    """Say what is missing, what may not be claimed, whose name may not stand there, and what to look at again."""
    if found["missing"]:
        rows = [(one["field"], one["title"], one["help"]) for one in found["missing"]]
        say.table("Still missing", ("field", "title", "what to write"), rows, whole=("field",), err=err)
    if found["claims"]:
        click.echo("Not to be claimed here:", err=err)
        for one in found["claims"]:
            _tell_claim(one, err=err)
    if found["named"]:
        rows = [(one["field"], one["title"], one["help"]) for one in found["named"]]
        columns = ("field", "title", "what to do")
        say.table("Names a member in another's chart", columns, rows, whole=("field",), err=err)
    for said in found.get("unread", ()):
        say.prose(f"Not looked at: {said}", err=err)
    for one in found["warnings"]:
        say.prose(f"To look at again: {one['field']}: “{one['words']}”. {one['suggestion']}", err=err)


def _tell_claim(one: Mapping[str, str], *, err: bool) -> None:
    """A line for each: where, the sentence, what it claims, why that may not stand, what to write instead.

    An error repeats nobody's words: there the sentence is left out.
    """
    click.echo(f"\n  {one['field']}", err=err)
    if one.get("written"):
        say.prose(f"    You wrote: “{' '.join(one['written'].split())}”", indent="      ", err=err)
    say.prose(f"    What is refused: {one['sentence']}", indent="      ", err=err)
    say.prose(f"    Why: {one['reason']}", indent="      ", err=err)
    say.prose(f"    Write instead: {one['instead']}", indent="      ", err=err)
    click.echo(err=err)
