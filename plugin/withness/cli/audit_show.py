"""`withness audit show`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from withness.audit.record import Leaf
from withness.cli import say
from withness.core.terms import reference


@click.command(epilog="\b\nExample:\n  withness audit show --limit 20\n")
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
                " ".join(filter(None, (one.outcome, one.reason_code))) if one.body else "pruned",
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
        "pruned": not leaf.body,
    }
