"""`withness note save|show|render|sign|amend`; the templates and the process notes stand beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import click

from withness import strict_json
from withness.cli import say
from withness.cli.desk import opened
from withness.cli.note_process import process
from withness.cli.note_templates import check, list_templates, start, who
from withness.cli.signing import signer
from withness.core.note import NOT_SHOWN
from withness.errors import InvalidInput

WAITING: Final = ("waiting", "sending", "refused")
"""Signed and kept, not confirmed by the EHR."""

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


for _elsewhere in (list_templates, start, check, process):
    note.add_command(_elsewhere)


# -- saving and signing


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
    with opened(home) as (desk, _):
        done = desk.save_note(_anew(given, id), actor=actor or "", note=id)
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
    with opened(home, fresh=False) as (desk, _):
        done = desk.amend_note(id, _anew(given, id), reason=reason, actor=actor or "")
    _tell_saved(done, as_json=as_json)


def _anew(given: dict[str, Any], id: str) -> dict[str, Any]:
    """Return the file with a request id of this very text's own: who edits a file and saves it again asks anew.

    The same text saved twice stays one request.
    """
    request = given.get("request_id")
    if not id or not isinstance(request, str):
        return given
    return {**given, "request_id": str(uuid5(NAMESPACE_URL, json.dumps([id, given], sort_keys=True)))}


def _tell_saved(done: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        say.document(done)
    else:
        say.prose(done["sentence"], bold=not done["saved"])
        if done["saved"]:
            click.echo(f"Note {done['note']}, version {done['version']}")
        _tell_found(done)
        if done["hint"]:
            say.prose(done["hint"])
    say.stop(0 if done["saved"] else 3)


def _tell_found(done: dict[str, Any]) -> None:
    """Say what keeps a note from being signed, and what to look at again."""
    if done["missing"]:
        rows = [(one["section"], one["title"], one["help"]) for one in done["missing"]]
        say.table("Still missing", ("section", "field", "what to write"), rows)
    if done["claims"]:
        rows = [(one["field"], one["words"], f"{one['sentence']} {one['reason']}") for one in done["claims"]]
        say.table("Not to be claimed here", ("field", "words", "why"), rows)
    if done["named"]:
        rows = [(one["section"], one["title"], one["help"]) for one in done["named"]]
        say.table("Names a member in another's chart", ("section", "field", "what to do"), rows)
    for said in done.get("unread", ()):
        say.prose(f"Not looked at: {said}")
    for one in done["warnings"]:
        say.prose(f"To look at again: {one['field']}: “{one['words']}”. {one['suggestion']}")


@note.command(
    epilog="\b\nExamples:\n  withness note sign ID --shown shown --actor Practitioner/p1\n"
    "  withness note sign ID --shown not-shown --why-not 'Rosa left early' --why-code no-time --actor Practitioner/p1\n"
    "  withness note sign ID --shown Patient/rosa=shown --shown Patient/tom=declined --actor Practitioner/p1\n"
    "  withness note sign ID --shown shown --comment Patient/rosa 'Yes, like that' --written-together "
    "--actor Practitioner/p1\n"
)
@click.argument("id")
@click.option(
    "--shown",
    multiple=True,
    metavar="[Patient/ID=]HOW",
    help="Did the client see their page first: shown, declined, not-shown. Of several people say it of each.",
)
@click.option("--why-not", default="", metavar="TEXT", help="Why it was not shown; it stays inside Withness.")
@click.option(
    "--why-code",
    default="",
    metavar="CODE",
    help=f"What the page says of that: {', '.join(NOT_SHOWN)}. Default: {NOT_SHOWN[0]}.",
)
@click.option("--comment", "comments", multiple=True, nargs=2, metavar="Patient/ID WORDS", help="A member's own words.")
@click.option("--comment-file", "files", multiple=True, nargs=2, metavar="Patient/ID FILE", help="The same, of a file.")
@click.option("--written-together", is_flag=True, help="The client was present and took part in the writing.")
@click.option(
    "--together-with", multiple=True, metavar="Patient/ID", help="The same, of several people: who of them took part."
)
@click.option("--credentials", default="", metavar="TEXT", help="What stands below your name, such as a licence.")
@click.option(
    "--key", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Your own key, if enrolled."
)
@click.option(
    "--passphrase-file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Holds its passphrase."
)
@say.acting
@say.common
def sign(
    id: str,
    shown: tuple[str, ...],
    why_not: str,
    why_code: str,
    comments: tuple[tuple[str, str], ...],
    files: tuple[tuple[str, str], ...],
    written_together: bool,
    together_with: tuple[str, ...],
    credentials: str,
    key: Path | None,
    passphrase_file: Path | None,
    actor: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Sign your note and put it into the chart. Exit 0 signed, 5 signed and waiting for the EHR, 3 held or withheld.

    What is missing, and what may not be claimed, is said all at once (exit 2). A signed version never changes.
    """
    with opened(home, fresh=False) as (desk, _):
        done = desk.sign_note(
            id,
            actor=who(actor),
            shown=_shown(shown),
            why_not=why_not,
            why_code=why_code,
            comments=_comments(comments, files),
            written_together=list(together_with) or written_together,
            credentials=credentials,
            signer=signer(actor, key, passphrase_file) if key is not None else None,
        )
        _tell_signed(done, as_json=as_json)


