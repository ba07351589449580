"""How the console speaks: one JSON document for programs; tables and sentences for people."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from withness import files
from withness.errors import InvalidInput, WithnessError

if TYPE_CHECKING:
    from rich.table import Table

    from withness.core.sheet import Sheet

F = TypeVar("F", bound=Callable[..., Any])


class _Folder(click.Path):
    """A folder's name, and never the empty one: a shell's unset variable is not the folder that one stands in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if value == "":
            self.fail("the name is empty.", param, ctx)
        return super().convert(value, param, ctx)


def common(command: F) -> F:
    """Give a command the options that every command has."""
    home = click.option(
        "--home", type=_Folder(path_type=Path), metavar="DIR", help="The data directory (else WITHNESS_HOME)."
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
    click.echo(error.message, err=True)
    if len(error.hint) > width():
        prose(error.hint, err=True)
    elif error.hint:
        click.echo(error.hint, err=True)
    if as_json:
        document({**error.as_dict(), "exit": error.exit_code})
    return error.exit_code


def document(value: Any) -> None:
    """Print the one JSON document."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def read_file(path: str, most: int = 0) -> bytes:
    """Return a file's bytes ("-" is standard input), no more of it than is taken: `most`, else what JSON may have.

    Raises InvalidInput when it cannot be read.
    """
    from withness.strict_json import MAX_BYTES

    taken = (most or MAX_BYTES) + 1
    try:
        if path == "-":
            return sys.stdin.buffer.read(taken)
        return files.read_regular(path, taken)
    except OSError as error:
        raise InvalidInput(f"{path or 'The empty name'} cannot be read: {error.strerror}.", field="FILE") from None


def must_be_new(path: Path | None) -> None:
    """Refuse a page's place that is taken, before anything is recorded. Raises InvalidInput naming --out."""
    if path is not None and (path.is_file() or path.is_symlink()):
        raise _taken(path)


def write_page(
    path: Path, text: str, *, as_json: bool, prints: bool = True, beside: Mapping[str, Any] | None = None
) -> None:
    """Write a new page and say where, and how it is printed if it `prints`; as JSON with what stands `beside` it.

    Its owner alone reads it: it holds a client's words. Raises InvalidInput naming --out, also where a file is there.
    """
    with _said_of(path):
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_text(text, encoding="utf-8")  # a pipe or a device
        else:
            files.write_new(path, text.encode())
    said = f"Wrote {path}. Open it in a browser to print it." if prints else f"Wrote {path}."
    document({**(beside or {}), "page": str(path)}) if as_json else click.echo(said)


def write_new(path: Path, text: str) -> None:
    """Write a new file, never over another one. Raises InvalidInput naming --out."""
    with _said_of(path):
        files.write_new(path, text.encode(), files.EVERYBODYS)


@contextmanager
def _said_of(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.", field="--out") from None


def _taken(path: Path) -> InvalidInput:
    hint = "Name another file, or take that one away first."
    return InvalidInput(f"{path} is there already and is never overwritten.", field="--out", hint=hint)


def width() -> int:
    """Return the terminal's width, or COLUMNS, or 100."""
    return shutil.get_terminal_size((100, 24)).columns


_GAP: Final = 2
"""Characters between two columns."""


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    whole: Sequence[str] = (),
    err: bool = False,
) -> None:
    """Print a table that a person can read: lines end at words, and in the columns `whole` nowhere.

    The width is the terminal's: where it has no room for the longest words, each row is a list of lines.
    """
    from rich.console import Console
    from rich.text import Text

    lines = list(rows)
    made = _laid_out(columns, lines, whole)
    if made is None:
        click.secho(title, italic=True, err=err)
        click.echo(_stacked(columns, lines), err=err)
        return
    made.title, made.title_justify, made.header_style = Text(title, style="italic"), "left", "bold"
    console = Console(width=width(), highlight=False, stderr=err)
    console.print(made)
    console.print()


def _laid_out(columns: Sequence[str], rows: Sequence[Sequence[str]], whole: Sequence[str] = ()) -> Table | None:
    """Return a table whose words all stay whole, None where the terminal has no room for them."""
    from rich.table import Table
    from rich.text import Text

    widths = _widths(columns, rows, whole)
    if widths is None:
        return None
    made = Table(show_lines=False, pad_edge=False, box=None)
    for column, wide in zip(columns, widths, strict=True):
        made.add_column(Text(column), overflow="fold", width=wide)
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]], whole: Sequence[str]) -> list[int] | None:
    """Return each column's width: its longest word's at least, and what room is left where it is wanted."""
    wanted = [_widest([columns, *rows], number) for number in range(len(columns))]
    least = [
        wanted[number] if column in whole else _longest_word([columns, *rows], number)
        for number, column in enumerate(columns)
    ]
    room = width() - _GAP * len(columns) - sum(least)
    if room < 0:
        return None
    more = sum(wanted) - sum(least)
    shares = [(one - few) * min(room, more) // more if more else 0 for one, few in zip(wanted, least, strict=True)]
    return [few + share for few, share in zip(least, shares, strict=True)]


def _longest_word(rows: Sequence[Sequence[str]], number: int) -> int:
    from rich.cells import cell_len

    return max((cell_len(word) for row in rows for word in row[number].split()), default=1)


def _stacked(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lists of lines, each with its column's name, wrapped at words."""
    import textwrap

    made = []
    for row in rows:
        for column, cell in zip(columns, row, strict=True):
            text = f"{column}: {cell}".replace("\n", ", ") if column else cell
            wrapped = textwrap.wrap(
                text,
                width(),
                initial_indent="  ",
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
            made += (
                wrapped if len(cell.split()) > 1 else [f"  {text}"]
            )  # one word, such as an id, stays beside its name
        made.append("")
    return "\n".join(made)


def sheet(one: Sheet, *, most: int = 0) -> str:
    """Return a sheet of a report as text: its title, notes and table, cut to `most` rows (0: whole)."""
    import io

    from rich.console import Console
    from rich.text import Text

    console = Console(file=io.StringIO(), width=width(), highlight=False, color_system=None)
    console.print(Text(one.title.upper()))
    for note in one.notes:
        console.print(Text(note))
    shown = one.rows[:most] if most else one.rows
    made = _laid_out(one.heads, shown) if shown else None
    if made is not None:
        console.print(made)
    else:
        console.print(Text(_stacked(one.heads, shown).rstrip() if shown else one.empty))
    if len(shown) < len(one.rows):
        console.print(Text(f"… and {len(one.rows) - len(shown)} more: --out FILE has them all."))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def _widest(rows: Sequence[Sequence[str]], number: int) -> int:
    from rich.cells import cell_len

    return max(cell_len(line) for row in rows for line in row[number].split("\n")) or 1


def prose(text: str, *, bold: bool = False, indent: str = "", err: bool = False) -> None:
    """Print a sentence, wrapped at words; `indent` begins each further line."""
    import textwrap

    lines = textwrap.fill(text, width(), break_long_words=False, break_on_hyphens=False, subsequent_indent=indent)
    click.secho(lines, bold=bold, err=err)


def changed(rows: Iterable[Sequence[str]]) -> None:
    """Say that the trail is damaged where a row shows something as unreadable."""
    from withness.audit.seen import CHANGED, UNREADABLE

    if any(UNREADABLE in cell.split() for row in rows for cell in row):
        prose(CHANGED, bold=True)


def zone_of(home: Path | None) -> tzinfo:
    """Return the site's time zone, as the settings have it."""
    from withness.settings import read_settings

    return read_settings({"home": home}).zone


def moment(text: str, zone: tzinfo) -> str:
    """Say an instant in the site's time, with the zone; the day only when it is not today."""
    return f"{clock(text, zone)} ({zone})"


def clock(text: str, zone: tzinfo) -> str:
    """Say the same without the zone, where that stands above it."""
    at = datetime.fromisoformat(text).astimezone(zone)
    today = at.date() == datetime.now(UTC).astimezone(zone).date()
    return f"{at:%H:%M}" if today else f"{at:%Y-%m-%d %H:%M}"


def warn_of_utc(zone: tzinfo) -> None:
    """Say that nobody has set the practice's own time zone, when that is so."""
    if str(zone) == "UTC":
        prose("Times and 'same day' are in UTC: set WITHNESS_TIME_ZONE to the practice's own.")


Titles = Mapping[str, Mapping[str, Any]]
"""What each need is called: the forms of the evidence (Desk.needs), by need."""


def needs(heading: str, wanted: Sequence[str], person: str, titles: Titles | None) -> None:
    """Say what is to be written down: by title, code and command, or without `titles` by code alone."""
    if titles is None:
        prose(f"{heading}: {', '.join(wanted)}")
        return
    prose(f"{heading}:")
    for need in wanted:
        prose(f"- {_need(need, person, titles)}")


def _need(need: str, person: str, titles: Titles) -> str:
    from withness.core.holds import RESCREEN

    if need == RESCREEN:
        return f"A new screen below acute, made after the hold ({need}): withness screen FILE"
    command = "withness protocol evidence"
    title = titles[need]["title"] if need in titles else need
    return f"{title} ({need}): {command} {person} {need} FILE; the form: {command} --form {need}"


def decision(
    told: Mapping[str, Any],
    questions: Mapping[str, str],
    *,
    protocol: bool = True,
    titles: Titles | None = None,
) -> None:
    """Say a decision: whom it concerns, what to do next, every reason, the protocol; of a unit, one sentence.

    `protocol` is left out where the opened one is shown with its due times, and what it still needs.
    """
    if told["person"]:
        click.echo(told["person"])
    prose(f"{told['decision']}: {told['sentence']}", bold=True)
    if told["policy"]["demo"]:
        prose("Demo mode: the gate's policy has no clinical owner; everything is marked as test data.")
    if told["protocol"] and protocol:
        steps = [(_duration(step["within"]), step["owner"], step["text"]) for step in told["protocol"]]
        table("Directive protocol", ("within", "owner", "step"), steps)
    links = [f"{one['domain']}.{one['item']}" for one in told["findings"]]
    if told["findings"]:
        rows = [
            (one["acuity"], link, questions.get(link, questions.get(one["item"], one["item"])), one["why"])
            for one, link in zip(told["findings"], links, strict=True)
        ]
        table("Reasons", ("acuity", "item", "question", "why"), dict.fromkeys(rows))
    for item in told["missing"]:
        if item not in links and item != "trail":  # the sentence says what to do about that
            prose("Missing: a new screen" if item == "screen" else f"Missing: {questions.get(item, item)} ({item})")
    if told["needs"] and protocol:
        needs("To be written down, unless it is already", told["needs"], told["person"], titles)
    if told["expires"]:
        for item in told["conditions"]:
            prose(f"Condition: {questions.get(item, item)} ({item})")
        click.echo(f"This screen lets plans through until {told['expires'][:16].replace('T', ' ')} UTC.")
    if told["person"] and protocol and (told["needs"] or told["protocol"]):
        prose(f"The way on: withness protocol show {told['person']}")
    waits = (f"Not in the EHR yet: {trouble} Run: withness sync" for trouble in told.get("troubles", ()))
    for said in (*told.get("paused", ()), *waits):
        prose(said)
    if told["reflection"]:
        prose(f"For later, with a colleague or supervisor: {told['reflection']}")


def bundle(sent: Mapping[str, Any]) -> None:
    """Say what a Bundle puts into the chart, a line for each resource."""
    rows = [(entry["request"]["url"], _about(entry["resource"])) for entry in sent["entry"]]
    table("For the chart", ("resource", "what it holds"), rows)


def _about(resource: Mapping[str, Any]) -> str:
    match resource["resourceType"]:
        case "Goal":
            target = resource["target"][0]
            estimated = any(one["url"].endswith("due-estimated") for one in target.get("extension", ()))
            due = f"due {target['dueDate']}" + (" (estimated)" if estimated else "")
            return f"“{resource['description']['text']}” | {target['measure']['text']} | {due}"
        case "CarePlan":
            return f"{resource['title']} | {resource['status']} | screen and goals referenced"
        case "QuestionnaireResponse":
            return "the screen, without what stays inside Withness"
        case _:
            return "both authors: client and clinician"


def _duration(within: str) -> str:
    """Say an ISO 8601 duration of hours or days in words; named times stay as they are."""
    hours, days = re.fullmatch(r"PT(\d+)H", within), re.fullmatch(r"P(\d+)D", within)
    return f"{hours[1]} hours" if hours else f"{days[1]} days" if days else within


def stop(code: int) -> None:
    """End the command with an exit code; 0 ends it in the ordinary way."""
    if code:
        raise click.exceptions.Exit(code)
