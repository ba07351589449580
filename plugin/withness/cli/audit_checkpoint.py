"""`withness audit checkpoint`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from withness.audit.words import many
from withness.cli import say

if TYPE_CHECKING:
    from withness.desk.way_on import WayOn
    from withness.errors import WithnessError


@click.command(
    epilog="\b\nExamples:\n  withness audit checkpoint\n"
    "  withness audit checkpoint --out /media/safe/monday.checkpoint\n"
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the checkpoint to a new file too: one more place that nobody here can change.",
)
@click.option(
    "--take-over",
    is_flag=True,
    help="Publish from here, and no longer from another copy; or begin a folder anew. It is recorded.",
)
@click.option("--yes", "sure", is_flag=True, help="With --take-over: yes, in the place of the copy that publishes now.")
@say.acting
@say.common
def checkpoint(
    out: Path | None, take_over: bool, sure: bool, actor: str | None, home: Path | None, as_json: bool
) -> None:
    """Sign the log's size and root as they stand, and publish them. Exit 7 when a place cannot be written."""
    from datetime import UTC, datetime

    from withness.cli.desk import opened_trail
    from withness.desk.asking import actor_of
    from withness.desk.checkpoints import of_another, publish
    from withness.desk.way_on import taking_over, way_on
    from withness.errors import CannotTell, InvalidInput, TrailDamaged
    from withness.settings import read_settings

    settings = read_settings({"home": home})
    with opened_trail(settings) as (store, unsealed):
        if unsealed is not None:
            raise unsealed
        other = of_another(store) if take_over and not sure else ""
        if other:
            raise InvalidInput(other, field="--yes", hint=f"If you mean it: {taking_over(settings.home)}")
        try:
            made = publish(store, actor_of(actor or "Device/withness"), datetime.now(UTC), take_over=take_over)
        except (TrailDamaged, CannotTell) as error:
            raise _with_way_on(error, way_on(store, settings.home)) from None
    if out is not None:
        say.write_new(out, made.note)
    if as_json:
        say.document(made.as_dict())
    else:
        click.echo(made.note)
        published = "" if made.trouble else f"Published in {made.folder}\n"
        click.echo(f"{many(made.size)}, root {made.root}\n{published}The key of its signature: {made.vkey}")
        if take_over and not made.taken_over:
            click.echo("This directory publishes there already: nothing was taken over, and nothing is recorded of it.")
    if made.trouble:
        raise CannotTell(
            made.trouble, hint="What is recorded stays recorded. Put the folder right, and run this again."
        )


def _with_way_on(error: WithnessError, way: WayOn | None) -> WithnessError:
    """Return the error with what leads on, and first that another copy is the live one, where that is so."""
    if way is None:
        return error
    hint = way.sentence if way.other_copy else f"{error.hint} {way.sentence}"
    return type(error)(error.message, field=error.field, hint=hint)
