"""What we sign and prove is read and held against the tree by Go's own implementation of transparency logs."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.audit.exports import DATA_ID, KEY, NAME, OTHER, OTHER_VKEY, VKEY, b64, make_leaves, note_of
from tests.cli.test_audit_export import signs  # noqa: F401  the people who sign
from tests.requiring import require
from tests.servers import sumdb
from tests.system.site import Site

from withness.audit import checkpoint
from withness.audit.checkpoint import Checkpoint, verify
from withness.audit.proofs import MemoryNodes, check_consistency, check_inclusion, consistency, inclusion

pytestmark = pytest.mark.xdist_group("sumdb")
LEAVES = make_leaves(70)
NODES = MemoryNodes([one.leaf_hash for one in LEAVES])
SIZES = [1, 2, 3, 4, 7, 8, 9, 31, 32, 33, 64, 65, 70]


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sumdb.Sumdb]:
    """Go's reader; skipped, saying why, where it cannot be built."""
    require("another reader of checkpoints", sumdb.available())
    with sumdb.Sumdb(tmp_path_factory.mktemp("sumdb")) as reader:
        yield reader


def said(text: str, *keys: str) -> dict[str, Any]:
    """What our own reader says of a checkpoint, in the other's words."""
    found = verify(text, keys)
    return {"origin": found.origin, "size": found.size, "root": base64.b64encode(found.root).decode()}


def other(hashes: tuple[bytes, ...], dice: random.Random) -> tuple[bytes, ...]:
    """A proof with one bit changed, or with one hash more or less."""
    place = dice.randrange(len(hashes) + 1)
    if place == len(hashes):
        return dice.choice([(*hashes, bytes(32)), hashes[:-1]]) if hashes else (bytes(32),)
    wrong = bytearray(hashes[place])
    wrong[dice.randrange(32)] ^= 1 << dice.randrange(8)
    return (*hashes[:place], bytes(wrong), *hashes[place + 1 :])


class TestCheckpoints:
    @pytest.mark.parametrize("size", SIZES)
    def test_say_the_same_and_their_root_is_that_of_the_records(self, go: sumdb.Sumdb, size: int) -> None:
        """Planted: the interior nodes hashed with RFC 6962's prefix for leaves; caught."""
        text = note_of(LEAVES, size)
        records = [one.body.decode() for one in LEAVES[:size]]
        assert go.ask(note=text, vkeys=[VKEY], records=records) == said(text, VKEY)
        wrong = go.ask(note=text, vkeys=[VKEY], records=[*records[:-1], "{}"])
        assert wrong["error"] == "the records have another root"

    def test_are_refused_under_another_key(self, go: sumdb.Sumdb) -> None:
        text = note_of(LEAVES)
        assert go.ask(note=text, vkeys=[OTHER_VKEY])["error"] == "note has no verifiable signatures"
        assert go.ask(note=note_of(LEAVES, key=OTHER), vkeys=[VKEY, OTHER_VKEY])["size"] == 70

    def test_with_any_letter_changed_are_refused_by_both(self, go: sumdb.Sumdb) -> None:
        """But for the signature's last letter: its last bits stand for nothing, and only ours wants them to be 0."""
        text = note_of(LEAVES)
        for place in range(len(text) - 3):
            wrong = text[:place] + ("B" if text[place] != "B" else "C") + text[place + 1 :]
            assert "error" in go.ask(note=wrong, vkeys=[VKEY])
            with pytest.raises(ValueError, match=r"\.$"):
                verify(wrong, [VKEY])

    @pytest.mark.parametrize("size", [0, 1, 2**53, 2**62])
    def test_of_any_size(self, go: sumdb.Sumdb, size: int) -> None:
        text = checkpoint.sign(Checkpoint(f"{NAME}/3", size, bytes(range(32))), NAME, KEY)
        found = go.ask(note=text, vkeys=[VKEY])
        assert (found["origin"], found.get("size", 0)) == (f"{checkpoint.key_name(DATA_ID)}/3", size)


class TestProofs:
    @pytest.mark.parametrize("size", SIZES)
    def test_of_inclusion(self, go: sumdb.Sumdb, size: int) -> None:
        """Both take the same ones. Planted: the proof's hashes from the root down; caught."""
        text, dice = note_of(LEAVES, size), random.Random(size)  # noqa: S311  a repeatable choice, no secret
        root = verify(text, [VKEY]).root
        for index in range(size):
            leaf, proof = LEAVES[index], inclusion(NODES, index, size)
            asked = {"note": text, "vkeys": [VKEY], "record": leaf.body.decode(), "index": index}
            assert go.ask(**asked, proof=b64(proof)) == said(text, VKEY)
            wrong = other(proof, dice)
            assert "error" in go.ask(**asked, proof=b64(wrong))
            assert not check_inclusion(leaf.leaf_hash, index, size, wrong, root)

    @pytest.mark.parametrize("second", SIZES)
    def test_of_consistency(self, go: sumdb.Sumdb, second: int) -> None:
        """Both take the same ones. Planted: the first tree's own root put before the proof; caught."""
        later, dice = note_of(LEAVES, second), random.Random(second)  # noqa: S311  a repeatable choice, no secret
        for first in range(1, second + 1):
            earlier, proof = note_of(LEAVES, first), consistency(NODES, first, second)
            asked = {"note": later, "earlier": earlier, "vkeys": [VKEY]}
            assert go.ask(**asked, proof=b64(proof)) == said(later, VKEY)
            wrong = other(proof, dice)
            assert "error" in go.ask(**asked, proof=b64(wrong))
            roots = verify(earlier, [VKEY]).root, verify(later, [VKEY]).root
            assert not check_consistency(first, second, *roots, wrong)


def test_the_files_that_the_commands_write(
    go: sumdb.Sumdb,
    site: Site,
    signs: list[str],  # noqa: F811
    tmp_path: Path,
) -> None:
    """An export, a proof of one record, a reviewer's step, a checkpoint after the log key was changed."""

    def run(*arguments: str) -> str:
        done = site.console("audit", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    state, step = str(tmp_path / "state"), tmp_path / "step.json"
    run("sync-reviewer", "--state", state)
    out = tmp_path / "trail.ndjson"
    run("export", "--format", "ndjson", "--out", str(out), *signs)
    header, *rows = map(json.loads, out.read_text(encoding="utf-8").split("\n")[:-1])
    text, keys = header["checkpoint"], [header["vkey"]]
    assert go.ask(note=text, vkeys=keys, records=[row["record"] for row in rows]) == said(text, *keys)

    run("prove", "2", "--out", str(tmp_path / "record.json"))
    proof = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    asked = {"note": proof["checkpoint"], "vkeys": keys, "record": proof["record"], "proof": proof["proof"]}
    assert go.ask(**asked, index=proof["index"])["size"] == proof["size"]
    assert "error" in go.ask(**asked, index=proof["index"] + 1)

    run("sync-reviewer", "--state", state, "--consistency-out", str(step))
    told = json.loads(step.read_text(encoding="utf-8"))
    assert go.ask(note=told["to"], earlier=told["from"], proof=told["proof"], vkeys=keys) == said(told["to"], *keys)

    assert told["proof"], "nothing was recorded in between"

    assert site.console("key", "rotate").returncode == 0
    kept = tmp_path / "new.checkpoint"
    code, signed = site.console_json("audit", "checkpoint", "--out", str(kept))
    text = kept.read_text(encoding="utf-8")
    assert (code, go.ask(note=text, vkeys=keys)["error"]) == (0, "note has no verifiable signatures")
    assert go.ask(note=text, vkeys=[signed["vkey"]]) == said(text, signed["vkey"])
