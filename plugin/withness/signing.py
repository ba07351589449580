"""A person's own signature: Ed25519 (RFC 8032) under a passphrase that nobody else knows.

What is signed is `withness-act-v1`, a zero byte, and SHA-256 of the statement's canonical JSON: what a person signs
is one statement of one data directory, and it can be checked with the public key alone.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from withness.errors import InvalidInput
from withness.files import read_regular, write_new

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PREFIX: Final = b"withness-act-v1\x00"
_FORM: Final = b"withness-signing-key-1"
_COST: Final = 2**17
"""The cost of scrypt (OWASP password storage: N = 2^17, r = 8, p = 1)."""
SHORTEST_PASSPHRASE: Final = 12
"""Characters; NIST SP 800-63B asks for at least 8."""


@dataclass(frozen=True)
class Signer:
    """Somebody who can sign here and now: who they say they are, and their opened key."""

    who: str
    key: Ed25519PrivateKey

    @property
    def public(self) -> str:
        """The public key, 32 bytes in hex."""
        return self.key.public_key().public_bytes_raw().hex()

    def sign(self, statement: bytes) -> str:
        """Return the signature of a statement, 64 bytes in hex."""
        return self.key.sign(_message(statement)).hex()


def verifies(public: str, statement: bytes, signature: str) -> bool:
    """Whether `signature` (hex) is `statement`'s under the public key (hex)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), _message(statement))
    except (InvalidSignature, ValueError):
        return False
    return True


def _message(statement: bytes) -> bytes:
    return _PREFIX + hashlib.sha256(statement).digest()


def new_signer(who: str) -> Signer:
    """Return a signer with a fresh key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Signer(who, Ed25519PrivateKey.generate())


def write_signer(signer: Signer, path: Path, passphrase: str) -> None:
    """Write a signer's key to a new file, sealed under the passphrase (mode 0600).

    The file is JSON: salt and cost of scrypt (RFC 7914), nonce and AES-256-GCM sealed key. Raises InvalidInput for a
    short passphrase, or a file that is there or cannot be written.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(passphrase) < SHORTEST_PASSPHRASE:
        said = f"The passphrase must have at least {SHORTEST_PASSPHRASE} characters."
        raise InvalidInput(said, field="passphrase")
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    sealed = AESGCM(_stretched(passphrase, salt)).encrypt(nonce, signer.key.private_bytes_raw(), _FORM)
    parts = {"withness-signing-key": 1, "salt": salt.hex(), "nonce": nonce.hex(), "sealed": sealed.hex()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_new(path, json.dumps(parts).encode())
    except FileExistsError:
        raise InvalidInput("The key file is there already and is never overwritten.", field="--key-out") from None
    except OSError as error:
        raise InvalidInput(f"The key file cannot be written: {error.strerror}.", field="--key-out") from None


def read_signer(who: str, path: Path, passphrase: str) -> Signer:
    """Open a person's key file. Raises InvalidInput for a wrong passphrase or a file that is no such key."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        parts = json.loads(read_regular(path))
        salt, nonce, sealed = (bytes.fromhex(parts[name]) for name in ("salt", "nonce", "sealed"))
        key = AESGCM(_stretched(passphrase, salt)).decrypt(nonce, sealed, _FORM)
        return Signer(who, Ed25519PrivateKey.from_private_bytes(key))
    except OSError as error:
        raise InvalidInput(f"The key file cannot be read: {error.strerror}.", field="key file") from None
    except InvalidTag:
        raise InvalidInput("The key file does not open: check the passphrase.", field="passphrase") from None
    except (ValueError, TypeError, KeyError):
        raise InvalidInput("The file is no Withness signing key.", field="key file") from None


def _stretched(passphrase: str, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(passphrase.encode())
