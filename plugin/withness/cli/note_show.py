"""`withness note show`: the saved notes, or one of them with every version and its pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from withness.cli import say
from withness.cli.desk import opened
from withness.cli.note_found import tell_found

if TYPE_CHECKING:
    from withness.desk.front import Desk

_UNSIGNED: Final = ("draft", "amending", "discarded")

_INSIDE: Final = (
    "What you wrote that stays inside Withness: it stands on no page and in no document. Only you, its author, are "
    "shown it here; mind who reads along."
)


@click.command(
    epilog="\b\nExamples:\n"
    "  withness note show\n"
    "  withness note show --all                                 with the drafts that were discarded\n"
    "  withness note show ID --actor Practitioner/p1            yours: with what stays inside\n"
)
@click.argument("id", required=False, default="")
@click.option("--all", "every", is_flag=True, help="List the drafts that were discarded, too.")
@say.acting
@say.common
def show(id: str, every: bool, actor: str | None, home: Path | None, as_json: bool) -> None:
    """List the saved notes, or show one with every version of it.

    What you wrote about abuse or violence stands on no page: name yourself with --actor, and you are shown it.
    """
    with opened(home, fresh=False) as (desk, _):
        found: Any = desk.note(id, actor=actor or "") if id else desk.notes(actor=actor or "", discarded=every)
        if as_json:
            say.document(found)
        elif id:
            _show(desk, found, actor or "")
        else:
            _list(found)


def _list(found: list[dict[str, Any]]) -> None:
    rows = [(one["note"], one["title"], "\n".join(one["members"]), one["held_on"], _stands(one)) for one in found]
    say.table("Notes", ("note", "what", "whose", "held on", "where it stands"), rows, whole=("note", "whose"))


def _stands(one: Mapping[str, Any]) -> str:
    """Say where a note stands, where its documents are when they have not arrived, and whether its template is gone."""
    away = sorted({state for state in one["delivery"].values() if state != "delivered"})
    gone = [] if one["template_there"] or one["state"] == "unreadable" else ["its template is not there"]
    besides = ", ".join((*away, *gone))
    return f"{one['state']} ({besides})" if besides else str(one["state"])


def _show(desk: Desk, found: dict[str, Any], actor: str) -> None:
    _head(found)
    _versions(found)
    if found["state"] in _UNSIGNED:
        tell_found(found)
    if found["unreadable"]:
        say.prose(found["unreadable"], bold=True)
        _own_words(found)
    if not found["unreadable"] or found["versions"][-1]["signed"]:
        for member in found["members"] or [""]:
            click.echo(desk.render_note(found["note"], member=member, actor=actor, format="text"))
    if found["inside"]:
        say.prose(_INSIDE, bold=True)
        _tell_words(found["inside"])


def _head(found: Mapping[str, Any]) -> None:
    click.secho(f"Note {found['note']}", italic=True)
    rows = {
        "title": found["title"],
        "state": found["state"],
        "members": ", ".join(found["members"]),
        "author": found["author"],
        "held on": found["held_on"],
    }
    for name, value in rows.items():
        click.echo(f"{name:<8} {value}")
    for one in found["discarded"]:
        say.prose(f"Version {one['version']} was discarded on {_minute(one['at'])} (UTC): {one['reason']}")
    click.echo()


def _versions(found: Mapping[str, Any]) -> None:
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
        for record in one["attestation"].get("withheld", ()) if one["attestation"] else ():
            _tell_withheld(one["version"], record)
    columns = ("version", "saved (UTC)", "by", "signed (UTC)", "amended because", "in the chart")
    say.table("Versions", columns, rows, whole=("by",))


def _tell_withheld(version: int, record: Mapping[str, str]) -> None:
    who = f"the {record['from']}" if record["from"] != "client" else "the client"
    say.prose(
        f"Of version {version}, {record['member']}'s page is kept from {who} since {record['on']} (it stays inside "
        f"Withness). Ground: {record['ground']}. What: {record['what']} Why: {record['why']}"
    )
    if record["determined_by"]:
        say.prose(f"Judged by {record['determined_by']}. To look at it again: {record['review']}")


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")


def _own_words(found: Mapping[str, Any]) -> None:
    """Show the words of a note whose template is not there to its author, under the ids of their fields."""
    if found["words"]:
        click.echo("Nothing of it is lost. What stands in it, by field:")
        _tell_words(found["words"])
    else:
        click.echo(f"Its author reads the words: withness note show {found['note']} --actor {found['author']}")


def _tell_words(fields: list[dict[str, str]]) -> None:
    for one in fields:
        named = f"{one['section']}, {one['title']} ({one['field']})" if one["title"] else one["field"]
        click.echo(f"\n  {named}")
        for line in one["words"].split("\n"):
            click.echo(f"    {line}")
    click.echo()