def _shown(given: tuple[str, ...]) -> str | dict[str, str]:
    """Return the one answer, or each member's own."""
    if len(given) < 2 and "=" not in "".join(given):
        return "".join(given)
    named = [one.partition("=") for one in given]
    if not all(sign for _, sign, _ in named) or len({member for member, _, _ in named}) < len(named):
        raise InvalidInput("--shown says it once, or once of each person: --shown Patient/ID=HOW.", field="shown")
    return {member: how for member, _, how in named}


def _comments(given: tuple[tuple[str, str], ...], files: tuple[tuple[str, str], ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for member, words in (*given, *((one, _text_of(path)) for one, path in files)):
        if member in found:
            raise InvalidInput("--comment is given twice for one person.", field="--comment")
        found[member] = words
    return found


def _text_of(path: str) -> str:
    try:
        return say.read_file(path).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("--comment-file must name a file of UTF-8 text.", field="--comment-file") from None


def _tell_signed(done: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        say.document(done)
    else:
        say.prose(done["sentence"], bold=not done["signed"])
        if done["documents"]:
            rows = [(who, document, done["delivery"][who]) for who, document in done["documents"].items()]
            say.table("For the chart", ("whose", "document", "where it stands"), rows)
        for trouble in done["troubles"]:
            say.prose(f"Not in the EHR: {trouble}")
        if done["hint"]:
            say.prose(done["hint"])
    states = done["delivery"].values()
    held = not done["signed"] or "withheld" in states
    say.stop(3 if held else 5 if any(one in WAITING for one in states) else 0)


# -- looking


@note.command(epilog="\b\nExamples:\n  withness note show\n  withness note show ID\n")
@click.argument("id", required=False, default="")
@say.acting
@say.common
def show(id: str, actor: str | None, home: Path | None, as_json: bool) -> None:
    """List the saved notes, or show one with every version of it."""
    with opened(home, fresh=False) as (desk, _):
        found: Any = desk.note(id, actor=actor or "") if id else desk.notes(actor=actor or "")
        if as_json:
            say.document(found)
            return
        if not id:
            _list(found)
            return
        _show_note(found)
        for member in found["members"] or [""]:
            click.echo(desk.render_note(id, member=member, actor=actor or "", format="text"))


def _list(found: list[dict[str, Any]]) -> None:
    rows = [(one["note"], one["title"], ", ".join(one["members"]), one["held_on"], _stands(one)) for one in found]
    say.table("Notes", ("note", "what", "whose", "held on", "where it stands"), rows, whole="note")


def _stands(one: dict[str, Any]) -> str:
    """Say where a note stands, and where its documents are when they have not arrived."""
    away = sorted({state for state in one["delivery"].values() if state != "delivered"})
    return f"{one['state']} ({', '.join(away)})" if away else str(one["state"])


def _show_note(found: dict[str, Any]) -> None:
    head = [("title", found["title"]), ("state", found["state"]), ("members", ", ".join(found["members"]))]
    say.table(f"Note {found['note']}", ("", ""), [*head, ("author", found["author"]), ("held on", found["held_on"])])
    rows = [
        (
            str(one["version"]),
            _minute(one["saved"]),
            one["saved_by"],
            _minute(one["signed"]) if one["signed"] else "draft",
            one["reason"],
            "kept inside" if one["kept_inside"] else ", ".join(dict.fromkeys(one["delivery"].values())),
        )
        for one in found["versions"]
    ]
    for one in found["versions"]:
        if one["attestation"] and one["attestation"]["why_not_shown"]:
            rest = f"Why version {one['version']} was not shown before it was signed (it stays inside Withness):"
            say.prose(f"{rest} {one['attestation']['why_not_shown']}")
    say.table("Versions", ("version", "saved (UTC)", "by", "signed (UTC)", "amended because", "in the chart"), rows)
    if found["state"] in ("draft", "amending"):
        _tell_found(found)


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")


@note.command(
    epilog="\b\nExamples:\n  withness note render note.json --format html --out note.html\n"
    "  withness note render note.json --layout soap\n"
    "  withness note render ID --format fhir --for Patient/rosa --out bundle.json\n"
)
@click.argument("what", metavar="FILE|ID")
@click.option("--format", "kind", type=click.Choice(["md", "html", "text", "fhir"]), default="md", help="Default: md.")
@click.option("--layout", default="", metavar="LAYOUT", help="dialogic, dap, birp, girp or soap.")
@click.option("--for", "member", default="", metavar="Patient/ID", help="Whose page, in a unit of more than one.")
@click.option("--version", "version", type=int, default=0, metavar="N", help="Which version; the newest if left out.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write it to a file.")
@say.acting
@say.common
def render(
    what: str,
    kind: str,
    layout: str,
    member: str,
    version: int,
    out: Path | None,
    actor: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Show one member's page of a note: what they would read, before you sign. Writes nothing into the chart.

    A document whose plan is not released says so on every page.
    """
    given: Any = what if _is_id(what) else strict_json.parse(say.read_file(what), name="FILE")
    with opened(home) as (desk, _):
        rendered = desk.render_note(
            given, format=kind, layout=layout, member=member, version=version, actor=actor or ""
        )
    if out is not None:
        say.write_page(out, rendered, as_json=as_json)
    elif as_json:
        say.document({"format": kind, "rendered": json.loads(rendered) if kind == "fhir" else rendered})
    else:
        click.echo(rendered, nl=False)


def _is_id(what: str) -> bool:
    return len(what) == _UUID and what.count("-") == 4 and not Path(what).exists()
