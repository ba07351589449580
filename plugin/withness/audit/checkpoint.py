"""Checkpoints: a log's size and root in a signed note that anybody can keep, send and check.

    withness/5f0c1a52-1f0a-4a57-9d2a-0f6b0a6f9b11/0          origin: the data directory's id, the segment
    1027                                                     how many records
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=             the root, base64

    — withness/5f0c1a52-1f0a-4a57-9d2a-0f6b0a6f9b11 Az3grl…  em dash, key name, base64(key id || Ed25519 signature)

The note and its keys follow C2SP signed-note, the body C2SP tlog-checkpoint without extension lines. One spelling
only: what is read and written again gives the same bytes, and anything else is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from withness.audit.merkle import HASH_BYTES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ED25519: Final = b"\x01"
"""Signature type identifier byte (C2SP signed-note)."""
KEY_ID_BYTES: Final = 4
PUBLIC_KEY_BYTES: Final = 32
_DASH: Final = "\u2014 "
_MOST_SIGNATURES: Final = 16
_MOST_CHARACTERS: Final = 200_000
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_KEY_ID: Final = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of itself: `size` records whose tree (RFC 6962) has `root` (32 bytes)."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True)
class NoteSignature:
    """One signature line, unchecked: who is said to have signed, and the bytes."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True)
class SignedCheckpoint:
    """A note as read: nothing of it is checked yet."""

    checkpoint: Checkpoint
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True)
class VerifierKey:
    """The public half of a log's signing key, with the name that it signs under."""

    name: str
    key_id: bytes
    public: bytes


def key_name(data_id: str) -> str:
    """Return the name under which a data directory's log signs."""
    return f"withness/{data_id}"


def origin(data_id: str, segment: int) -> str:
    """Return the origin of one segment's checkpoints."""
    return f"{key_name(data_id)}/{segment}"


def write(checkpoint: Checkpoint) -> str:
    """Return the checkpoint's body: three lines. Raises ValueError when a part cannot be written."""
    _check_line(checkpoint.origin, "origin")
    if type(checkpoint.size) is not int or not _SIZE.fullmatch(str(checkpoint.size)):
        raise ValueError("The checkpoint's size is not a whole number from 0 up.")
    if type(checkpoint.root) is not bytes or len(checkpoint.root) != HASH_BYTES:
        raise ValueError("The checkpoint's root is not 32 bytes.")
    return f"{checkpoint.origin}\n{checkpoint.size}\n{_base64(checkpoint.root)}\n"


def sign(checkpoint: Checkpoint, name: str, private_key: Ed25519PrivateKey) -> str:
    """Return the signed note. Raises ValueError for a name or checkpoint that cannot be written."""
    text = write(checkpoint)
    _check_name(name)
    public = private_key.public_key().public_bytes_raw()
    signature = private_key.sign(text.encode())
    return f"{text}\n{_DASH}{name} {_base64(key_id(name, public) + signature)}\n"


def read(note: str) -> SignedCheckpoint:
    """Return a note's parts, its signatures unchecked. Raises ValueError, with a sentence, for any second spelling."""
    if type(note) is not str or len(note) > _MOST_CHARACTERS:
        raise ValueError(f"The note is not text of at most {_MOST_CHARACTERS} characters.")
    if any(0xD800 <= ord(one) <= 0xDFFF for one in note):
        raise ValueError("The note is not valid UTF-8.")
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise ValueError("The note has no blank line with signature lines below it.")
    signatures = tuple(_read_signature(line) for line in lines[:-1].split("\n"))
    if len(signatures) > _MOST_SIGNATURES:
        raise ValueError(f"The note has more than {_MOST_SIGNATURES} signatures.")
    if len({(one.name, one.key_id) for one in signatures}) != len(signatures):
        raise ValueError("The note is signed twice by one key.")
    return SignedCheckpoint(_read_body(f"{text}\n"), signatures)


def verify(note: str, vkeys: Iterable[str]) -> Checkpoint:
    """Return the note's checkpoint when one of `vkeys` signed it; signatures of other keys are passed over.

    Raises ValueError, with a sentence, when the note or a key cannot be read, no known key signed, or a known
    key's signature does not fit.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    signed = read(note)
    known = {(key.name, key.key_id): key for key in map(read_vkey, vkeys)}
    text, found = write(signed.checkpoint).encode(), False
    for one in signed.signatures:
        key = known.get((one.name, one.key_id))
        if key is None:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(one.signature, text)
        except (InvalidSignature, ValueError):
            raise ValueError(f"The signature of {key.name} does not fit the checkpoint.") from None
        found = True
    if not found:
        raise ValueError("None of the keys given signed the checkpoint.")
    return signed.checkpoint


def key_id(name: str, public: bytes) -> bytes:
    """Return the four bytes that stand for a key in a signature line."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:KEY_ID_BYTES]


def vkey(name: str, public: bytes) -> str:
    """Return the verifier key `name+id+base64(0x01 || public)`. Raises ValueError for a name or key that is none."""
    _check_name(name)
    if type(public) is not bytes or len(public) != PUBLIC_KEY_BYTES:
        raise ValueError("The public key is not 32 bytes.")
    return f"{name}+{key_id(name, public).hex()}+{_base64(ED25519 + public)}"


def read_vkey(text: str) -> VerifierKey:
    """Return the key that `vkey` wrote. Raises ValueError, with a sentence, for any other text."""
    name, *rest = text.split("+", 2)
    if len(rest) != 2:
        raise ValueError("The verifier key is not name+id+key.")
    _check_name(name)
    said, content = rest[0], _unbase64(rest[1], "verifier key")
    if content[:1] != ED25519 or len(content) != 1 + PUBLIC_KEY_BYTES:
        raise ValueError("The verifier key is not an Ed25519 key.")
    if not _KEY_ID.fullmatch(said) or key_id(name, content[1:]).hex() != said:
        raise ValueError("The verifier key's id does not fit its name and key.")
    return VerifierKey(name, bytes.fromhex(said), content[1:])


def _read_body(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) != 4:
        raise ValueError("The checkpoint is not three lines: origin, size, root.")
    if not _SIZE.fullmatch(lines[1]):
        raise ValueError("The checkpoint's size is not a whole number from 0 up.")
    root = _unbase64(lines[2], "checkpoint's root")
    found = Checkpoint(lines[0], int(lines[1]), root)
    write(found)
    return found


def _read_signature(line: str) -> NoteSignature:
    name, space, content = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise ValueError("A line below the note's blank line is not a signature.")
    _check_name(name)
    signature = _unbase64(content, "signature")
    if len(signature) <= KEY_ID_BYTES:
        raise ValueError("A signature of the note is too short.")
    return NoteSignature(name, signature[:KEY_ID_BYTES], signature[KEY_ID_BYTES:])


def _check_line(text: str, what: str) -> None:
    if not text or any(one < " " or 0xD800 <= ord(one) <= 0xDFFF for one in text):
        raise ValueError(f"The {what} is empty or holds a character that a note cannot hold.")


def _check_name(name: str) -> None:
    _check_line(name, "key name")
    if "+" in name or any(one.isspace() for one in name):
        raise ValueError("The key name holds a space or a plus sign.")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _unbase64(text: str, what: str) -> bytes:
    """Decode the one spelling of base64: no line breaks, no missing padding, no stray bits at the end."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"The {what} is not base64.") from None
    if _base64(content) != text:
        raise ValueError(f"The {what} is base64 in another spelling.")
    return content
