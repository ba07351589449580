"""`withness audit verify`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from withness.cli import say
from withness.desk.verify import Verdict
from withness.errors import CannotTell, TrailDamaged, WithnessError


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
@say.acting
@say.common
def verify(
    anchors: tuple[str, ...],
    vkeys: tuple[str, ...],
    actor: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Verify every record, search column and decision. Exit 0 whole, 4 damaged, 7 cannot tell."""
    from withness.cli.desk import opened_trail
    from withness.desk.asking import actor_of
    from withness.desk.verify import verify as run
    from withness.settings import read_settings

    notes = [_note(path) for path in anchors]
    with opened_trail(read_settings({"home": home})) as (store, unsealed):
        who, now = actor_of(actor or "Device/withness"), datetime.now(UTC)
        verdict = run(store, who, now, anchors=notes, pinned=vkeys, progress=_progress)
    if as_json:
        say.document(_verdict(verdict))
    else:
        _tell(verdict, unsealed)
    say.stop({True: 0, False: TrailDamaged.exit_code, None: CannotTell.exit_code}[verdict.whole])


def _note(path: str) -> str:
    """Read an anchor. Raises CannotTell: an anchor that was named and cannot be read proves nothing."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise CannotTell("The anchor cannot be read.", field="--anchor") from None


def _verdict(verdict: Verdict) -> dict[str, object]:
    return {
        "whole": verdict.whole,
        "records": verdict.records,
        "recomputed": verdict.recomputed,
        "root": verdict.root,
        "tail": "not provable without an anchor" if verdict.beyond is None else "anchored",
        "beyond": verdict.beyond,
        "losses": list(verdict.losses),
        "damages": [{"record": one.record, "what": one.what} for one in verdict.damages],
    }


def _tell(verdict: Verdict, unsealed: WithnessError | None) -> None:
    click.echo(f"{verdict.records} records; root {verdict.root or '-'}")
    if verdict.recomputed is not None:
        click.echo(f"{verdict.recomputed} decisions decided again.")
    if verdict.beyond is None:
        say.prose("Without an anchor outside this data directory, a cut-off tail cannot be proved.")
    else:
        say.prose(f"Beyond the last anchor: {verdict.beyond} records. Of these alone a cut-off tail cannot be proved.")
    for loss in verdict.losses:
        say.prose(loss)
    for damage in verdict.damages:
        click.secho(damage.sentence(), fg="red")
    match verdict.whole:
        case True:
            click.secho("The trail is whole.", bold=True)
        case False:
            click.secho("The trail is DAMAGED: no plan can be saved.", bold=True)
            click.echo("Keep this directory as it is for inquiry, and go on with a backup that verifies.")
        case None:
            click.secho("The records are whole. Decisions not recomputed: nothing sealed could be opened.", bold=True)
    if unsealed is not None:
        click.echo(f"{unsealed.message} {unsealed.hint}")


def _progress(done: int) -> None:
    if sys.stderr.isatty() and done % 1000 == 0:
        click.echo(f"\r{done} records", nl=False, err=True)
