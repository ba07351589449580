"""Checkpoints in signed notes: published keys and notes, one spelling, and every mutated character refused."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from pathlib import Path
from subprocess import run

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from withness.audit import checkpoint
from withness.audit.checkpoint import Checkpoint, read, read_vkey, sign, verify, vkey, write

# golang.org/x/mod/sumdb/note: the package's example, and the keys of its tests.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SECRET = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
PETER_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
SUMDB = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
# c2sp.org/tlog-checkpoint and c2sp.org/signed-note: the pages' examples (the first's key is not published).
SOFA = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
NAME = "withness/5f0c1a52-1f0a-4a57-9d2a-0f6b0a6f9b11"
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
VKEY = vkey(NAME, KEY.public_key().public_bytes_raw())
HERE = Checkpoint(f"{NAME}/0", 1027, hashlib.sha256(b"root").digest())
NOTE = sign(HERE, NAME, KEY)


def second_parser(note: bytes, key: str) -> tuple[str, int, bytes] | None:
    """The same format by a regular expression, the key by its lengths: None for anything wrong."""
    found = re.fullmatch(
        rb"(?P<text>(?P<origin>[^\x00-\x1f]+)\n(?P<size>0|[1-9][0-9]*)\n(?P<root>[A-Za-z0-9+/]{43}=)\n)\n"
        rb"\xe2\x80\x94 (?P<name>[^\s+]+) (?P<line>[A-Za-z0-9+/]{91}=)\n",
        note,
    )
    if not found:
        return None
    public, line = base64.b64decode(key[-44:])[1:], base64.b64decode(found["line"])
    if base64.b64encode(line) != found["line"] or found["name"] != key[:-54].encode():
        return None
    if line[:4] != hashlib.sha256(found["name"] + b"\n\x01" + public).digest()[:4]:
        return None
    root = base64.b64decode(found["root"])
    if base64.b64encode(root) != found["root"]:
        return None
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(line[4:], found["text"])
    except Exception:  # noqa: BLE001 - the second parser only says yes or no
        return None
    return found["origin"].decode(), int(found["size"]), root


def test_a_published_key_is_read_and_written_again() -> None:
    """Go's and its checksum database's. Planted: the key id without the line feed after the name; caught."""
    for text in (PETER, ENOCH, SUMDB):
        key = read_vkey(text)
        assert vkey(key.name, key.public) == text
        assert text.split("+")[1] == key.key_id.hex() == checkpoint.key_id(key.name, key.public).hex()
    secret = Ed25519PrivateKey.from_private_bytes(PETER_SECRET)
    assert vkey("PeterNeumann", secret.public_key().public_bytes_raw()) == PETER


def test_a_published_note_is_signed_and_read_as_published() -> None:
    """Go's example: the same key id and signature. Planted: little-endian key id; caught. Its text is no checkpoint."""
    secret, key = Ed25519PrivateKey.from_private_bytes(PETER_SECRET), read_vkey(PETER)
    assert base64.b64encode(key.key_id + secret.sign(PETER_TEXT.encode())).decode() == PETER_LINE
    with pytest.raises(ValueError, match="three lines"):
        read(f"{PETER_TEXT}\n— PeterNeumann {PETER_LINE}\n")


