"""`withness backup` and `withness restore`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from withness.audit.words import are, many, were
from withness.cli import say
from withness.cli.signing import second_signer, seconding, signer, signing
from withness.errors import CannotTell, InvalidInput, TrailDamaged

if TYPE_CHECKING:
    from withness.desk.backup import BackedUp
    from withness.desk.putting_back import Places
    from withness.desk.restored import Loss
    from withness.desk.restoring import Restored
    from withness.signing import Signer


@click.command(
    epilog="\b\nExamples:\n  withness backup --out /media/safe/monday\n"
    "  withness backup --out /media/safe/monday.tar --with-keys /media/keys/monday.keys\n"
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="FOLDER", help="A new folder, or a new FILE.tar."
)
@click.option(
    "--with-keys",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the data key and the log key to a new file elsewhere.",
)
@say.acting
@say.common
def backup(out: Path, with_keys: Path | None, actor: str | None, home: Path | None, as_json: bool) -> None:
    """Copy database, embedded chart, published checkpoints and settings of one moment; keys into a file of their own.

    The copy is opened and its trail checked. Exit 4: the copy is there, and its trail is damaged.
    """
    from withness.cli.desk import opened_trail
    from withness.desk.asking import actor_of
    from withness.desk.backup import back_up
    from withness.directory import keys_of
    from withness.places import places_of
    from withness.settings import read_settings

    settings = read_settings({"home": home})
    with opened_trail(settings) as (store, unsealed):
        if with_keys is not None and unsealed is not None:
            raise unsealed
        with store.transaction() as tx:
            places = places_of(settings, tx.facts()["data_id"])
        who, at = actor_of(actor or "Device/withness"), datetime.now(UTC)
        keys = dict(zip(places.keys, keys_of(settings), strict=True)) if with_keys else None
        done = back_up(store, settings, out, who, at, keys=keys, keys_out=with_keys, checkpoints=places.checkpoints)
    _tell_backup(done, out, with_keys, as_json=as_json)
    say.stop(TrailDamaged.exit_code if done.whole is False else 0)


def _tell_backup(done: BackedUp, out: Path, keys: Path | None, *, as_json: bool) -> None:
    if as_json:
        said = {"backup": str(out), "keys": str(keys) if keys else None, "left_out": list(done.left_out)}
        say.document({**said, **done.manifest})
        return
    rows = [(one["name"], str(one["size"]), one["sha256"]) for one in done.manifest["parts"]]
    say.table(f"Wrote {out}", ("part", "bytes", "SHA-256"), rows)
    for one in done.left_out:
        say.prose(one)
    if done.whole is False:
        click.secho("The copy's trail is DAMAGED: see withness audit verify.", bold=True)
    if keys is not None:
        say.prose(f"Wrote the keys to {keys}. Keep them away from the backup: whoever has both can read everything.")
    else:
        say.prose("The keys are not in it: without them nothing sealed can be read. See --with-keys.")


@click.command(
    epilog="\b\nExamples:\n  withness restore /media/safe/monday --home /srv/withness --keys /media/keys/monday.keys\n"
    "  withness restore --acknowledge --home /srv/withness --actor Practitioner/c1 --key kim.key \\\n"
    "      --second Practitioner/s1 --second-key sam.key\n"
)
@click.argument("source", type=click.Path(path_type=Path), metavar="[FROM]", required=False)
@click.option(
    "--keys", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="What backup --with-keys wrote."
)
@click.option("--acknowledge", is_flag=True, help="Two people sign for the records that a restored copy has lost.")
@click.option("--take-over", is_flag=True, help="With --acknowledge: publish from here, not from another copy.")
@signing
@seconding
@say.common
def restore(
    source: Path | None,
    keys: Path | None,
    acknowledge: bool,
    take_over: bool,
    actor: str | None,
    key: Path | None,
    passphrase_file: Path | None,
    second: str | None,
    second_key: Path | None,
    second_passphrase_file: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Restore a backup into an empty data directory, and say where its log stands against what was published.

    Keys go where WITHNESS_KEY_FILE says, never where the backup's settings alone say. Run again, it goes on.
    A copy that is older saves no plan until two people have acknowledged what is lost. Exit 4: it is older or damaged.
    """
    if (source is not None) == acknowledge:
        raise InvalidInput("Either FROM names a backup, or --acknowledge is given.", field="FROM")
    if source is None:
        also = second_signer(second, second_key, second_passphrase_file)
        _acknowledge(signer(actor, key, passphrase_file), also, home, take_over=take_over, as_json=as_json)
        return
    if take_over:
        hint = "Look at what it says first; withness audit checkpoint --take-over does it by itself, too."
        raise InvalidInput("--take-over goes with --acknowledge.", field="--take-over", hint=hint)
    home, done = _restored(source, home, keys)
    _tell_restored(done, home, as_json=as_json)
    say.stop(TrailDamaged.exit_code if done.damages or done.published else 0)


