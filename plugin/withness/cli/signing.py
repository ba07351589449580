"""The options of a command that somebody signs, and opening their key with its passphrase."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from withness.errors import InvalidInput

if TYPE_CHECKING:
    from withness.signing import Signer

F = TypeVar("F", bound=Callable[..., Any])

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_LONGEST_PASSPHRASE: Final = 1024
"""Characters: a file that holds more than that is not a passphrase."""


def signing(command: F) -> F:
    """Give a command the options of its signer: --actor, --key and --passphrase-file."""
    actor = click.option("--actor", metavar="Practitioner/ID", help="Who signs: somebody who is enrolled here.")
    key = click.option("--key", type=_FILE, metavar="FILE", help="The signer's own key file.")
    passphrase = click.option(
        "--passphrase-file", type=_FILE, metavar="FILE", help="Holds the key's passphrase (else it is asked for)."
    )
    return actor(key(passphrase(command)))


def seconding(command: F) -> F:
    """Give a command the options of a second signer: --second, --second-key and --second-passphrase-file."""
    second = click.option("--second", metavar="Practitioner/ID", help="The second signer: another person.")
    key = click.option("--second-key", type=_FILE, metavar="FILE", help="The second signer's own key file.")
    passphrase = click.option(
        "--second-passphrase-file",
        type=_FILE,
        metavar="FILE",
        help="Holds the second key's passphrase (else it is asked for).",
    )
    return second(key(passphrase(command)))


def require_key(key: Path | None, passphrase_file: Path | None) -> None:
    """Raise InvalidInput for a passphrase without a key: whoever gives it means to sign, and would not."""
    if passphrase_file is not None and key is None:
        said = "--passphrase-file opens a key, and --key names none."
        raise InvalidInput(said, field="--passphrase-file", hint="Add --key FILE, or leave the passphrase out.")


def signer(actor: str | None, key: Path | None, passphrase_file: Path | None) -> Signer:
    """Return the signer whom the options name, their key opened. Raises InvalidInput naming the option."""
    return _opened(actor, key, passphrase_file, ("--actor", "--key", "--passphrase-file"))


def voucher_of(by: str | None, by_key: Path | None, by_passphrase_file: Path | None) -> Signer:
    """Return whoever vouches for an enrolment. Raises as `signer`."""
    return _opened(by, by_key, by_passphrase_file, ("--by", "--by-key", "--by-passphrase-file"))


def second_signer(second: str | None, second_key: Path | None, second_passphrase_file: Path | None) -> Signer | None:
    """Return the second signer whom the options name, None when they name nobody. Raises as `signer`."""
    if second is None and second_key is None and second_passphrase_file is None:
        return None
    options = ("--second", "--second-key", "--second-passphrase-file")
    return _opened(second, second_key, second_passphrase_file, options)


def _opened(who: str | None, key: Path | None, passphrase_file: Path | None, options: tuple[str, str, str]) -> Signer:
    from withness.core.terms import reference
    from withness.wiring import open_signer

    name, key_option, passphrase_option = options
    if not who:
        raise InvalidInput(f"{name} must say who signs.", field=name, hint=f"Such as {name} Practitioner/p1.")
    reference(who, "Practitioner", "PractitionerRole", field=name)
    if key is None:
        said = f"{key_option} must name the key file of {who}."
        raise InvalidInput(said, field=key_option, hint="It was written when they were enrolled.")
    passphrase = _passphrase(who, passphrase_file, passphrase_option)
    try:
        return open_signer(who, key, passphrase)
    except InvalidInput as error:
        option = passphrase_option if error.field == "passphrase" else key_option
        raise InvalidInput(f"{option}: {error.message}", field=option, hint=error.hint) from None


def passphrase_of(who: str, file: Path | None) -> str:
    """Return the passphrase of a new key: a file's first line, else typed twice. Raises InvalidInput."""
    if file is None and sys.stdin.isatty():
        return str(click.prompt(f"New passphrase of {who}", hide_input=True, confirmation_prompt=True, err=True))
    return _passphrase(who, file, "--passphrase-file")


def _passphrase(who: str, file: Path | None, option: str) -> str:
    """Return the passphrase: a file's first line, else what is typed at the terminal, unseen."""
    if file is None:
        if not sys.stdin.isatty():
            said = f"{option} must name a file: there is no terminal to ask {who} for the passphrase."
            raise InvalidInput(said, field=option)
        return str(click.prompt(f"Passphrase of {who}", hide_input=True, err=True))
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.readline(_LONGEST_PASSPHRASE).rstrip("\r\n")
    except OSError as error:
        raise InvalidInput(f"{option} cannot be read: {error.strerror}.", field=option) from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{option} names a file that is not readable text.", field=option) from None
