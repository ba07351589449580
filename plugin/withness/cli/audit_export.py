"""`withness audit export`."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import click

from withness.audit.words import many, were
from withness.cli import say
from withness.cli.signing import require_key, signer, signing
from withness.errors import InvalidInput, TrailDamaged

if TYPE_CHECKING:
    from withness.desk.exporting import Done, Form
    from withness.desk.stretch import Period
    from withness.settings import Settings

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(
    epilog="\b\nExamples:\n  withness audit export --format csv --out october.csv --from 2026-10-01 --to 2026-10-31\n"
    "  withness audit export --format ndjson --out trail.ndjson --actor Practitioner/c1 --key kim.key\n"
)
@click.option("--format", "form", type=click.Choice(["ndjson", "csv", "fhir"]), required=True, help="See below.")
@click.option("--out", type=_FILE, required=True, metavar="FILE", help="The new file to write.")
@click.option("--from", "start", metavar="DAY", help="From this day on (YYYY-MM-DD, the practice's time) or instant.")
@click.option("--to", "end", metavar="DAY", help="Up to and including this day, or up to this instant.")
@signing
@say.common
def export(
    form: str,
    out: Path,
    start: str | None,
    end: str | None,
    actor: str | None,
    key: Path | None,
    passphrase_file: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Export records; that is recorded too, before anything is written.

    ndjson proves itself: every record letter for letter, a signed checkpoint, and what leads from one to the other.
    fhir is a Bundle of AuditEvents. Both name patients and actors, so somebody enrolled as compliance signs for them
    (--actor, --key). csv holds the search columns, with pseudonyms unless it is signed for. A period is every record
    from its first to its last, those in between included whatever their clock said.

    A damaged trail is exported as it is there, and the file says what was found. Exit 4: the file is there, and the
    trail is damaged.
    """
    from withness.desk.exporting import Form
    from withness.settings import read_settings

    require_key(key, passphrase_file)
    settings = read_settings({"home": home})
    chosen = Form(form)
    period = _period(start, end, settings.zone)
    if key is None and chosen is not Form.CSV:
        said = f"--format {form} names patients and actors: --key must be that of somebody enrolled as compliance."
        raise InvalidInput(said, field="--key", hint="Without a signature there is --format csv, with pseudonyms.")
    if key is None:
        done, held = _unsigned(settings, period, out, actor)
    else:
        done, held = _signed(settings, period, out, chosen, (actor, key, passphrase_file))
    if as_json:
        say.document(
            {
                "file": str(out),
                "format": form,
                "signed": key is not None,
                "pruned": done.pruned,
                "finding": done.told or None,
                "losses": list(done.losses),
                "covered": sum(one.records for one in done.parts),
                **done.details(),
                "records": held.records,
            }
        )
    else:
        _tell((done, held), out, chosen, signed=key is not None)
    say.stop(TrailDamaged.exit_code if done.told else 0)


def _tell(written: Done, out: Path, chosen: Form, *, signed: bool) -> None:
    from withness.desk.exporting import Form

    done, held = written
    told = many(held.records) if held.records == done.records else f"{held.records} of {many(done.records)}"
    click.echo(f"Wrote {out}: {told}{f', {held.first} to {held.last}' if held.records else ''}.")
    if done.pruned:
        left = "only their hashes are in it" if chosen is Form.NDJSON else "they are not in it"
        click.echo(f"{done.pruned} of them {were(done.pruned)} pruned: {left}.")
    if chosen is Form.NDJSON:
        click.echo(f"The key of its checkpoint: {done.vkey}")
    elif not signed:
        click.echo("Patients and actors stand under pseudonyms, the same in each export of this data directory.")
    for one in done.losses:
        say.prose(one)
    if done.told:
        click.secho(f"The trail is damaged: {done.told}. The file says so.", fg="red")
        proved = sum(one.records for one in done.parts)
        say.prose(f"{proved} of the records lie under a published checkpoint that still fits; no other can be proved.")


def _unsigned(settings: Settings, period: Period, out: Path, actor: str | None) -> Done:
    from withness.desk.asking import actor_of
    from withness.desk.export_forms import pseudonymous_csv
    from withness.desk.exporting import Form
    from withness.desk.exporting import export as run
    from withness.directory import open_store

    who = actor_of(actor or "Device/withness")
    store, seal = open_store(settings, fresh=False)
    with closing(store):
        return run(store, period, out, pseudonymous_csv(seal), who, datetime.now(UTC), Form.CSV)


def _signed(
    settings: Settings, period: Period, out: Path, form: Form, signs: tuple[str | None, Path | None, Path | None]
) -> Done:
    from withness.desk.asking import actor_of
    from withness.desk.export_fhir import fhir
    from withness.desk.export_forms import named_csv, ndjson
    from withness.desk.exporting import Form, export_signed
    from withness.wiring import build

    who = signer(*signs)
    context = build(settings, fresh=False)
    with closing(context.store):
        writers = {Form.NDJSON: ndjson, Form.CSV: named_csv, Form.FHIR: fhir(context)}
        return export_signed(context, period, out, writers[form], who, actor_of(who.who), form)


def _period(start: str | None, end: str | None, zone: tzinfo) -> Period:
    from withness.audit.record import instant
    from withness.desk.stretch import Period

    first = _moment(start, zone, field="--from", whole_day=False) if start is not None else None
    last = _moment(end, zone, field="--to", whole_day=True) if end is not None else None
    if first is not None and last is not None and first >= last:
        raise InvalidInput("--from must lie before --to.", field="--from")
    return Period(instant(first) if first else None, instant(last) if last else None)


def _moment(text: str, zone: tzinfo, *, field: str, whole_day: bool) -> datetime:
    """Return the beginning of a day, or, for `whole_day`, its end; an instant stays what it is."""
    try:
        if len(text) == len("2026-11-22"):
            day = date.fromisoformat(text) + timedelta(days=whole_day)
            return datetime(day.year, day.month, day.day, tzinfo=zone)
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError("no zone")
        found.astimezone(UTC)
    except (ValueError, OverflowError):
        said = f"{field} must be a day (YYYY-MM-DD) or an instant with its zone."
        raise InvalidInput(said, field=field, hint="Such as 2026-11-22 or 2026-11-22T09:00:00Z.") from None
    return found
