"""`withness audit prove`."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from withness.cli import say


@click.command(epilog="\b\nExample:\n  withness audit prove 17 --out record-17.json\n")
@click.argument("seq", type=click.IntRange(0, 2**53 - 1), metavar="SEQ")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, metavar="FILE", help="The new file."
)
@say.acting
@say.common
def prove(seq: int, out: Path, actor: str | None, home: Path | None, as_json: bool) -> None:
    """Prove that record SEQ is in the trail, without showing any other; this is recorded.

    For a patient or a court: FILE holds the record letter for letter, the way from it to a signed checkpoint, and what
    that proves in plain words. It is checked without Withness: python offline_verifier.py --proof FILE --vkey KEY

    On a damaged trail what lies under a published checkpoint that still fits is proved too. Exit 4: this record is not.
    """
    from withness.desk.asking import actor_of
    from withness.desk.proving import prove as run
    from withness.directory import open_store
    from withness.settings import read_settings

    who = actor_of(actor or "Device/withness")
    store, _ = open_store(read_settings({"home": home}), fresh=False)
    with closing(store):
        done = run(store, seq, out, who, datetime.now(UTC))
    if as_json:
        say.document({"file": str(out), "seq": seq, "says": list(done.says), "finding": done.finding or None})
        return
    for sentence in done.says:
        say.prose(sentence)
    if done.finding:
        say.prose(f"The trail is damaged: {done.finding}. This record lies under a checkpoint from before, which fits.")
    click.echo(f"Wrote {out}.")
