"""`withness note save|amend|discard|render`; the other commands of a note stand in rooms of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

import click

from withness import strict_json
from withness.cli import say
from withness.cli.desk import opened
from withness.cli.note_found import tell_found
from withness.cli.note_process import process
from withness.cli.note_show import show
from withness.cli.note_sign import sign
from withness.cli.note_templates import check, list_templates, start, who
from withness.cli.options import typed

if TYPE_CHECKING:
    from withness.desk.front import Desk

_UUID: Final = 36
"""Characters of a note's id: what is not one of these is a file."""


@click.group(
    epilog="\b\nExamples:\n"
    "  withness note list                                       the templates\n"
    "  withness note start session --for Patient/rosa --plan ID --actor Practitioner/p1 > note.json\n"
    "  withness note save note.json --actor Practitioner/p1     always kept, complete or not\n"
    "  withness note render note.json --format html --out note.html\n"
    "  withness note sign ID --shown shown --actor Practitioner/p1\n",
)
def note() -> None:
    """Progress notes, letters and statements, in the client's own words.

    A draft always saves; a signature asks whether anything is missing. The gate is asked about neither.
    """


for _elsewhere in (list_templates, start, sign, show, check, process):
    note.add_command(_elsewhere)


# -- saving


@note.command(
    epilog="\b\nExamples:\n  withness note save note.json --actor Practitioner/p1\n"
    "  withness note save note.json --id ID                     a further version of a draft\n"
)
@click.argument("file", metavar="FILE")
@click.option("--id", "id", default="", metavar="ID", help="The note that this is a further version of.")
@say.acting
@say.common
def save(file: str, id: str, actor: str | None, home: Path | None, as_json: bool) -> None:
    """Save a draft. It is always kept, complete or not, and says what is still missing.

    A letter or statement that carries a plan is saved from a released plan only: else exit 3.
    """
    given = strict_json.parse(say.read_file(file), name="FILE")
    with typed({"actor": "--actor"}), opened(home) as (desk, _):
        again = _times_discarded(desk, id, actor or str(given.get("author", ""))) if id else 0
        done = desk.save_note(_anew(given, id, again), actor=actor or "", note=id)
    _tell_saved(done, as_json=as_json)


@note.command(
    epilog="\b\nExample:\n  withness note amend ID note.json --reason 'The date was wrong' --actor Practitioner/p1\n"
)
@click.argument("id")
@click.argument("file", metavar="FILE")
@click.option("--reason", required=True, help="Why; it stays inside Withness.")
@say.acting
@say.common
def amend(id: str, file: str, reason: str, actor: str | None, home: Path | None, as_json: bool) -> None:
    """Save the draft of an amendment. The signed version stands until you sign this one, and is kept."""
    given = strict_json.parse(say.read_file(file), name="FILE")
    with typed({"actor": "--actor", "reason": "--reason"}), opened(home, fresh=False) as (desk, _):
        done = desk.amend_note(id, _anew(given, id), reason=reason, actor=actor or "")
    _tell_saved(done, as_json=as_json)


def _times_discarded(desk: Desk, id: str, actor: str) -> int:
    return len(desk.note(id, actor=actor)["discarded"])


def _anew(given: dict[str, Any], id: str, again: int = 0) -> dict[str, Any]:
    """Return the file with a request id of this very text's own: who edits a file and saves it again asks anew.

    The same text saved twice stays one request, unless the draft was discarded in between: then it is taken up `again`.
    """
    request = given.get("request_id")
    if not id or not isinstance(request, str):
        return given
    asked = [id, given, again] if again else [id, given]
    return {**given, "request_id": str(uuid5(NAMESPACE_URL, json.dumps(asked, sort_keys=True)))}


def _tell_saved(done: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        say.document(done)
    else:
        say.prose(done["sentence"], bold=not done["saved"])
        if done["saved"]:
            click.echo(f"Note {done['note']}, version {done['version']}")
        if done["state"] != "discarded":
            tell_found(done)
        if done["hint"]:
            say.prose(done["hint"])
    say.stop(0 if done["saved"] else 3)


@note.command(
    epilog="\b\nExample:\n  withness note discard ID --reason 'Begun for the wrong session' --actor Practitioner/p1\n"
)
@click.argument("id")
@click.option("--reason", required=True, help="Why; it stays inside Withness.")
@say.acting
@say.common
def discard(id: str, reason: str, actor: str | None, home: Path | None, as_json: bool) -> None:
    """Put a draft of yours away: the list leaves it out, and nothing of it is deleted. A signed note never is.

    To take it up again, save it anew: withness note save FILE --id ID
    """
    with typed({"actor": "--actor", "reason": "--reason"}), opened(home, fresh=False) as (desk, _):
        done = desk.discard_note(id, reason=reason, actor=who(actor))
    if as_json:
        say.document(done)
    else:
        say.prose(done["sentence"])
        say.prose(done["hint"])


@note.command(
    epilog="\b\nExamples:\n  withness note render note.json --format html --out note.html\n"
    "  withness note render note.json --layout soap\n"
    "  withness note render ID --format fhir --for Patient/rosa --out bundle.json\n"
    "  withness note render ID --copy --format html --out mine.html     a safety plan to take home\n"
)
@click.argument("what", metavar="FILE|ID")
@click.option("--format", "kind", type=click.Choice(["md", "html", "text", "fhir"]), default="md", help="Default: md.")
@click.option("--layout", default="", metavar="LAYOUT", help="dialogic, dap, birp, girp or soap.")
@click.option("--for", "member", default="", metavar="Patient/ID", help="Whose page, in a unit of more than one.")
@click.option("--version", "version", type=int, default=0, metavar="N", help="Which version; the newest if left out.")
@click.option("--copy", is_flag=True, help="The client's own copy to take home, where a note has one (safety).")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write it to a file.")
@say.acting
@say.common
def render(
    what: str,
    kind: str,
    layout: str,
    member: str,
    version: int,
    copy: bool,
    out: Path | None,
    actor: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Show one member's page of a note: what they would read, before you sign. Writes nothing into the chart.

    A document whose plan is not released says so on every page.
    """
    say.must_be_new(out)
    given: Any = what if _is_id(what) else strict_json.parse(say.read_file(what), name="FILE")
    options = {"actor": "--actor", "member": "--for", "version": "--version", "copy": "--copy"}
    if layout:
        options["layout"] = "--layout"
    with typed(options), opened(home) as (desk, _):
        rendered = desk.render_note(
            given, format=kind, layout=layout, member=member, version=version, copy=copy, actor=actor or ""
        )
    if out is not None:
        say.write_page(out, rendered, as_json=as_json, prints=kind == "html")
    elif as_json:
        say.document({"format": kind, "rendered": json.loads(rendered) if kind == "fhir" else rendered})
    else:
        click.echo(rendered, nl=False)


def _is_id(what: str) -> bool:
    return len(what) == _UUID and what.count("-") == 4 and not Path(what).exists()
