"""`withness actor enrol|list|revoke`: people, their roles and their own keys."""

from __future__ import annotations

from pathlib import Path

import click

from withness.cli import say
from withness.cli.desk import opened
from withness.cli.signing import passphrase_of, voucher_of
from withness.core.people import ROLES
from withness.errors import InvalidInput


@click.group(
    epilog="\b\nExamples:\n"
    "  withness actor enrol Practitioner/c1 --name 'Kim Lee' --licence L-100 --role compliance --key-out c1.key\n"
    "  withness actor enrol Practitioner/p1 --name 'Pat Roe' --licence L-200 --role clinician --key-out p1.key \\\n"
    "      --by Practitioner/c1 --by-key c1.key\n"
    "  withness actor list\n"
)
def actor() -> None:
    """People who sign: enrolled with licence, roles and a key of their own."""


@actor.command(
    epilog="\b\nExample:\n  withness actor enrol Practitioner/p1 --name 'Pat Roe' --licence L-200 --role clinician \\\n"
    "      --key-out p1.key --by Practitioner/c1 --by-key c1.key\n"
)
@click.argument("who", metavar="Practitioner/ID")
@click.option("--name", required=True, help="Their name.")
@click.option("--licence", required=True, help="Their licence, as the board writes it.")
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), required=True, help="Repeat for more.")
@click.option("--medical", is_flag=True, help="A medical clinician, who may clear medically.")
@click.option("--trainee-of", default="", metavar="Practitioner/ID", help="A trainee's supervisor, who co-signs.")
@click.option("--key-out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Their new key.")
@click.option("--passphrase-file", type=click.Path(path_type=Path), metavar="FILE", help="Else it is asked for.")
@click.option("--by", default=None, metavar="Practitioner/ID", help="Who vouches; not for the very first person.")
@click.option("--by-key", type=click.Path(path_type=Path), metavar="FILE", help="The voucher's key.")
@click.option("--by-passphrase-file", type=click.Path(path_type=Path), metavar="FILE", help="Else it is asked for.")
@say.common
def enrol(
    who: str,
    name: str,
    licence: str,
    roles: tuple[str, ...],
    medical: bool,
    trainee_of: str,
    key_out: Path | None,
    passphrase_file: Path | None,
    by: str | None,
    by_key: Path | None,
    by_passphrase_file: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Enrol a person and write their key, encrypted under a passphrase that only they know.

    The first person is compliance; somebody enrolled as compliance vouches for everybody after.
    """
    from withness.signing import new_signer, write_signer

    if key_out is None:
        raise InvalidInput("--key-out names the file for the person's own key.", field="--key-out")
    if key_out.exists():
        raise InvalidInput("The key file is there already and is never overwritten.", field="--key-out")
    own = new_signer(who)
    passphrase = passphrase_of(who, passphrase_file)
    with opened(home) as (desk, _):
        voucher = voucher_of(by, by_key, by_passphrase_file) if by else None
        write_signer(own, key_out, passphrase)
        try:
            person = desk.enrol(
                who,
                name=name,
                licence=licence,
                roles=roles,
                key=own,
                by=voucher,
                medical=medical,
                trainee_of=trainee_of,
            )
        except BaseException:
            key_out.unlink(missing_ok=True)  # a key that is enrolled nowhere signs nothing
            raise
    if as_json:
        say.document(person)
    else:
        click.echo(f"{who} is enrolled as {', '.join(roles)}. Their key: {key_out}. Keep it where only they reach it.")


@actor.command("list", epilog="\b\nExample:\n  withness actor list --json\n")
@say.common
def list_actors(home: Path | None, as_json: bool) -> None:
    """List everybody who was ever enrolled."""
    with opened(home, fresh=False) as (desk, _):
        found = desk.actors()
    if as_json:
        say.document(found)
        return
    rows = [
        (
            one["who"],
            one["name"],
            one["licence"],
            ", ".join(one["roles"]),
            "revoked" if one["revoked"] else f"trainee of {one['trainee_of']}" if one["trainee_of"] else "enrolled",
        )
        for one in found
    ]
    say.table("Enrolled people", ("who", "name", "licence", "roles", "state"), rows)


@actor.command(
    epilog="\b\nExample:\n  withness actor revoke Practitioner/p1 --reason 'Left the practice' "
    "--by Practitioner/c1 --by-key c1.key\n"
)
@click.argument("who", metavar="Practitioner/ID")
@click.option("--reason", required=True, help="Why.")
@click.option("--by", required=True, metavar="Practitioner/ID", help="Who revokes.")
@click.option("--by-key", type=click.Path(path_type=Path), required=True, metavar="FILE", help="Their key.")
@click.option("--by-passphrase-file", type=click.Path(path_type=Path), metavar="FILE", help="Else it is asked for.")
@say.common
def revoke(
    who: str,
    reason: str,
    by: str,
    by_key: Path,
    by_passphrase_file: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """End an enrolment: nothing more can be signed under it; what was signed stands."""
    with opened(home, fresh=False) as (desk, _):
        desk.revoke(who, reason=reason, by=voucher_of(by, by_key, by_passphrase_file))
    if as_json:
        say.document({"who": who, "revoked": True})
    else:
        click.echo(f"The enrolment of {who} is revoked.")
