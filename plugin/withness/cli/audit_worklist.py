"""`withness audit worklist`."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import click

from withness.cli import say
from withness.cli.signing import require_key, signer, signing
from withness.errors import InvalidInput

if TYPE_CHECKING:
    from withness.audit.worklist import Item
    from withness.desk.way_on import WayOn
    from withness.settings import Settings


@click.command(epilog="\b\nExample:\n  withness audit worklist --limit 20\n")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many are shown.")
@click.option("--all", "everything", is_flag=True, help="What is signed off too: when, by whom; signed, their notes.")
@click.option("--names", is_flag=True, help="People by reference; for somebody in compliance who signs with --key.")
@signing
@say.common
def worklist(
    limit: int,
    everything: bool,
    names: bool,
    actor: str | None,
    key: Path | None,
    passphrase_file: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Show what waits to be examined by compliance, the most urgent first. Looking is recorded too."""
    from withness.settings import read_settings

    require_key(key, passphrase_file)
    if names != (key is not None):
        option, said = ("--key", "is for --names") if key else ("--names", "is for somebody in compliance who signs")
        raise InvalidInput(f"{option} {said}.", field=option, hint="Add --names --actor Practitioner/ID --key FILE.")
    settings = read_settings({"home": home})
    found, way = _found(settings, actor, key, passphrase_file, everything=everything)
    if as_json:
        say.document([{**one.as_dict(), **_todo(one, way)} for one in found])
        return
    _tell(found, limit, settings.zone, everything=everything)
    if way is not None:
        said = next((f"On {one.id}: " for one in found if one.kind == "damage"), "")
        say.prose(f"{said}{way.says}")
        click.echo(f"  {way.command}")


def _todo(one: Item, way: WayOn | None) -> dict[str, str]:
    """Return what to do about the damage of now where a command leads on; of other items nothing."""
    if way is None or one.kind != "damage":
        return {}
    return {"todo": way.sentence if way.other_copy else f"{one.todo} {way.sentence}"}


def _found(
    settings: Settings, actor: str | None, key: Path | None, passphrase_file: Path | None, *, everything: bool
) -> tuple[tuple[Item, ...], WayOn | None]:
    from withness.cli.desk import opened_trail
    from withness.desk import worklists
    from withness.desk.asking import actor_of
    from withness.desk.way_on import way_on
    from withness.wiring import build

    if key is not None:
        one = signer(actor, key, passphrase_file)
        context = build(settings, fresh=False)
        with contextlib.closing(context.store):
            found = worklists.signed_worklist(context, actor_of(one.who), one, everything=everything)
            return found, way_on(context.store, settings.home)
    with opened_trail(settings) as (store, _):
        who = actor_of(actor or "Device/withness")
        found = worklists.worklist(store, who, datetime.now(UTC), everything=everything)
        return found, way_on(store, settings.home)


def _tell(found: Sequence[Item], limit: int, zone: tzinfo, *, everything: bool) -> None:
    rows = [
        (
            one.id,
            f"{one.since.astimezone(zone):%Y-%m-%d %H:%M}",
            one.why,
            " and ".join(filter(None, (one.who, one.second))),
            one.person,
            _signed_off(one, zone) if everything else one.todo,
        )
        for one in found[:limit]
    ]
    if not rows:
        click.echo("Nothing waits for compliance.")
        return
    last = "signed off" if everything else "what to do"
    title = "What was to be examined so far" if everything else "What waits to be examined"
    say.table(title, ("item", "since", "what", "by", "about", last), rows, whole=("item",))
    say.changed(rows)
    if len(found) > limit:
        click.echo(f"… and {len(found) - limit} more: --limit {len(found)} shows them all.")
    say.prose("When you have examined an item: withness audit sign-off ITEM --note TEXT --actor ID --key FILE")


def _signed_off(one: Item, zone: tzinfo) -> str:
    if one.done is None:
        return "not yet"
    noted = f": “{one.done.words}”" if one.done.words else ""
    return f"{one.done.at.astimezone(zone):%Y-%m-%d %H:%M} by {one.done.by}{noted}"
