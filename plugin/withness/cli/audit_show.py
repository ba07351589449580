"""`withness audit show`."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from withness.cli import say
from withness.cli.signing import require_key, signer, signing
from withness.core.terms import reference

if TYPE_CHECKING:
    from withness.desk.compliance import Shown
    from withness.settings import Settings


@click.command(
    epilog="\b\nExamples:\n  withness audit show --limit 20\n"
    "  withness audit show --patient Patient/rosa --actor Practitioner/c1 --key kim.key\n"
)
@click.option("--patient", metavar="Patient/ID", help="Only this person's records; for somebody who signs with --key.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many, newest last.")
@signing
@say.common
def show(
    patient: str | None,
    limit: int,
    actor: str | None,
    key: Path | None,
    passphrase_file: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Show the newest records. Looking is recorded too.

    People stand under codes, unless somebody enrolled as compliance signs with --key: then by reference, and with what
    they wrote.
    """
    from withness.settings import read_settings

    require_key(key, passphrase_file)
    if patient is not None:
        reference(patient, "Patient", "RelatedPerson", field="--patient")
    found = _found(read_settings({"home": home}), patient, limit, actor, key, passphrase_file)
    if as_json:
        say.document([one.as_dict() for one in found])
    else:
        _tell(found, signed=key is not None)


def _found(
    settings: Settings,
    patient: str | None,
    limit: int,
    actor: str | None,
    key: Path | None,
    passphrase_file: Path | None,
) -> tuple[Shown, ...]:
    from withness.cli.desk import opened_trail
    from withness.desk import compliance
    from withness.desk.asking import actor_of
    from withness.wiring import build

    if key is not None:
        one = signer(actor, key, passphrase_file)
        context = build(settings, fresh=False)
        with contextlib.closing(context.store):
            return compliance.signed_show(context, actor_of(one.who), one, patient=patient, limit=limit)
    with opened_trail(settings) as (store, _):
        who = actor_of(actor or "Device/withness")
        return compliance.show(store, who, datetime.now(UTC), patient=patient, limit=limit)


def _tell(found: tuple[Shown, ...], *, signed: bool) -> None:
    rows = [
        (
            str(one.seq),
            one.at[:19].replace("T", " "),
            one.kind,
            _outcome(one),
            one.patient or "",
            " and ".join(filter(None, (one.actor, one.second_actor))),
            *((one.words or "",) if signed else ()),
        )
        for one in found
    ]
    more = ("in their words",) if signed else ()
    say.table("Audit trail", ("#", "when (UTC)", "what", "outcome", "about", "who", *more), rows, whole=("#", "what"))
    say.changed([row[:6] for row in rows])
    for one in found:
        if one.damage:
            click.secho(f"Record {one.seq}: {one.damage}. The trail is damaged: withness audit verify", fg="red")


def _outcome(one: Shown) -> str:
    said = " ".join(filter(None, (one.outcome, one.reason)))
    return f"DAMAGED {said}".rstrip() if one.damage else "pruned" if one.pruned else said
