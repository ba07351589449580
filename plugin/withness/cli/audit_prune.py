"""`withness audit prune`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from withness.audit.words import many, were
from withness.cli import say
from withness.cli.signing import second_signer, seconding, signer, signing
from withness.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime

    from withness.desk.pruning import Selection
    from withness.settings import Settings

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(
    epilog="\b\nExamples:\n  withness audit prune --before 2019-01-01 --dry-run\n"
    "  withness audit prune --before 2019-01-01 --export old.ndjson --actor Practitioner/c1 --key kim.key "
    "--second Practitioner/s1 --second-key sam.key\n"
)
@click.option("--before", required=True, metavar="DAY", help="What was recorded before this day (YYYY-MM-DD).")
@click.option("--export", type=_FILE, metavar="FILE", help="The NDJSON export that holds what is to be pruned.")
@click.option("--dry-run", is_flag=True, help="Only say how many records of which kinds would go.")
@signing
@seconding
@say.common
def prune(
    before: str,
    export: Path | None,
    dry_run: bool,
    actor: str | None,
    key: Path | None,
    passphrase_file: Path | None,
    second: str | None,
    second_key: Path | None,
    second_passphrase_file: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Empty old records that are kept in an export; two people sign, and it is recorded.

    Only records that are older than the retention go, and of these only what was looked at, exported, verified or
    refused: nothing on which a decision or the verifier rests. Their hashes stay, so every proof goes on to hold.
    """
    from withness.desk.asking import actor_of
    from withness.desk.pruning import look
    from withness.desk.pruning import prune as run
    from withness.settings import read_settings
    from withness.wiring import build

    settings = read_settings({"home": home})
    moment = _moment(before, settings)
    signs = None
    if not dry_run:
        if export is None:
            said = "--export must name an export that holds what is to be pruned."
            hint = "withness audit export --format ndjson writes it; --dry-run says what would go."
            raise InvalidInput(said, field="--export", hint=hint)
        signs = signer(actor, key, passphrase_file), second_signer(second, second_key, second_passphrase_file)
    elif export or key or passphrase_file or second or second_key or second_passphrase_file:
        raise InvalidInput("A dry run is not signed, and asks for no export.", field="--dry-run")
    context = build(settings, fresh=False)
    with closing(context.store):
        if signs is None or export is None:
            found = look(context, moment, actor_of(actor or "Device/withness"))
        else:
            found = run(context, moment, export, *signs, actor_of(signs[0].who))
    if as_json:
        say.document({"pruned": not dry_run, "before": before, **found.as_dict()})
    else:
        _tell(found, dry_run=dry_run)


def _moment(day: str, settings: Settings) -> datetime:
    """Return when a day begins in the practice's zone. Raises InvalidInput."""
    from datetime import date, datetime

    try:
        found = date.fromisoformat(day)
    except ValueError:
        raise InvalidInput("--before must be a day (YYYY-MM-DD).", field="--before") from None
    return datetime(found.year, found.month, found.day, tzinfo=settings.zone)


def _tell(found: Selection, *, dry_run: bool) -> None:
    if found.kinds:
        rows = [(kind, str(count)) for kind, count in sorted(found.kinds.items())]
        say.table("Would go" if dry_run else "Pruned", ("records", "how many"), rows)
    done = "would go" if dry_run else f"{were(found.count)} pruned"
    since = f", the first recorded on {found.since[:10]}" if found.since else ""
    click.echo(f"{many(found.count)} {done}{since}.")
    if found.more:
        click.echo("There are more than one signature can name: run it again for the rest.")
    if not dry_run:
        click.echo("Their hashes stay: every proof goes on to hold. Keep the export.")
