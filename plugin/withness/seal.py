"""Sealing at rest: AES-256-GCM bound to table, column and row, and the key file that holds the data key.

Sealed form: 1 byte format (0x01), 12 bytes nonce, ciphertext with its 16-byte tag (NIST SP 800-38D). The
associated data is `table|column|row`, so sealed bytes moved to another place do not open (contracts I6).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from pathlib import Path
from typing import Final

from withness.errors import InvalidInput, KeyMissing, SealBroken
from withness.files import read_regular, write_new

_FORMAT: Final = b"\x01"
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32

KEYS_FORM: Final = "withness-keys"
"""What marks the file into which a backup writes both keys."""

KEYS_HINT: Final = "What withness backup --with-keys wrote is put back with: withness key restore FILE --home DIR"


class Seal:
    """Closes and opens bytes under one data key."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)
        self._pseudonyms = hmac.digest(key, b"withness pseudonyms", "sha256")
        self.fingerprint = hashlib.sha256(b"withness data key\x00" + key).hexdigest()[:32]

    def pseudonym(self, text: str) -> str:
        """Return 8 letters and digits (RFC 4648 base 32) that stand for `text` wherever this data key is used."""
        code = base64.b32encode(hmac.digest(self._pseudonyms, text.encode(), "sha256")[:5]).decode()
        return f"{code[:4]}-{code[4:]}"

    def close(self, plain: bytes, *, table: str, column: str, row: str) -> bytes:
        """Return `plain` sealed for exactly this place."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, plain, _place(table, column, row))

    def open(self, sealed: bytes, *, table: str, column: str, row: str) -> bytes:
        """Return the plain bytes. Raises SealBroken when they were changed, moved or sealed by another key."""
        from cryptography.exceptions import InvalidTag

        try:
            if type(sealed) is not bytes or sealed[:1] != _FORMAT or len(sealed) <= _NONCE_BYTES:
                raise InvalidTag
            nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
            return self._cipher.decrypt(nonce, body, _place(table, column, row))
        except InvalidTag:
            raise SealBroken(
                f"A sealed row of {table} does not open: it was changed, or sealed with another key.",
                hint="Run: withness audit verify. If it names this row, go on with a backup that verifies.",
            ) from None


def _place(table: str, column: str, row: str) -> bytes:
    return f"{table}|{column}|{row}".encode()


def make_key(path: Path) -> Seal:
    """Write a new key file at `path` (mode 0600, never overwriting) and return its seal.

    Raises InvalidInput when the file exists already or cannot be written.
    """
    key = secrets.token_bytes(_KEY_BYTES)
    _write(path, json.dumps({"withness-key": 1, "data": base64.b64encode(key).decode()}).encode())
    return Seal(key)


def seal_of(text: str | bytes) -> Seal:
    """Return the seal of a key file's content. Raises ValueError, KeyError or TypeError for what is none."""
    return Seal(base64.b64decode(json.loads(text)["data"], validate=True))


def read_key(path: Path) -> Seal:
    """Read the key file at `path`.

    Raises KeyMissing when it is not there, InvalidInput when it is unreadable or others may read it.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise InvalidInput(
                "The key file may be read by others.", field="WITHNESS_KEY_FILE", hint=f"Run: chmod 600 {path}"
            )
        found = json.loads(read_regular(path))
        key = base64.b64decode(found["data"], validate=True)
    except FileNotFoundError:
        raise KeyMissing(
            "The key file of this data directory is missing; without it nothing sealed can be read.",
            field="WITHNESS_KEY_FILE",
            hint=f"Copy the backup to {path} (chmod 600), or point WITHNESS_KEY_FILE at it. {KEYS_HINT}",
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise InvalidInput(
            "The key file cannot be read as a Withness key.", field="WITHNESS_KEY_FILE", hint=unreadable_hint(path)
        ) from None
    if len(key) != _KEY_BYTES:
        raise InvalidInput("The key file's data key does not have 32 bytes.", field="WITHNESS_KEY_FILE")
    return Seal(key)


def unreadable_hint(path: Path) -> str:
    """Return what to do about a file that is no key: what a backup wrote holds both keys, and is put back otherwise."""
    try:
        content = json.loads(read_regular(path))
    except (OSError, ValueError):
        content = None
    if isinstance(content, dict) and KEYS_FORM in content:
        return f"{path} holds both keys, as a backup writes them. Give it another name, FILE. {KEYS_HINT}"
    return f"It is {path}."


def back_up_key(path: Path, copy: Path) -> None:
    """Copy the key file to `copy` (mode 0600, never overwriting). Raises InvalidInput or KeyMissing."""
    read_key(path)
    copy_key(path, copy)


def copy_key(path: Path, copy: Path) -> None:
    """Copy a file to a new one that only its owner reads. Raises InvalidInput."""
    try:
        _write(copy, read_regular(path))
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", field="key file") from None


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_new(path, content)
    except FileExistsError:
        raise InvalidInput(f"{path} is there already and is never overwritten.", field="key file") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.", field="key file") from None
