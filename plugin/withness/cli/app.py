"""The command tree, and the edge where errors become sentences and exit codes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final

import click

from withness import __version__
from withness.cli.say import complain
from withness.cli.tree import Tree
from withness.errors import CannotTell, InvalidInput, WithnessError

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "demo": ("withness.cli.demo:demo", "Tell the whole story on sample people"),
    "templates": ("withness.cli.catalogue:templates", "List the plan templates, or show one with its sources"),
    "questionnaire": ("withness.cli.catalogue:questionnaire", "List the Questionnaires, or write one as FHIR R4 JSON"),
    "schema": ("withness.cli.catalogue:schema", "Print the JSON Schema of a plan draft"),
    "screen": ("withness.cli.gate:screen", "Record a risk screen and say what it lets through"),
    "gate": ("withness.cli.gate:gate", "Ask for the standing decision; writes no plan"),
    "plan": ("withness.cli.plan:plan", "Preview, save, amend, close and list plans"),
    "checkin": ("withness.cli.check_in:checkin", "Record a check-in and say how far each goal has come"),
    "note": ("withness.cli.note:note", "Progress notes, letters and statements: start, save, render, sign, amend"),
    "protocol": ("withness.cli.protocol:protocol", "The steps, evidence, assessment and release of a hold"),
    "acuity": ("withness.cli.protocol:acuity", "Raise acuity by judgement"),
    "override": ("withness.cli.protocol:override", "Cover named items that were left open, once"),
    "actor": ("withness.cli.actor:actor", "Enrol, list and revoke the people who sign"),
    "ig": ("withness.cli.ig:ig", "Build the FHIR package; check resources against it"),
    "policy": ("withness.cli.policy:policy", "Check, compare and sign the gate's policy; its source attributes"),
    "sync": ("withness.cli.plan:sync", "Deliver approved plans that wait for the EHR"),
    "audit": ("withness.cli.audit:audit", "Verify and look at the audit trail"),
    "backup": ("withness.cli.backup:backup", "Copy database, chart, checkpoints and settings; keys apart"),
    "restore": ("withness.cli.backup:restore", "Restore a backup; acknowledge what a restored copy has lost"),
    "database": ("withness.cli.database:database", "Make or upgrade the database; give a PostgreSQL role its rights"),
    "key": ("withness.cli.key:key", "Back up the data key"),
}


@click.group(
    cls=Tree,
    commands_at=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="\b\nExamples:\n"
    "  withness demo                                    the whole main job, on sample people\n"
    "  withness questionnaire risk-screen --out form.json\n"
    "  withness screen screen.json                      record a screen: exit 0 clear, 3 held\n"
    "  withness plan save plan.json                     exit 0 saved, 3 held, 5 waits for the EHR\n"
    "  withness audit verify                            exit 0 whole, 4 damaged, 7 cannot tell\n",
)
@click.version_option(__version__, prog_name="withness")
def tree() -> None:
    """Plans in the client's own words, behind a risk-screen gate, as FHIR R4 resources.

    Every command takes --home DIR (the data directory) and --json (one document on standard output).
    """


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code (contracts: exit codes)."""
    as_json = "--json" in arguments
    if as_json:
        _reserve_stdout()
    try:
        if any("\udc80" <= one <= "\udcff" for argument in arguments for one in argument):
            raise InvalidInput("An argument is not readable text.", field="command line")
        stopped_with = tree.main(args=list(arguments), prog_name="withness", standalone_mode=False)
        sys.stdout.flush()
    except OSError as error:
        return _unprinted(error)
    except Exception as error:  # noqa: BLE001  the edge: a bug here must hold, say so, and show nobody's words
        return _complain(_said(error), as_json=as_json)
    return stopped_with if isinstance(stopped_with, int) else 0


def _reserve_stdout() -> None:
    """Standard output holds one document and nothing else, even where a log collector reads it."""
    if os.environ.get("WITHNESS_CHECKPOINT_STREAM"):
        from withness.audit.publishing import reserve_stdout

        reserve_stdout()


def _complain(error: WithnessError, *, as_json: bool) -> int:
    try:
        return complain(error, as_json=as_json)
    except OSError:
        return error.exit_code


def _unprinted(error: OSError) -> int:
    """The answer could not be printed (a closed pipe, a full disk): what was done stays done."""
    with contextlib.suppress(OSError):
        click.echo(f"The answer could not be printed ({error.strerror}). What was done stands; ask again.", err=True)
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  nothing is flushed at exit
    return CannotTell.exit_code


def _said(error: Exception) -> WithnessError:
    match error:
        case WithnessError():
            return error
        case click.exceptions.Abort():
            return CannotTell("Stopped before it was done.")
        case click.ClickException():
            return InvalidInput(error.format_message(), field="command line", hint="See --help for examples.")
        case _:
            return _bug(error)


def _bug(error: Exception) -> CannotTell:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_globals.get('__name__', '?')}:{place.tb_lineno}" if place else "?"
    return CannotTell(
        f"Withness has a fault here ({type(error).__name__} in {where}); nothing is claimed to be saved.",
        hint="Please report it with this line; it holds nobody's data.",
    )
