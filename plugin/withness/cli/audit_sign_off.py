"""`withness audit sign-off`."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from withness.cli import say
from withness.cli.audit_report import day
from withness.cli.signing import signer, signing
from withness.errors import InvalidInput


@click.command(
    "sign-off",
    epilog="\b\nExample:\n  withness audit sign-off override-51 --note 'Asked Pat; the item was asked the next day' "
    "--actor Practitioner/c1 --key kim.key\n",
)
@click.argument("items", nargs=-1, metavar="[ITEM]…")
@click.option("--period", nargs=2, metavar="FROM TO", help="Everything that began from the first to the last day.")
@click.option("--note", metavar="TEXT", help="What you examined, and what came of it; kept sealed.")
@signing
@say.common
def sign_off(
    items: tuple[str, ...],
    period: tuple[str, str] | None,
    note: str | None,
    actor: str | None,
    key: Path | None,
    passphrase_file: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Sign off what you have examined: items of the worklist, or a period of it.

    Signed by somebody enrolled as compliance; nobody signs off what they did themselves.
    """
    from withness.desk import worklists
    from withness.desk.asking import actor_of
    from withness.settings import read_settings
    from withness.wiring import build

    if bool(items) == bool(period):
        raise InvalidInput("Name items of the worklist, or a period with --period.", field="ITEM")
    if not note:
        raise InvalidInput("--note must say what you examined and what came of it.", field="--note")
    settings = read_settings({"home": home})
    one = signer(actor, key, passphrase_file)
    context = build(settings, fresh=False)
    with contextlib.closing(context.store):
        who = actor_of(one.who)
        if period:
            since = day(period[0], settings.zone, "--period")
            until = day(period[1], settings.zone, "--period", after=True)
            if since >= until:
                raise InvalidInput("--period must name its first day first.", field="--period")
            act, count = worklists.sign_period(context, since, until, note, one, who)
        else:
            act, count = worklists.sign_items(context, items, note, one, who), len(set(items))
    if as_json:
        say.document({"act": act.id, "signed_off": count})
    else:
        click.echo(f"{count} {'item is' if count == 1 else 'items are'} signed off.")
