"""`withness key backup`."""

from __future__ import annotations

from pathlib import Path

import click

from withness.cli import say


@click.group(epilog="\b\nExample:\n  withness key backup --out /media/safe/withness.key\n")
def key() -> None:
    """The data key, without which nothing sealed can be read again."""


@key.command(epilog="\b\nExample:\n  withness key backup --out /media/safe/withness.key\n")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where the copy goes."
)
@say.common
def backup(out: Path, home: Path | None, as_json: bool) -> None:
    """Copy the data directory's key file (mode 0600, never overwriting)."""
    from withness.seal import back_up_key
    from withness.settings import read_settings
    from withness.wiring import key_of

    back_up_key(key_of(read_settings({"home": home})), out)
    if as_json:
        say.document({"copy": str(out)})
    else:
        click.echo(f"Wrote {out}. Keep it away from the data directory: whoever has both can read everything.")
