"""`withness audit sync-reviewer`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from withness.audit.words import many
from withness.cli import say

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(
    "sync-reviewer",
    epilog="\b\nExamples:\n  withness audit sync-reviewer --state /media/kim/withness.json\n"
    "  withness audit sync-reviewer --state kim.json --consistency-out since-monday.json\n",
)
@click.option("--state", type=_FILE, required=True, metavar="FILE", help="Your own file: what you saw last.")
@click.option("--vkey", metavar="KEY", help="The log's key as you know it; else the first use pins the present one.")
@click.option("--consistency-out", type=_FILE, metavar="FILE", help="Write the proof, to check without Withness.")
@say.common
def sync_reviewer(
    state: Path, vkey: str | None, consistency_out: Path | None, home: Path | None, as_json: bool
) -> None:
    """Be a witness: hold the log against what you saw last, and keep what you see now. Exit 4: it is another log.

    The one line that is printed, size and the beginning of the root, is for two people to compare by phone: with the
    same size they must read the same line.
    """
    from withness.desk.witnessing import sync
    from withness.directory import open_store
    from withness.settings import read_settings

    store, _ = open_store(read_settings({"home": home}), fresh=False)
    with closing(store):
        done = sync(store, state, vkey=vkey, proof_out=consistency_out)
    if as_json:
        earlier = done.earlier
        say.document(
            {
                "line": done.line,
                "origin": done.latest.origin,
                "size": done.latest.size,
                "root": done.latest.root.hex(),
                "vkey": done.vkey,
                "earlier": {"size": earlier.size, "root": earlier.root.hex()} if earlier else None,
                "key_changed": done.rotated,
                "loss": done.loss or None,
                "kept": str(done.kept) if done.kept else None,
            }
        )
        return
    click.echo(done.line)
    if done.earlier is None:
        click.echo(f"First use. Compare the log's key with whoever set it up:\n{done.vkey}", err=True)
        if consistency_out is not None:
            click.echo("There is nothing before it that it could go on from, so no proof is written.", err=True)
    elif done.loss:
        click.echo(f"{done.loss}\nAsk them. What you saw before is kept in {done.kept}.", err=True)
    else:
        click.echo(f"It goes on from the {many(done.earlier.size)} that you saw before.", err=True)
    if done.rotated:
        click.echo(f"The log's key was changed; the old one signed for the new one:\n{done.vkey}", err=True)
