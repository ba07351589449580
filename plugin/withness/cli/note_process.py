"""`withness note process save|show`: psychotherapy process notes, their author's alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from withness import strict_json
from withness.cli import say
from withness.cli.desk import opened
from withness.cli.note_templates import who


@click.group(epilog="\b\nExample:\n  withness note process save process.json --actor Practitioner/p1\n")
def process() -> None:
    """Psychotherapy process notes: yours alone, kept apart from every record."""


@process.command("save", epilog="\b\nExample:\n  withness note process save process.json --actor Practitioner/p1\n")
@click.argument("file", metavar="FILE")
@say.acting
@say.common
def save_process(file: str, actor: str | None, home: Path | None, as_json: bool) -> None:
    """Save one: members, author, held_on and words, and nothing else. It can never be changed."""
    given = strict_json.parse(say.read_file(file), name="FILE")
    with opened(home) as (desk, _):
        done = desk.save_process_note(given, actor=who(actor))
    say.document(done) if as_json else click.echo(f"Saved as process note {done['process_note']}, apart.")


@process.command("show", epilog="\b\nExample:\n  withness note process show ID --actor Practitioner/p1\n")
@click.argument("id", required=False, default="")
@say.acting
@say.common
def show_process(id: str, actor: str | None, home: Path | None, as_json: bool) -> None:
    """Show one of your own; without an ID, list yours. Each view is recorded."""
    with opened(home, fresh=False) as (desk, _):
        found: Any = desk.process_note(id, actor=who(actor)) if id else desk.process_notes(actor=who(actor))
    if as_json:
        say.document(found)
    elif id:
        click.echo(f"{', '.join(found['members'])}, {found['held_on']}\n\n{found['words']}")
    else:
        rows = [(one["process_note"], one["written"]) for one in found]
        say.table("Your process notes", ("id", "written"), rows, whole=("id",))
