"""`withness audit verify|show`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from withness.audit.record import Leaf
from withness.cli import say
from withness.core.terms import reference
from withness.desk.verify import Verdict
from withness.errors import CannotTell, TrailDamaged, WithnessError


@click.group(epilog="\b\nExamples:\n  withness audit verify\n  withness audit show --patient Patient/rosa\n")
def audit() -> None:
    """Verify and look at the audit trail; both are recorded in it."""


@audit.command(epilog="\b\nExample:\n  withness audit verify --json\n")
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


@audit.command(epilog="\b\nExample:\n  withness audit show --limit 20\n")
@click.option("--patient", metavar="Patient/ID", help="Only this person's records.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many, newest last.")
@say.acting
@say.common
def show(patient: str | None, limit: int, actor: str | None, home: Path | None, as_json: bool) -> None:
    """Show the newest records. Looking is recorded too."""
    from withness.cli.desk import opened_trail
    from withness.desk.asking import actor_of
    from withness.desk.compliance import show as run
    from withness.settings import read_settings

    if patient is not None:
        reference(patient, "Patient", "RelatedPerson", field="--patient")
    with opened_trail(read_settings({"home": home})) as (store, _):
        leaves = run(store, actor_of(actor or "Device/withness"), datetime.now(UTC), patient=patient, limit=limit)
    if as_json:
        say.document([_value(leaf) for leaf in leaves])
    else:
        rows = [
            (
                str(one.seq),
                one.recorded_at[:19],
                one.kind,
                " ".join(filter(None, (one.outcome, one.reason_code))),
                one.patient or "",
                " and ".join(filter(None, (one.actor, one.second_actor))),
            )
            for one in leaves
        ]
        say.table("Audit trail", ("#", "when (UTC)", "what", "outcome", "patient", "who"), rows)


def _value(leaf: Leaf) -> dict[str, object]:
    return {
        "seq": leaf.seq,
        "at": leaf.recorded_at,
        "kind": leaf.kind,
        "outcome": leaf.outcome,
        "reason": leaf.reason_code,
        "patient": leaf.patient,
        "actor": leaf.actor,
        "second_actor": leaf.second_actor,
        "leaf_hash": leaf.leaf_hash.hex(),
    }
