"""`withness key backup|restore|rotate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from withness.cli import say
from withness.errors import InvalidInput

if TYPE_CHECKING:
    from withness.settings import Settings


@click.group(
    epilog="\b\nExamples:\n  withness key backup --out /media/safe/withness.key\n"
    "  withness key restore /media/keys/monday.keys --home /srv/withness\n"
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


@key.command(epilog="\b\nExample:\n  withness key restore /media/keys/monday.keys --home /srv/withness\n")
@click.argument("keys", type=click.Path(path_type=Path), metavar="KEYS")
@say.common
def restore(keys: Path, home: Path | None, as_json: bool) -> None:
    """Put the keys of a data directory that are not in their places back from KEYS, which backup --with-keys wrote.

    Nothing is written over. For one that is restored together with its database there is withness restore --keys.
    """
    from withness.desk.keys_file import read_keys
    from withness.desk.putting_back import LOG, ready_keys
    from withness.places import places_of
    from withness.settings import read_settings

    settings = read_settings({"home": home})
    ids, fingerprints, vkey = _named(settings)
    held = read_keys(keys, ids, fingerprints, field="KEYS")
    data_id = ids[0]
    earlier = LOG in held and not _is_present(held[LOG], vkey)
    if earlier:
        del held[LOG]
    own, used = places_of(read_settings({"home": home}, file=False), data_id), places_of(settings, data_id)
    try:
        with ready_keys(own, used, held, field="KEYS") as ready, ready.named():
            done = [str(one) for one in ready.places]
    except OSError as error:
        raise InvalidInput(f"The keys cannot be written: {error.strerror}.", field="WITHNESS_KEY_FILE") from None
    if as_json:
        say.document({"restored": done, "earlier_log_key": earlier})
        return
    for one in done:
        click.echo(f"Wrote {one}")
    if not done:
        click.echo("Nothing was missing there that KEYS holds.")
    if earlier:
        said = "The log key in KEYS is not the one that the trail names as its present one, and was left out."
        say.prose(f"{said} Take a later file; where that key is lost: withness key rotate --lost")


def _named(settings: Settings) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Return what a data directory's records say: its ids, its data key's fingerprints, and its present vkey or ""."""
    from withness.cli.desk import opened_trail
    from withness.desk.identity import named
    from withness.desk.log_keys import vkeys
    from withness.places import marked

    with opened_trail(settings) as (store, _):
        found = named(store, marked(settings))
        with store.transaction() as tx:
            known = vkeys(tx)
    if found is None:
        raise InvalidInput("There is nothing in this data directory yet.", field="WITHNESS_HOME")
    return found.ids, found.keys, known[-1] if known else ""


def _is_present(text: str, vkey: str) -> bool:
    """Whether a log key's file holds the key that this directory's trail names; raises InvalidInput for no key."""
    from withness.audit.log_key import key_in

    try:
        own = key_in(text).vkey
    except (ValueError, KeyError, TypeError):
        raise InvalidInput("The log key in KEYS cannot be read as one.", field="KEYS") from None
    return not vkey or own == vkey


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
