"""`withness note sign`: a note is signed by its author, who says who saw it first and what the client says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from withness import strict_json
from withness.cli import say
from withness.cli.desk import opened
from withness.cli.note_found import tell_found
from withness.cli.note_templates import who
from withness.cli.options import typed
from withness.cli.signing import signer
from withness.core.note import NOT_SHOWN
from withness.errors import InvalidInput, NoteNotReady

WAITING: Final = ("waiting", "sending", "refused")
"""Signed and kept, not confirmed by the EHR."""

_TYPED: Final = {
    "actor": "--actor",
    "shown": "--shown",
    "why_not": "--why-not",
    "why_code": "--why-code",
    "comments": "--comment",
    "written_together": "--together-with",
    "credentials": "--credentials",
}
"""What each value of a signature is called on the command line."""


@click.command(
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
@click.option(
    "--withheld",
    "kept_from",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A page is kept from somebody: the record of that (JSON). It stays inside Withness.",
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
    kept_from: tuple[Path, ...],
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
    with typed(_TYPED), opened(home, fresh=False) as (desk, _):
        try:
            done = desk.sign_note(
                id,
                actor=who(actor),
                shown=_shown(shown),
                why_not=why_not,
                why_code=why_code,
                withheld=[strict_json.parse(say.read_file(str(one)), name="--withheld") for one in kept_from],
                comments=_comments(comments, files),
                written_together=list(together_with) or written_together,
                credentials=credentials,
                signer=signer(actor, key, passphrase_file) if key is not None else None,
            )
        except NoteNotReady as error:
            if not as_json:
                _tell_not_ready(error, id, actor)
            raise
        _tell_signed(done, as_json=as_json)


def _tell_not_ready(error: NoteNotReady, id: str, actor: str | None) -> None:
    """Say on standard error, in lines of its own, what the error's one message runs together."""
    first = error.message.partition("\n")[0]
    say.prose(first, bold=True, err=True)
    tell_found(error.answer, err=True)
    if error.answer["claims"]:
        click.echo(f"To see the sentences: withness note show {id} --actor {actor}", err=True)
    say.stop(error.exit_code)


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
            say.table("For the chart", ("whose", "document", "where it stands"), rows, whole=("whose", "document"))
        for trouble in done["troubles"]:
            say.prose(f"Not in the EHR: {trouble}")
        if done["hint"]:
            say.prose(done["hint"])
    states = done["delivery"].values()
    held = not done["signed"] or "withheld" in states
    say.stop(3 if held else 5 if any(one in WAITING for one in states) else 0)
