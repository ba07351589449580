"""`withness audit report`."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from withness.cli import say
from withness.cli.signing import require_key, signer, signing
from withness.errors import InvalidInput, TrailDamaged

if TYPE_CHECKING:
    from withness.audit.report import Asked, Report
    from withness.settings import Settings

_SHOWN: Final = 20
"""Rows of a sheet at the terminal; a file has them all."""

_FORMATS: Final = ("html", "csv", "text")
_ENDINGS: Final = {".html": "html", ".htm": "html", ".csv": "csv", ".txt": "text", ".text": "text"}
_USUAL: Final = {"html": "html", "csv": "csv", "text": "txt"}


@click.command(
    epilog="\b\nExamples:\n  withness audit report\n"
    "  withness audit report --from 2026-10-01 --to 2026-12-31 --out report.html\n"
)
@click.option("--from", "since", metavar="DATE", help="The first day (YYYY-MM-DD, the site's time).")
@click.option("--to", "until", metavar="DATE", help="The last day.")
@click.option("--policy", metavar="VERSION|DIGEST", help="Only what was decided by this policy.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write it to a file.")
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), help="How it is written; else by the ending of --out, or text."
)
@click.option("--names", is_flag=True, help="People by reference; for somebody in compliance who signs with --key.")
@click.option("--rationales", is_flag=True, help="With what people wrote as reasons; likewise.")
@signing
@say.common
def report(
    since: str | None,
    until: str | None,
    policy: str | None,
    out: Path | None,
    form: str | None,
    names: bool,
    rationales: bool,
    actor: str | None,
    key: Path | None,
    passphrase_file: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Report on decisions, acute holds, overrides and all else that compliance asks. Making it is recorded.

    People stand under codes, and what is sealed is left out, unless somebody enrolled as compliance signs with --key.

    Of a damaged trail too there is a report, which says what was found: exit 4.
    """
    from withness.audit.report import Asked
    from withness.settings import read_settings

    if (names or rationales) and key is None:
        option = "--names" if names else "--rationales"
        said = f"{option} is for somebody enrolled as compliance who signs with their key."
        raise InvalidInput(said, field=option, hint="Add --actor Practitioner/ID --key FILE.")
    form = _form(form, out)
    say.must_be_new(out)
    require_key(key, passphrase_file)
    if form == "html" and out is None:
        raise InvalidInput("A page needs a file to be written to.", field="--out", hint="Such as --out report.html")
    settings = read_settings({"home": home})
    begins = day(since, settings.zone, "--from") if since is not None else None
    ends = day(until, settings.zone, "--to", after=True) if until is not None else None
    if begins and ends and begins >= ends:
        raise InvalidInput("--to is before --from.", field="--to")
    if begins and begins > datetime.now(UTC):
        raise InvalidInput("--from is a day to come: nothing can be on record.", field="--from")
    asked = Asked(begins, ends, policy, sealed=key is not None, names=names, rationales=rationales)
    made = _made(settings, asked, actor, key, passphrase_file)
    _tell(made, settings.zone, out, form, as_json=as_json)
    say.stop(TrailDamaged.exit_code if made.hurt else 0)


def _form(form: str | None, out: Path | None) -> str:
    """Return how the report is written: as asked for, else by the file's ending. Raises InvalidInput for a mismatch."""
    ending = _ENDINGS.get(out.suffix.lower(), "") if out is not None else ""
    if form and ending and form != ending:
        said = f"--format {form} does not fit the ending of {out}: a file that ends so is read as {ending}."
        raise InvalidInput(
            said, field="--format", hint=f"Leave --format out, or name a file that ends in .{_USUAL[form]}"
        )
    if not form and not ending and out is not None and out.suffix:
        said = f"--format must say how {out} is written: its ending does not."
        raise InvalidInput(said, field="--format", hint=f"It is one of: {', '.join(_FORMATS)}.")
    return form or ending or "text"


def _made(
    settings: Settings, asked: Asked, actor: str | None, key: Path | None, passphrase_file: Path | None
) -> Report:
    from withness.cli.desk import opened_trail
    from withness.desk.asking import actor_of
    from withness.desk.reporting import report as run
    from withness.desk.reporting import signed_report
    from withness.wiring import build

    if key is not None:
        one = signer(actor, key, passphrase_file)
        context = build(settings, fresh=False)
        with contextlib.closing(context.store):
            return signed_report(context, actor_of(one.who), asked, one)
    with opened_trail(settings) as (store, _):
        who = actor_of(actor or "Device/withness")
        return run(store, who, datetime.now(UTC), asked, organization=settings.organization)


def day(text: str, zone: tzinfo, option: str, *, after: bool = False) -> datetime:
    """Return when a day of the site begins, or ends (`after`). Raises InvalidInput naming the option."""
    try:
        found = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise InvalidInput(f"{option} must be a day such as 2026-11-30.", field=option) from None
    try:
        return datetime.combine(found + timedelta(days=int(after)), time(), tzinfo=zone).astimezone(UTC)
    except OverflowError:
        raise InvalidInput(f"{option} lies beyond all days that can be counted.", field=option) from None


def _tell(made: Report, zone: tzinfo, out: Path | None, form: str, *, as_json: bool) -> None:
    from withness.desk.report_formats import csv, html

    if out is not None and form in ("html", "csv"):
        say.write_page(out, html(made, zone) if form == "html" else csv(made, zone), as_json=as_json, prints=False)
    elif out is not None:
        say.write_page(out, _text(made, zone), as_json=as_json, prints=False)
    if out is not None and made.hurt and not as_json:
        click.secho(f"The trail is damaged: {made.hurt}. The report says so.", fg="red")
    if out is not None:
        return
    if as_json:
        say.document(made.as_dict())
    elif form == "csv":
        click.echo(csv(made, zone), nl=False)
    else:
        click.echo(_text(made, zone, most=_SHOWN), nl=False)


def _text(made: Report, zone: tzinfo, most: int = 0) -> str:
    """Return the report as plain text: facts, then each sheet, cut to `most` rows (0: whole)."""
    from withness.audit.report_sheets import heading
    from withness.desk.report_formats import told

    lines = [made.notice, ""] if made.notice else []
    lines += [f"{name}: {value}" for name, value in heading(made, zone)]
    lines += ["", *made.limits, ""]
    for sheet in told(made, zone):
        lines.append(say.sheet(sheet, most=most))
    return "\n".join(lines).rstrip("\n") + "\n"
