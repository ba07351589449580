"""`withness key backup|rotate`."""

from __future__ import annotations

from pathlib import Path

import click

from withness.cli import say
from withness.errors import InvalidInput


@click.group(
    epilog="\b\nExamples:\n  withness key backup --out /media/safe/withness.key\n"
    "  withness key rotate --actor Practitioner/c1\n"
)
def key() -> None:
    """The data key, without which nothing sealed can be read again, and the key that signs the log's checkpoints."""


@key.command(epilog="\b\nExample:\n  withness key backup --out /media/safe/withness.key\n")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where the copy goes."
)
@say.common
def backup(out: Path, home: Path | None, as_json: bool) -> None:
    """Copy the data key to FILE and the log key to FILE.log-key (mode 0600, never overwriting)."""
    from withness.desk.backup import require_outside
    from withness.directory import keys_of
    from withness.seal import back_up_key, copy_key
    from withness.settings import read_settings

    settings = read_settings({"home": home})
    if not out.name:
        raise InvalidInput("--out must name a file.", field="--out")
    require_outside(settings.home, out, "--out")
    data, log = keys_of(settings)
    beside = out.with_name(f"{out.name}.log-key")
    back_up_key(data, out)
    copy_key(log, beside)
    if as_json:
        say.document({"copy": str(out), "log_key": str(beside)})
    else:
        click.echo(f"Wrote {out} and {beside}. Keep them away from the data directory: whoever has key and data")
        click.echo("can read everything, and whoever has the log key can sign in this log's name.")


@key.command(epilog="\b\nExamples:\n  withness key rotate --actor Practitioner/c1\n  withness key rotate --lost\n")
@click.option("--lost", is_flag=True, help="The present log key is gone: nobody can sign for the new one with it.")
@say.acting
@say.common
def rotate(lost: bool, actor: str | None, home: Path | None, as_json: bool) -> None:
    """Give the log a new key to sign its checkpoints with. Reviewers need the new vkey that this prints."""
    from withness.desk.asking import actor_of
    from withness.directory import rotate_log_key
    from withness.settings import read_settings

    old, new = rotate_log_key(read_settings({"home": home}), actor_of(actor or "Device/withness"), lost=lost)
    if as_json:
        say.document({"old": old, "new": new, "lost": lost})
        return
    click.echo(f"The log is signed with a new key from now on:\n{new}")
    if lost:
        say.prose("The key before is lost: give the new one to every reviewer by a way that they trust.")
    else:
        say.prose("The key before has signed for it: a reviewer who knows that one can check this one.")
