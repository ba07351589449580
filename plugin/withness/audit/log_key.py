"""The key that signs the log's checkpoints: a file of its own, outside the database, its owner's alone.

It is not the data key: whoever verifies needs only its public half, the vkey (C2SP signed-note).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from withness.audit import checkpoint
from withness.audit.checkpoint import Checkpoint
from withness.errors import InvalidInput, KeyMissing
from withness.files import read_regular, write_new
from withness.seal import KEYS_HINT, unreadable_hint

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_FIELD = "WITHNESS_KEY_FILE"


@dataclass(frozen=True)
class LogKey:
    """An opened log key."""

    name: str
    private: bytes

    @property
    def _key(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.private)

    @property
    def vkey(self) -> str:
        """The public half, as reviewers keep it."""
        return checkpoint.vkey(self.name, self._key.public_key().public_bytes_raw())

    @property
    def public(self) -> str:
        """The public key, 32 bytes in hex."""
        return self._key.public_key().public_bytes_raw().hex()

    def sign(self, said: Checkpoint) -> str:
        """Return the checkpoint as a signed note."""
        return checkpoint.sign(said, self.name, self._key)

    def sign_bytes(self, message: bytes) -> str:
        """Return the signature of a message, 64 bytes in hex."""
        return self._key.sign(message).hex()


def beside_main(main: Path, vkey: str) -> Path:
    """Return where the log key of a vkey lies while another one of the same log has the place `main`.

    A copy from before a rotation and the directory that it was taken from share that place, and each signs with its
    own key. For what is no vkey it is `main`.
    """
    try:
        return main.with_name(f"{main.name}-{checkpoint.read_vkey(vkey).key_id.hex()}")
    except ValueError:
        return main


def place_of(main: Path, vkey: str) -> Path:
    """Return where the log key that a trail names lies: `main`, unless another one has that place."""
    own = beside_main(main, vkey)
    return own if own.exists() else main


def make_log_key(path: Path, data_id: str) -> LogKey:
    """Write a new log key (mode 0600, never overwriting). Raises InvalidInput when it cannot be written."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    made = LogKey(checkpoint.key_name(data_id), Ed25519PrivateKey.generate().private_bytes_raw())
    text = json.dumps({"withness-log-key": 1, "name": made.name, "key": base64.b64encode(made.private).decode()})
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_new(path, text.encode())
    except FileExistsError:
        raise InvalidInput(f"{path} is there already and is never overwritten.", field=_FIELD) from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.", field=_FIELD) from None
    return made


def key_in(content: bytes | str) -> LogKey:
    """Return the log key in a file's content. Raises ValueError, KeyError or TypeError for what is none."""
    found = json.loads(content)
    return LogKey(str(found["name"]), base64.b64decode(found["key"], validate=True))


def read_log_key(path: Path, data_id: str) -> LogKey:
    """Read the log key of a data directory.

    Raises KeyMissing when it is not there, InvalidInput when it is unreadable, another log's, or others may read it.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise InvalidInput("The log key may be read by others.", field=_FIELD, hint=f"Run: chmod 600 {path}")
        key = key_in(read_regular(path))
    except FileNotFoundError:
        raise KeyMissing(
            f"The key that signs this log's checkpoints, {path}, is missing.",
            field=_FIELD,
            hint=f"Copy the backup to {path} (chmod 600). {KEYS_HINT}. Where it is lost: withness key rotate --lost",
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise InvalidInput("The log key cannot be read as one.", field=_FIELD, hint=unreadable_hint(path)) from None
    if key.name != checkpoint.key_name(data_id) or len(key.private) != 32:
        raise InvalidInput("The log key belongs to another data directory.", field=_FIELD, hint=f"It is {path}.")
    return key
