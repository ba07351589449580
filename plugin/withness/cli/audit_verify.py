"""`withness audit verify`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from withness.cli import say
from withness.desk.verify import Verdict
from withness.errors import CannotTell, TrailDamaged, WithnessError


@click.command(epilog="\b\nExample:\n  withness audit verify --json\n")
@say.acting
@say.common
def verify(actor: str | None, home: Path | None, as_json: bool) -> None:
    """Verify every record, search column and decision. Exit 0 whole, 4 damaged, 7 cannot tell."""
    from withness.cli.desk import opened_trail
    from withness.desk.asking import actor_of
    from withness.desk.verify import verify as run
    from withness.settings import read_settings

    with opened_trail(read_settings({"home": home})) as (store, unsealed):
        verdict = run(store, actor_of(actor or "Device/withness"), datetime.now(UTC), progress=_progress)
    if as_json:
        say.document(_verdict(verdict))
    else:
        _tell(verdict, unsealed)
    say.stop({True: 0, False: TrailDamaged.exit_code, None: CannotTell.exit_code}[verdict.whole])


def _verdict(verdict: Verdict) -> dict[str, object]:
    return {
        "whole": verdict.whole,
        "records": verdict.records,
        "recomputed": verdict.recomputed,
        "root": verdict.root,
        "tail": "not provable without an anchor",
        "damages": [{"record": one.record, "what": one.what} for one in verdict.damages],
    }


def _tell(verdict: Verdict, unsealed: WithnessError | None) -> None:
    click.echo(f"{verdict.records} records; root {verdict.root or '-'}")
    if verdict.recomputed is not None:
        click.echo(f"{verdict.recomputed} decisions decided again.")
    click.echo("Without an anchor outside this data directory, a cut-off tail cannot be proved.")
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
