"""`withness audit verify|show`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from withness.audit.record import Leaf
from withness.cli import say
from withness.core.terms import reference
from withness.errors import TrailDamaged


@click.group(epilog="\b\nExamples:\n  withness audit verify\n  withness audit show --patient Patient/rosa\n")
def audit() -> None:
    """Verify and look at the audit trail; both are recorded in it."""


@audit.command(epilog="\b\nExample:\n  withness audit verify --json\n")
@say.acting
@say.common
def verify(actor: str | None, home: Path | None, as_json: bool) -> None:
    """Verify every record, search column and decision. Exit 0 whole, 4 damaged, 7 cannot tell."""
    from withness.desk.front import actor_of
    from withness.desk.verify import verify as run
    from withness.settings import read_settings
    from withness.wiring import open_trail

    store = open_trail(read_settings({"home": home}))
    try:
        verdict = run(store, actor_of(actor or "Device/withness"), datetime.now(UTC), progress=_progress)
    finally:
        store.close()
    sentences = [damage.sentence() for damage in verdict.damages]
    if as_json:
        damages = [{"record": one.record, "what": one.what} for one in verdict.damages]
        say.document(
            {
                "whole": verdict.whole,
                "records": verdict.records,
                "recomputed": verdict.recomputed,
                "root": verdict.root,
                "tail": "not provable without an anchor",
                "damages": damages,
            }
        )
    else:
        click.echo(f"{verdict.records} records; root {verdict.root or '-'}")
        click.echo(
            "Decisions not recomputed: the data key is missing."
            if verdict.recomputed is None
            else f"{verdict.recomputed} decisions decided again."
        )
        click.echo("Without an anchor outside this data directory, a cut-off tail cannot be proved.")
        for sentence in sentences:
            click.secho(sentence, fg="red")
        click.secho(
            "The trail is whole." if verdict.whole else "The trail is DAMAGED: no plan can be saved.", bold=True
        )
    if not verdict.whole:
        say.stop(TrailDamaged.exit_code)


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
    from withness.desk.compliance import show as run
    from withness.desk.front import actor_of
    from withness.settings import read_settings
    from withness.wiring import open_trail

    if patient is not None:
        reference(patient, "Patient", "RelatedPerson", field="--patient")
    store = open_trail(read_settings({"home": home}))
    try:
        leaves = run(store, actor_of(actor or "Device/withness"), datetime.now(UTC), patient=patient, limit=limit)
    finally:
        store.close()
    if as_json:
        say.document([_value(leaf) for leaf in leaves])
    else:
        rows = [
            (str(one.seq), one.recorded_at[:19], one.kind, one.outcome or "", one.patient or "", one.actor)
            for one in leaves
        ]
        say.table("Audit trail", ("#", "when (UTC)", "what", "outcome", "patient", "who"), rows)


def _value(leaf: Leaf) -> dict[str, object]:
    return {
        "seq": leaf.seq,
        "at": leaf.recorded_at,
        "kind": leaf.kind,
        "outcome": leaf.outcome,
        "patient": leaf.patient,
        "actor": leaf.actor,
        "leaf_hash": leaf.leaf_hash.hex(),
    }