def test_the_published_checkpoint_is_read() -> None:
    """The page's example. Planted: the root kept as text; caught."""
    signed = read(SOFA)
    assert (signed.checkpoint.origin, signed.checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert signed.checkpoint.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    (one,) = signed.signatures
    assert (one.name, one.key_id.hex(), len(one.signature)) == ("example.com/behind-the-sofa", "033de0ae", 64)
    assert SOFA.startswith(write(signed.checkpoint) + "\n— ")


def test_the_bytes_of_a_note() -> None:
    """Exactly as the specifications write it. Planted: a hyphen for the em dash; caught."""
    root = base64.b64encode(HERE.root).decode()
    assert NOTE.encode().startswith(f"{NAME}/0\n1027\n{root}\n\n".encode() + b"\xe2\x80\x94 " + f"{NAME} ".encode())
    assert verify(NOTE, [VKEY]) == HERE
    assert second_parser(NOTE.encode(), VKEY) == (HERE.origin, HERE.size, HERE.root)
    assert checkpoint.origin(NAME.removeprefix("withness/"), 3) == f"{NAME}/3"
    assert checkpoint.key_name(NAME.removeprefix("withness/")) == NAME


@pytest.mark.parametrize("place", range(len(NOTE)))
def test_each_mutated_character_of_a_note_is_refused(place: int) -> None:
    """Another letter, one left out, one doubled. Planted: the signature not verified; caught."""
    other = "B" if NOTE[place] != "B" else "C"
    for wrong in (NOTE[:place] + other + NOTE[place + 1 :], NOTE[:place] + NOTE[place + 1 :]):
        assert second_parser(wrong.encode(), VKEY) is None
        with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
            verify(wrong, [VKEY])
    doubled = NOTE[: place + 1] + NOTE[place:]
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        verify(doubled, [VKEY])


@pytest.mark.parametrize("place", range(len(NOTE.encode())))
def test_each_flipped_bit_of_a_note_is_refused_by_both_parsers(place: int) -> None:
    """Any bit, invalid UTF-8 too. Planted: keys looked up by name alone; caught."""
    for bit in range(8):
        edited = bytearray(NOTE.encode())
        edited[place] ^= 1 << bit
        assert second_parser(bytes(edited), VKEY) is None
        with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
            verify(bytes(edited).decode("utf-8", "surrogateescape"), [VKEY])


@settings(deadline=None)
@given(st.text(max_size=300), st.text(max_size=100))
def test_any_text_is_read_or_refused_with_a_sentence(text: str, line: str) -> None:
    """Never another error. Planted: the line's split taken for two parts; caught."""
    for note in (
        text,
        f"{text}\n\n— {line}\n",
        f"{write(HERE)}\n— {line} {text}\n",
        f"{text}\n1\n{line}\n\n— a AAAAAAA=\n",
    ):
        for ask in (read, lambda note: verify(note, [VKEY]), read_vkey):
            try:
                ask(note)
            except ValueError as error:
                sentence = str(error)
            else:
                sentence = "Read."
            assert re.fullmatch(r"[A-Z].*\.", sentence), sentence


@pytest.mark.parametrize(
    "wrong",
    [
        NOTE.replace("1027", "01027"),
        NOTE.replace("1027", "+1027"),
        NOTE.replace("1027", "1_027"),
        NOTE.replace("1027", "١٠٢٧"),
        NOTE.replace("1027", "1027 "),
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—  "),
        NOTE.replace("=\n\n", "=\nan extension\n\n"),
        NOTE.rstrip("\n"),
        NOTE + "\n",
        "\n" + NOTE,
        NOTE.split("\n\n")[0] + "\n",
        NOTE + NOTE.split("\n\n")[1],
        NOTE.replace("=\n\n", "\n\n"),
        "",
        "\n\n",
    ],
)
def test_a_second_spelling_is_refused(wrong: str) -> None:
    """One way to write it. Planted: int() on the size, which takes 01027 and 1_027; caught."""
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        read(wrong)


def test_stray_bits_at_the_end_of_base64_are_refused() -> None:
    """The root's last letter has two bits to spare. Planted: no comparison with the re-encoded text; caught."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    root = base64.b64encode(HERE.root).decode()
    stray = f"{root[:-2]}{letters[letters.index(root[-2]) + 1]}="
    assert base64.b64decode(stray) == HERE.root
    with pytest.raises(ValueError, match="another spelling"):
        read(NOTE.replace(root, stray))


def test_who_must_have_signed() -> None:
    """One known key is enough, none is not, a known one that does not fit refuses all. Planted: any of them; caught."""
    public = OTHER.public_key().public_bytes_raw()
    line = NOTE.split("\n\n")[1]
    cosigned = NOTE + sign(HERE, "reviewer", OTHER).split("\n\n")[1]
    assert verify(cosigned, [VKEY]) == verify(cosigned, [vkey("reviewer", public)]) == HERE
    assert verify(cosigned, [VKEY, vkey("reviewer", public), PETER]) == HERE
    with pytest.raises(ValueError, match="None of the keys"):
        verify(cosigned, [vkey(NAME, public), PETER])
    with pytest.raises(ValueError, match="None of the keys"):
        verify(NOTE, [])
    forged = NOTE.replace("1027", "1028")
    with pytest.raises(ValueError, match="does not fit"):
        verify(forged + sign(HERE, "reviewer", OTHER).split("\n\n")[1], [VKEY])
    with pytest.raises(ValueError, match="signed twice"):
        read(NOTE + line)
    many = "".join(f"— name{number} AAAAAAA=\n" for number in range(15))
    assert verify(NOTE + many, [VKEY]) == HERE
    with pytest.raises(ValueError, match="more than 16"):
        read(NOTE + many + "— name AAAAAAA=\n")


@pytest.mark.parametrize(
    "wrong",
    [
        VKEY.replace("+", " "),
        VKEY.upper(),
        VKEY + "=",
        VKEY[:-1],
        VKEY.replace("withness", "witness"),
        "+".join([VKEY.split("+")[0], VKEY.split("+")[1].upper(), VKEY.split("+", 2)[2]]),
        "name+00000000+" + base64.b64encode(b"\x01" + b"k" * 32).decode(),
        "name+00000000+" + base64.b64encode(b"\x04" + b"k" * 32).decode(),
        vkey("name", b"k" * 32).replace("name", "na me"),
        "name+0000",
        "",
    ],
)
def test_a_key_that_is_none_is_refused(wrong: str) -> None:
    """Its id must fit name and key. Planted: the id not worked out again; caught."""
    with pytest.raises(ValueError, match=r"^The .*\.$"):
        read_vkey(wrong)


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("", 1, b"r" * 32), ("a\nb", 1, b"r" * 32), ("a", -1, b"r" * 32), ("a", True, b"r" * 32), ("a", 1, b"r" * 31)],
)
def test_what_cannot_be_read_again_is_not_written(origin: str, size: int, root: bytes) -> None:
    """A line feed in the origin would add a line. Planted: the origin written as it is; caught."""
    with pytest.raises(ValueError, match=r"^The .*\.$"):
        write(Checkpoint(origin, size, root))
    with pytest.raises(ValueError, match=r"^The .*\.$"):
        sign(HERE, "a name", KEY)


@settings(deadline=None)
@given(st.integers(0, 2**60), st.binary(min_size=32, max_size=32))
def test_what_is_written_is_read_as_it_was(size: int, root: bytes) -> None:
    """There and back. Planted: size written in groups of three; caught."""
    here = Checkpoint(f"{NAME}/0", size, root)
    note = sign(here, NAME, KEY)
    assert verify(note, [VKEY]) == here
    assert second_parser(note.encode(), VKEY) == (here.origin, size, root)


def test_reading_needs_no_cryptography() -> None:
    """The library is imported where a signature is made or checked. Planted: imported at the top; caught."""
    script = "import sys, withness.audit.checkpoint as c; c.read(sys.argv[1]); assert 'cryptography' not in sys.modules"
    source = Path(checkpoint.__file__).parents[2]
    assert run([sys.executable, "-c", script, NOTE], cwd=source, check=False, timeout=60).returncode == 0
