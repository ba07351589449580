"""`withness note list|start|check`: the note templates, a file to fill in, and a site's own templates tested."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from withness.cli import say
from withness.cli.desk import opened
from withness.cli.options import typed
from withness.errors import InvalidInput

_TYPED: Final = {
    "template": "TEMPLATE",
    "members": "--for",
    "plan": "--plan",
    "encounter": "--encounter",
    "layout": "--layout",
    "actor": "--actor",
    "author": "--actor",
}
"""What each value of a note file that is begun is called on the command line."""


@click.command("list", epilog="\b\nExamples:\n  withness note list\n  withness note list session\n")
@click.argument("template", required=False, default="")
@say.common
def list_templates(template: str, home: Path | None, as_json: bool) -> None:
    """List the note templates, or show one with its sections and fields."""
    from withness.desk.note_told import template_values
    from withness.packs.note_templates import usable_note_templates
    from withness.settings import read_settings

    known, faults = usable_note_templates(read_settings({"home": home}).packs)
    for fault in faults:
        click.echo(f"Left out: {fault.message} Run: withness note check DIR", err=True)
    found = template_values(known, template)
    if as_json:
        say.document(found[0] if template else found)
    elif template:
        _show_template(found[0])
    else:
        rows = [(one["id"], one["title"], _for_whom(one), ", ".join(one["layouts"])) for one in found]
        say.table("Note templates", ("id", "title", "for", "layouts"), rows, whole=("id",))
        click.echo("What one of them asks for: withness note list ID")


def _for_whom(one: dict[str, Any]) -> str:
    return f"{one['audience']}, from a released plan only" if one["needs_release"] else str(one["audience"])


def _show_template(one: dict[str, Any]) -> None:
    say.prose(f"{one['title']} ({one['id']})", bold=True)
    say.prose(one["purpose"])
    click.echo()
    for section in one["sections"]:
        rows = [(field["id"], _asked(field), _help(field)) for field in section["fields"]]
        say.table(section["title"], ("field", "", "what to write"), rows, whole=("field",))


def _asked(field: dict[str, Any]) -> str:
    return f"{field['kind']}, required" if field["required"] else str(field["kind"])


def _help(field: dict[str, Any]) -> str:
    parts = [f"{field['title']}. {field['help']}"]
    parts += ["Answers: " + ", ".join(one["code"] for one in field["options"]) + "."] if field["options"] else []
    parts += ["Each with: " + ", ".join(one["id"] for one in field["parts"]) + "."] if field["parts"] else []
    if field["unless"]:
        parts.append(f"Not asked for where {field['unless']} is filled in.")
    if field["when"]:
        parts.append(f"Asked for where {field['when']['field']} is {' or '.join(field['when']['any'])}.")
    return " ".join(parts)


@click.command(
    epilog="\b\nExamples:\n  withness note start session --for Patient/rosa --actor Practitioner/p1 > note.json\n"
    "  withness note start medical-necessity --for Patient/rosa --plan ID --actor Practitioner/p1 > need.json\n"
)
@click.argument("template")
@click.option("--for", "members", multiple=True, metavar="Patient/ID", help="Whom it is about; repeat for a unit.")
@click.option("--plan", default="", metavar="ID", help="The plan it belongs to: withness plan list")
@click.option("--encounter", default="", metavar="Encounter/ID", help="The session it is about.")
@click.option("--layout", default="", metavar="LAYOUT", help="dialogic, or what the template offers beside it.")
@say.acting
@say.common
def start(
    template: str,
    members: tuple[str, ...],
    plan: str,
    encounter: str,
    layout: str,
    actor: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Print a note file to fill in, with what the chart and the plan know. Writes nothing.

    Every value that is filled in is marked with where it came from; read it before you keep it.
    """
    with typed(_TYPED), opened(home) as (desk, _):
        begun = desk.start_note(template, members, actor=who(actor), plan=plan, encounter=encounter, layout=layout)
    say.document(begun if as_json else begun["file"])
    if not as_json:
        for field, why in begun["left"].items():
            click.echo(f"Not filled in: {field}. {why}", err=True)


def who(actor: str | None) -> str:
    """Return who acts. Raises InvalidInput where nobody said so."""
    if not actor:
        raise InvalidInput("--actor must say who you are.", field="--actor", hint="Such as --actor Practitioner/p1.")
    return actor


@click.command(
    epilog="\b\nExamples:\n  withness note check my-templates\n  withness note check my-templates/session --json\n"
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@say.common
def check(folder: Path, home: Path | None, as_json: bool) -> None:
    """Test your own note templates, before anybody works with them. Exit 2 when one cannot be used.

    DIR is one template's folder, or a folder of several: syntax, fields, examples and what they make, claims.
    """
    from withness.packs.claims import load_claims
    from withness.packs.note_check import check_notes
    from withness.settings import read_settings

    found = check_notes(folder, load_claims(read_settings({"home": home}).packs))
    if as_json:
        say.document({"whole": not found, "findings": [vars(one) for one in found]})
    elif not found:
        click.echo("These templates can be used.")
    for one in () if as_json else found:
        click.echo(f"{_place(folder, one.file)}{f':{one.line}' if one.line else ''}: {one.said}")
        if one.diff:
            click.echo(one.diff)
    say.stop(2 if found else 0)


def _place(folder: Path, file: str) -> str:
    """Return a file of a template as it is reached from here: an editor opens it at FILE:LINE."""
    tops = (folder.parent, folder, folder / "note_templates")
    return next((str(top / file) for top in tops if (top / file).exists()), file)