def _restored(source: Path, home: Path | None, keys: Path | None) -> tuple[Path, Restored]:
    from withness.desk.restoring import restore as run
    from withness.places import places_of
    from withness.settings import read_settings

    settings = read_settings({"home": home}, file=False)
    if settings.on_server or settings.database.absolute() != (settings.home / "withness.sqlite3").absolute():
        said = "WITHNESS_DATABASE_URL names another place than the data directory that is restored."
        raise InvalidInput(said, field="WITHNESS_DATABASE_URL", hint="Leave it out for this command.")

    def own(data_id: str) -> Places:
        return places_of(settings, data_id)

    def used(folder: Path, data_id: str) -> Places:
        return places_of(replace(read_settings({"home": folder}), home=settings.home), data_id)

    return settings.home, run(source, settings.home, own, used, keys)


def _acknowledge(first: Signer, second: Signer | None, home: Path | None, *, take_over: bool, as_json: bool) -> None:
    from withness.desk.asking import actor_of
    from withness.desk.checkpoints import of_another, publish
    from withness.desk.restored import acknowledge
    from withness.desk.way_on import taking_over
    from withness.settings import read_settings
    from withness.wiring import build

    settings = read_settings({"home": home})
    context = build(settings, fresh=False)
    with closing(context.store):
        other = of_another(context.store)
        loss = acknowledge(context, first, second, actor_of(first.who))
        if not as_json:
            _tell_loss(loss)
        taken = bool(other) and take_over
        trouble = publish(context.store, actor_of(first.who), context.now(), take_over=True).trouble if taken else ""
    if as_json:
        say.document({**loss.as_dict(), "other_copy": other or None, "taken_over": taken and not trouble})
    else:
        _tell_way_on(settings.home, other, taken=taken)
    if trouble:
        raise CannotTell(trouble, hint=f"Run: {taking_over(settings.home)}")


def _tell_way_on(home: Path, other: str, *, taken: bool) -> None:
    """Say what comes next, with the commands as they are typed."""
    from withness.desk.way_on import at, taking_over

    if taken:
        say.prose("This data directory publishes its checkpoints from now on, and the other copy no longer.")
    elif other:
        say.prose(f"{other} Until then what asks for the published checkpoints is exit 7 here. To take over:")
        click.echo(f"  {taking_over(home)}")
    say.prose("What was saved after this copy is in the EHR and not here. Look for it:")
    click.echo(f"  withness audit sweep {at(home)}")


def _tell_restored(done: Restored, home: Path, *, as_json: bool) -> None:
    if as_json:
        said: dict[str, Any] = {"state": done.state, "published": list(done.published), "damages": list(done.damages)}
        more = {"missing_keys": list(done.missing_keys), "left_out": list(done.left_out)}
        say.document({**said, **more, "other_copy": done.other_copy or None, **done.manifest})
        return
    for one in done.manifest["log"]:
        click.echo(f"Segment {one['segment']}: {many(one['size'])}, root {one['root']}")
    for one in done.published:
        say.prose(f"Published was segment {one['segment']} with {many(one['size'])}: this copy is older, or another.")
    for damage in done.damages:
        click.secho(damage, fg="red")
    click.secho(_STATES[done.state], bold=True)
    for one in done.left_out:
        say.prose(one)
    for name in done.missing_keys:
        say.prose(_MISSING[name])
    _tell_commands(done, home)


def _tell_commands(done: Restored, home: Path) -> None:
    """Say what comes next, with the commands as they are typed."""
    from withness.desk.way_on import acknowledging, taking_over

    if done.other_copy:
        say.prose(
            f"Another copy of this data directory, {done.other_copy}, publishes its checkpoints. For a look or a drill "
            "leave it so: nothing is signed in it, and what it records is published nowhere. Where this one is the "
            "live one from now on, it takes over."
        )
    if done.published:
        command = acknowledging(home, take_over=bool(done.other_copy))
        click.echo(f"Two people sign for what is lost:\n  {command}")
    elif done.other_copy:
        click.echo(f"To take over:\n  {taking_over(home)}")


_MISSING = {
    "data": "The data key is not in its place: put it back before you start (see --keys).",
    "log": "The log key that this copy was signed with is not in its place (after a rotation a later one is). Run the "
    "same again with --keys FILE, before anything else. Where it is lost: withness key rotate --lost",
}

_STATES = {
    "as-published": "Restored. The log is the one that was published.",
    "older-than-published": "Restored, and records are missing: no plan is saved until two people acknowledge it.",
    "not-provable": "Restored. Nothing that was published lies here: that the copy is the newest cannot be proved.",
}


def _tell_loss(loss: Loss) -> None:
    for gone, left in zip(loss.lost, loss.have, strict=True):
        click.echo(
            f"Segment {gone['segment']}: {many(gone['size'])} {were(gone['size'])} published, "
            f"{left['size']} {are(left['size'])} here."
        )
    click.secho("Acknowledged: records go on in a new segment, and plans can be saved again.", bold=True)
