"""Sealing at rest: bound to its place, refused when changed, and a key file that only its owner reads (I6)."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from withness.errors import InvalidInput, KeyMissing, SealBroken
from withness.seal import Seal, back_up_key, make_key, read_key

KEY = bytes(range(32))
PLACE = {"table": "plan", "column": "content", "row": "p1"}
WORDS = "I want somebody to get it 👩‍👧".encode()


@pytest.mark.parametrize("plain", [b"", b"x", WORDS, b"\x00" * 1_000_000])
def test_what_was_sealed_opens_in_its_place(plain: bytes) -> None:
    """Words come back byte for byte. Planted: padding added; caught."""
    seal = Seal(KEY)
    sealed = seal.close(plain, **PLACE)
    assert seal.open(sealed, **PLACE) == plain
    assert len(plain) < 16 or plain not in sealed
    assert len(sealed) == 1 + 12 + len(plain) + 16


def test_the_form_is_the_documented_one() -> None:
    """Format byte, nonce, AES-256-GCM with the place as associated data. Planted: the place not bound; caught."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    sealed = Seal(KEY).close(WORDS, **PLACE)
    assert sealed[:1] == b"\x01"
    assert AESGCM(KEY).decrypt(sealed[1:13], sealed[13:], b"plan|content|p1") == WORDS


def test_no_two_seals_are_alike() -> None:
    """A nonce is used once. Planted: a constant nonce; caught."""
    seal = Seal(KEY)
    nonces = {seal.close(WORDS, **PLACE)[1:13] for _ in range(500)}
    assert len(nonces) == 500


@pytest.mark.parametrize(
    "place",
    [
        {**PLACE, "row": "p2"},
        {**PLACE, "column": "draft"},
        {**PLACE, "table": "outbox"},
        {**PLACE, "row": ""},
        {"table": "plan|content", "column": "p1", "row": ""},
        {"table": "", "column": "plan", "row": "content|p1"},
    ],
)
def test_what_was_sealed_opens_in_no_other_place(place: dict[str, str]) -> None:
    """Moved bytes do not open. Planted: table, column and row left out of the place in turn; all caught."""
    seal = Seal(KEY)
    with pytest.raises(SealBroken) as found:
        seal.open(seal.close(WORDS, **PLACE), **place)
    assert found.value.exit_code == 7


def test_another_key_opens_nothing() -> None:
    """Each data directory has its own key. Planted: the key cut to 16 bytes (both keys alike there); caught."""
    with pytest.raises(SealBroken):
        Seal(KEY[:16] + b"y" * 16).open(Seal(KEY).close(WORDS, **PLACE), **PLACE)


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 1 + 12 + len(WORDS) + 15), st.integers(1, 255))
def test_no_byte_may_be_changed(place: int, change: int) -> None:
    """Format, nonce, text and tag. Planted: the format byte not looked at; caught."""
    seal = Seal(KEY)
    sealed = bytearray(seal.close(WORDS, **PLACE))
    sealed[place] ^= change
    with pytest.raises(SealBroken):
        seal.open(bytes(sealed), **PLACE)


def test_no_byte_may_be_missing_or_too_many() -> None:
    """Cut at any place, or with something behind. Planted: the nonce's length not looked at; caught (ValueError)."""
    seal = Seal(KEY)
    sealed = seal.close(WORDS, **PLACE)
    for wrong in (*(sealed[:end] for end in range(len(sealed))), sealed + b"\x00", sealed[1:]):
        with pytest.raises(SealBroken):
            seal.open(wrong, **PLACE)


def test_a_refusal_names_the_place_and_not_the_content_or_the_key() -> None:
    """I9. Planted: the bytes in the message; caught."""
    with pytest.raises(SealBroken) as found:
        Seal(KEY).open(b"\x01" + WORDS * 3, **PLACE)
    assert "plan" in found.value.message
    assert "does not open: it was changed, or sealed with another key." in found.value.message
    assert WORDS.decode() not in found.value.message
    assert "I want" not in f"{found.value!r} {found.value.hint}"


def test_a_seal_never_shows_its_key(tmp_path: Path) -> None:
    """The fingerprint is not the key, and two keys have two. Planted: the key itself as the fingerprint; caught."""
    seal = make_key(tmp_path / "data.key")
    key = base64.b64decode(json.loads((tmp_path / "data.key").read_text())["data"])
    for form in (key.hex(), base64.b64encode(key).decode(), repr(key)):
        assert form not in f"{seal!r} {seal} {seal.fingerprint}"
    assert seal.fingerprint not in key.hex()
    assert seal.fingerprint == read_key(tmp_path / "data.key").fingerprint
    assert seal.fingerprint != make_key(tmp_path / "other.key").fingerprint


