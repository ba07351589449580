"""How the console speaks: one JSON document for programs; tables and sentences for people."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from withness.errors import InvalidInput, WithnessError

F = TypeVar("F", bound=Callable[..., Any])


def common(command: F) -> F:
    """Give a command the options that every command has."""
    home = click.option(
        "--home", type=click.Path(path_type=Path), metavar="DIR", help="The data directory (else WITHNESS_HOME)."
    )
    as_json = click.option(
        "--json", "as_json", is_flag=True, help="One JSON document on standard output, nothing else there."
    )
    return home(as_json(command))


def acting(command: F) -> F:
    """Give a command the option that says who acts."""
    text = "Who acts: an assertion, recorded with the operating system's user."
    return click.option("--actor", metavar="Practitioner/ID", help=text)(command)


def complain(error: WithnessError, *, as_json: bool) -> int:
    """Say an error on standard error (and as the JSON document) and return its exit code."""
    click.echo(error.message + (f"\n{error.hint}" if error.hint else ""), err=True)
    if as_json:
        document({**error.as_dict(), "exit": error.exit_code})
    return error.exit_code


def document(value: Any) -> None:
    """Print the one JSON document."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def read_file(path: str) -> bytes:
    """Return a file's bytes ("-" is standard input), no more of it than is taken.

    Raises InvalidInput when it cannot be read.
    """
    from withness.strict_json import MAX_BYTES

    try:
        if path == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", field="FILE") from None


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table that a person can read; its width follows the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(title=title, title_justify="left", show_lines=False, pad_edge=False, box=None, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
    console.print(made)
    console.print()


def decision(told: Mapping[str, Any], questions: Mapping[str, str]) -> None:
    """Say a decision: whom it concerns, what to do next, every reason, the protocol; of a unit, one sentence."""
    if told["person"]:
        click.echo(told["person"])
    click.secho(f"{told['decision']}: {told['sentence']}", bold=True)
    if told["policy"]["demo"]:
        click.echo("Demo mode: the gate's policy has no clinical owner; everything is marked as test data.")
    if told["protocol"]:
        steps = [(_duration(step["within"]), step["owner"], step["text"]) for step in told["protocol"]]
        table("Directive protocol", ("within", "owner", "step"), steps)
    if told["findings"]:
        rows = [
            (one["acuity"], one["domain"], questions.get(f"{one['domain']}.{one['item']}", one["item"]), one["why"])
            for one in told["findings"]
        ]
        table("Reasons", ("acuity", "domain", "question", "why"), rows)
    for label, items in (("Missing", told["missing"]), ("Conditions", told["conditions"])):
        for item in items:
            click.echo(f"{label}: {questions.get(item, item)} ({item})")
    if told["needs"]:
        click.echo("To be written down: " + ", ".join(told["needs"]))
    if told["expires"]:
        click.echo(f"This screen lets plans through until {told['expires'][:16].replace('T', ' ')} UTC.")
    if told["needs"] or told["protocol"]:
        click.echo("This release cannot record what ends this hold; see docs/clinicians.md.")
    if told["reflection"]:
        click.echo(f"For later, with a colleague or supervisor: {told['reflection']}")


def _duration(within: str) -> str:
    """Say an ISO 8601 duration of hours or days in words; named times stay as they are."""
    hours, days = re.fullmatch(r"PT(\d+)H", within), re.fullmatch(r"P(\d+)D", within)
    return f"{hours[1]} hours" if hours else f"{days[1]} days" if days else within


def stop(code: int) -> None:
    """End the command with an exit code; 0 ends it in the ordinary way."""
    if code:
        raise click.exceptions.Exit(code)
