"""`withness audit verify`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from withness.audit.words import many
from withness.cli import say
from withness.desk.verify import Verdict
from withness.errors import CannotTell, TrailDamaged, WithnessError
from withness.files import read_regular

if TYPE_CHECKING:
    from withness.desk.way_on import WayOn


@click.command(
    epilog="\b\nExamples:\n  withness audit verify\n  withness audit verify --anchor /media/safe/monday.checkpoint\n"
)
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    metavar="FILE",
    help="A checkpoint that was kept outside: the log must begin with it. May be given more than once.",
)
@click.option(
    "--vkey",
    "vkeys",
    multiple=True,
    metavar="KEY",
    help="Only checkpoints signed by this key count (a reviewer's own).",
)
@click.option(
    "--from",
    "start",
    metavar="FILE",
    help="A checkpoint to begin at: what lies before it is taken from it. Decides nothing again.",
)
@click.option("--structure", is_flag=True, help="Records, columns and trees only: decides nothing again.")
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N", help="Processes that share a large trail.")
@say.acting
@say.common
def verify(
    anchors: tuple[str, ...],
    vkeys: tuple[str, ...],
    start: str | None,
    structure: bool,
    jobs: int | None,
    actor: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Verify every record, search column and decision. Exit 0 whole, 4 damaged, 7 cannot tell."""
    from withness.cli.desk import opened_trail
    from withness.desk.asking import actor_of
    from withness.desk.verify import Asked
    from withness.desk.verify import verify as run
    from withness.desk.verify_jobs import Workers, default_jobs
    from withness.desk.way_on import way_on
    from withness.settings import read_settings
    from withness.store.opening import store_of

    notes = [_note(path, "--anchor") for path in anchors]
    begin = _note(start, "--from") if start is not None else None
    settings = read_settings({"home": home})
    workers = Workers(jobs or default_jobs(), partial(store_of, settings, None))
    with opened_trail(settings) as (store, unsealed), _progress() as progress:
        asked = Asked(notes, vkeys, begin, structure, workers, progress)
        verdict = run(store, actor_of(actor or "Device/withness"), datetime.now(UTC), asked)
        way = way_on(store, settings.home) if verdict.whole is False else None
    if as_json:
        say.document({**_verdict(verdict), "way_on": way.as_dict() if way is not None else None})
    else:
        if way is not None and way.other_copy:
            _tell_way_on(way)
        _tell(verdict, unsealed, way)
    say.stop({True: 0, False: TrailDamaged.exit_code, None: CannotTell.exit_code}[verdict.whole])


def _note(path: str, field: str) -> str:
    """Read a checkpoint. Raises CannotTell: one that was named and cannot be read proves nothing."""
    try:
        return read_regular(path).decode()
    except (OSError, UnicodeDecodeError):
        raise CannotTell(f"The checkpoint {path} cannot be read.", field=field) from None


def _verdict(verdict: Verdict) -> dict[str, object]:
    return {
        "whole": verdict.whole,
        "records": verdict.records,
        "before": verdict.before,
        "recomputed": verdict.recomputed,
        "root": verdict.root,
        "tail": "not provable without an anchor" if verdict.beyond is None else "anchored",
        "beyond": verdict.beyond,
        "losses": list(verdict.losses),
        "unchecked": list(verdict.unchecked),
        "elsewhere": verdict.elsewhere,
        "damages": [{"record": one.record, "what": one.what} for one in verdict.damages],
    }


def _tell(verdict: Verdict, unsealed: WithnessError | None, way: WayOn | None) -> None:
    click.echo(f"{many(verdict.records)}; root {verdict.root or '-'}")
    if verdict.before:
        say.prose(f"What was before them is taken from the checkpoint, and not looked at: {many(verdict.before)}.")
    if verdict.recomputed is not None:
        click.echo(f"{many(verdict.recomputed, 'decision')} decided again.")
    if verdict.beyond is None:
        say.prose("Without an anchor outside this data directory (--anchor FILE), a cut-off tail cannot be proved.")
    else:
        tail = " Of these alone a cut-off tail cannot be proved." if verdict.beyond else ""
        say.prose(f"Records beyond the last anchor: {verdict.beyond}.{tail}")
    unchecked = [f"Not checked: {sentence}" for sentence in verdict.unchecked]
    for sentence in (*verdict.losses, *(unchecked or filter(None, [verdict.elsewhere]))):
        say.prose(sentence)
    for damage in verdict.damages:
        click.secho(damage.sentence(), fg="red")
    match verdict.whole:
        case True if verdict.structure:
            click.secho("The records that were looked at are whole. Nothing was decided again.", bold=True)
        case True:
            click.secho("The trail is whole.", bold=True)
        case False:
            click.secho("The trail is DAMAGED: no plan can be saved.", bold=True)
            _tell_damaged(way)
        case None:
            not_opened = " Decisions not recomputed: nothing sealed could be opened."
            more = "" if verdict.structure or verdict.recomputed is not None else not_opened
            click.secho(f"The records are whole{_AS_FAR if verdict.unchecked else ''}.{more}", bold=True)
    if unsealed is not None:
        click.echo(f"{unsealed.message} {unsealed.hint}")


def _tell_damaged(way: WayOn | None) -> None:
    if way is None or not way.other_copy:
        click.echo("Keep this directory as it is for inquiry, and go on with a backup that verifies.")
    if way is not None and not way.other_copy:
        _tell_way_on(way)


def _tell_way_on(way: WayOn) -> None:
    say.prose(way.says)
    click.echo(f"  {way.command}")


_AS_FAR = " as far as they could be checked: nobody can tell whether they are all that there were"


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Yield what is told how far it has come: a bar on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, whole: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    rate = TextColumn("{task.fields[rate]} records a second")
    columns = (BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, rate="-")

        def told(done: int, whole: int) -> None:
            speed = bar.tasks[task].speed
            bar.update(task, completed=done, total=whole, rate=f"{speed:,.0f}" if speed else "-")

        yield told