class TestTheKeyFile:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "keys" / "data.key"

    def test_is_its_owners_alone_whatever_the_umask(self, path: Path) -> None:
        """0600, in a folder of 0700. Planted: `open(path, "wb")`; caught."""
        before = os.umask(0)
        try:
            make_key(path)
        finally:
            os.umask(before)
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700

    def test_holds_a_fresh_key_of_32_bytes(self, path: Path) -> None:
        """AES-256, from the system's randomness. Planted: a constant key; caught."""
        make_key(path)
        make_key(path.with_name("other.key"))
        keys = [base64.b64decode(json.loads(one.read_text())["data"]) for one in path.parent.iterdir()]
        assert [len(key) for key in keys] == [32, 32]
        assert keys[0] != keys[1]

    def test_is_never_overwritten(self, path: Path) -> None:
        """An overwritten key is a lost chart. Planted: O_EXCL left out; caught."""
        make_key(path)
        before = path.read_bytes()
        with pytest.raises(InvalidInput, match="never overwritten"):
            make_key(path)
        assert path.read_bytes() == before

    def test_a_link_that_leads_elsewhere_is_not_followed(self, path: Path, tmp_path: Path) -> None:
        """O_EXCL refuses a link too. Planted: O_EXCL left out; caught."""
        path.parent.mkdir()
        path.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(InvalidInput):
            make_key(path)
        assert not (tmp_path / "elsewhere").exists()

    def test_that_is_missing_is_said_to_be_missing(self, path: Path) -> None:
        """Its loss is noticed, not mended. Planted: a new key made in its place; caught."""
        with pytest.raises(KeyMissing) as found:
            read_key(path)
        assert found.value.field == "WITHNESS_KEY_FILE"
        assert not path.exists()

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o777, 0o601])
    def test_that_others_may_read_is_refused(self, path: Path, mode: int) -> None:
        """Planted: only the group's bits looked at; caught by 0604."""
        make_key(path)
        path.chmod(mode)
        with pytest.raises(InvalidInput, match="read by others"):
            read_key(path)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"not json",
            b"\xff\xfe",
            b"[]",
            b"null",
            b"{}",
            b'{"withness-key": 1, "data": null}',
            b'{"withness-key": 1, "data": 5}',
            b'{"withness-key": 1, "data": "not base64!"}',
            b'{"withness-key": 1, "data": ""}',
            json.dumps({"withness-key": 1, "data": base64.b64encode(b"x" * 16).decode()}).encode(),
            json.dumps({"withness-key": 1, "data": base64.b64encode(b"x" * 33).decode()}).encode(),
        ],
    )
    def test_that_is_none_is_refused_without_its_content(self, path: Path, content: bytes) -> None:
        """A shorter key would seal less well. Planted: the length not looked at; caught (16 bytes opened)."""
        path.parent.mkdir()
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(InvalidInput) as found:
            read_key(path)
        assert found.value.field == "WITHNESS_KEY_FILE"
        assert not content or content.decode(errors="replace") not in found.value.message

    def test_a_folder_in_its_place_is_refused(self, path: Path) -> None:
        """An error of the file system is a sentence too. Planted: OSError not caught; caught."""
        path.mkdir(parents=True, mode=0o700)
        with pytest.raises(InvalidInput):
            read_key(path)

    def test_is_backed_up_byte_for_byte_and_for_its_owner_alone(self, path: Path, tmp_path: Path) -> None:
        """The copy opens what the original sealed. Planted: the bytes written by `write_bytes`; caught."""
        sealed = make_key(path).close(WORDS, **PLACE)
        copy = tmp_path / "safe" / "copy.key"
        before = os.umask(0)
        try:
            back_up_key(path, copy)
        finally:
            os.umask(before)
        assert copy.stat().st_mode & 0o777 == 0o600
        assert read_key(copy).open(sealed, **PLACE) == WORDS
        with pytest.raises(InvalidInput, match="never overwritten"):
            back_up_key(path, copy)

    def test_that_is_no_key_is_not_backed_up(self, path: Path, tmp_path: Path) -> None:
        """A backup of nothing would be trusted. Planted: the key not read first; caught."""
        with pytest.raises(KeyMissing):
            back_up_key(path, tmp_path / "copy.key")
        path.parent.mkdir()
        path.write_bytes(b"{}")
        path.chmod(0o600)
        with pytest.raises(InvalidInput):
            back_up_key(path, tmp_path / "copy.key")
        assert not (tmp_path / "copy.key").exists()
