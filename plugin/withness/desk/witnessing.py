"""A reviewer as witness: the last checkpoint that they saw, in a file of their own, and the log held against it.

The file is JSON, its owner's alone:

    {"checkpoint":"<signed note>","format":"withness-reviewer/1","vkey":"<name+id+key>"}
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from withness import strict_json
from withness.audit import checkpoint
from withness.audit.checkpoint import Checkpoint
from withness.audit.log import acknowledged
from withness.audit.offline_verifier import CONSISTENCY_FORMAT, pretty
from withness.audit.proofs import check_consistency, consistency, root_at
from withness.audit.record import Kind, Leaf, details_of
from withness.audit.words import are, many, were
from withness.desk.acts import broken
from withness.desk.anchors import Anchor, acknowledgement
from withness.desk.checkpoints import present
from withness.desk.export_forms import hashes
from withness.desk.exporting import new_file
from withness.desk.log_keys import ROTATED, rotation_fault
from withness.errors import InvalidInput, TrailDamaged
from withness.files import read_regular, replace_file
from withness.store.sql import Store
from withness.store.transaction import Transaction

FORMAT: Final = "withness-reviewer/1"
_MEMBERS: Final = {"format", "vkey", "checkpoint"}
_STATE: Final = "--state"


@dataclass(frozen=True)
class Seen:
    """What a reviewer keeps: the log's key as they know it, and the last signed checkpoint."""

    vkey: str
    note: str


@dataclass(frozen=True)
class Synced:
    """What a reviewer has now: the checkpoint, the key that signed it, and the one from before, None at first."""

    latest: Checkpoint
    vkey: str
    earlier: Checkpoint | None
    rotated: bool
    loss: str = ""
    """What two people acknowledged as lost since, as a sentence; `kept` is then where the earlier file lies."""
    kept: Path | None = None

    @property
    def line(self) -> str:
        """The line that two people compare: size, and the first 16 digits of the root."""
        return f"{self.latest.size} {self.latest.root.hex()[:16]}"


def sync(store: Store, state: Path, *, vkey: str | None = None, proof_out: Path | None = None) -> Synced:
    """Take the log's present checkpoint, if it goes on from the one in `state`, and keep it there.

    `vkey` pins the log's key; without it the first use pins the present one, and each next use goes by what is pinned.
    `proof_out`: a new file for the consistency proof. A log that goes on after a loss which two people signed for is
    taken, the loss is told, and the file from before is kept beside. Raises TrailDamaged when the log is not the one
    that was seen (`state` stays as it was), InvalidInput for a file that cannot be used, CannotTell.
    """
    seen = _read(state)
    with store.transaction() as tx:
        earlier = _earlier(seen) if seen else None
        loss = _loss(tx, earlier) if earlier is not None else None
        if earlier is not None:
            _hold(tx, earlier, lost=loss is not None)
        note = present(store, tx)
        key = _key(store, tx, vkey if vkey is not None else (seen.vkey if seen else None), restored=loss is not None)
        latest = checkpoint.verify(note, [key])
        path = _path(tx, earlier, latest) if earlier is not None and loss is None else ()
    if proof_out is not None and loss is not None:
        raise InvalidInput("There is no proof that leads over a loss.", field="--consistency-out")
    if proof_out is not None and seen is not None:
        said = {"format": CONSISTENCY_FORMAT, "from": seen.note, "to": note, "proof": hashes(path)}
        with new_file(proof_out, "--consistency-out") as file:
            file.write(pretty(said))
    rotated = seen is not None and vkey is None and seen.vkey != key
    kept = state.with_name(f"{state.name}.before-record-{loss.seq}") if loss is not None else None
    if kept is not None and seen is not None:
        _write(kept, seen)
    _write(state, Seen(key, note))
    return Synced(latest, key, earlier, rotated, _told(earlier, loss) if earlier and loss else "", kept)


def _loss(tx: Transaction, earlier: Checkpoint) -> Leaf | None:
    """Return the record with which the log goes on after a loss that two people signed for, None where it does not.

    It began the present segment, after the one that was seen; `broken` has held every such record against its act.
    """
    segment, head = earlier.origin.rpartition("/")[2], tx.head()
    if head is None or not segment.isdecimal() or head.segment <= int(segment) or broken(tx):
        return None
    if acknowledged(tx, head) is None:
        return None
    seen = next((one for one in tx.heads() if one.segment == int(segment)), None)
    gone = seen is None or seen.size < earlier.size
    if gone and acknowledgement(tx, Anchor(int(segment), earlier)) is None:
        return None
    return tx.leaf(head.first_seq)


def _told(earlier: Checkpoint, loss: Leaf) -> str:
    """Say what was lost, and how much of it the reviewer had seen."""
    said = details_of(loss)
    segment = int(earlier.origin.rpartition("/")[2])
    left = next((one["size"] for one in said.get("have", ()) if one["segment"] == segment), earlier.size)
    seen = max(0, earlier.size - left)
    return (
        f"Two people acknowledged on {loss.recorded_at[:10]} (record {loss.seq}: {loss.actor} and {loss.second_actor}) "
        f"that an older copy was restored; of the {many(earlier.size)} that you saw, {seen} {are(seen)} lost."
    )


def _earlier(seen: Seen) -> Checkpoint:
    try:
        return checkpoint.verify(seen.note, [seen.vkey])
    except ValueError as error:
        raise InvalidInput(f"{_STATE} does not hold what was kept there: {error}", field=_STATE) from None


def _hold(tx: Transaction, earlier: Checkpoint, *, lost: bool = False) -> None:
    """Raise TrailDamaged unless the log still has the tree that the reviewer saw; `lost`: or its end was signed for."""
    data_id = tx.facts().get("data_id", "")
    base, _, segment = earlier.origin.rpartition("/")
    if base != checkpoint.key_name(data_id) or not segment.isdecimal():
        raise TrailDamaged("This is another log than the one that was seen.", hint="Name its own file with --state.")
    head = next((one for one in tx.heads() if one.segment == int(segment)), None)
    size = head.size if head is not None else 0
    if size < earlier.size and lost:
        return
    if size < earlier.size:
        raise _refused(
            f"The log has {many(size)} (root {head.root.hex() if head else 'none'}), and "
            f"{earlier.size} (root {earlier.root.hex()}) {were(earlier.size)} seen: "
            "records were cut off, or an older copy was put back."
        )
    try:
        now = root_at(tx.nodes(int(segment)), earlier.size)
    except ValueError as error:
        raise _refused(f"The log cannot show what was seen: {error}.") from None
    if now != earlier.root:
        raise _refused(
            f"The first {earlier.size} records have the root {now.hex()}, and {earlier.root.hex()} was seen: "
            "the log was rewritten, or there are two."
        )


def _path(tx: Transaction, earlier: Checkpoint, latest: Checkpoint) -> tuple[bytes, ...]:
    if latest.origin != earlier.origin:
        raise _refused("The log was found damaged since: it goes on in a new segment, and what was seen has ended.")
    try:
        path = consistency(tx.nodes(int(latest.origin.rpartition("/")[2])), earlier.size, latest.size)
    except ValueError as error:
        raise _refused(f"The log cannot prove that it goes on from what was seen: {error}.") from None
    if not check_consistency(earlier.size, latest.size, earlier.root, latest.root, path):
        raise _refused(
            f"The log of {many(latest.size)} (root {latest.root.hex()}) does not go on from that of {earlier.size} "
            f"(root {earlier.root.hex()}) which was seen."
        )
    return path


def _refused(said: str) -> TrailDamaged:
    return TrailDamaged(said, hint="Keep your file and this data directory as they are, and tell compliance.")


def _key(store: Store, tx: Transaction, pinned: str | None, *, restored: bool = False) -> str:
    """Return the present key: the pinned one, or one that leads there by rotations which the old key signed."""
    publisher = store.publisher
    assert publisher is not None  # noqa: S101  `present` has seen it
    now = publisher.key.vkey
    if pinned is None or pinned == now:
        return now
    try:
        checkpoint.read_vkey(pinned)
    except ValueError as error:
        raise InvalidInput(f"--vkey is not the log's key: {error}", field="--vkey") from None
    if now in _next_keys(tx, pinned):
        return now
    if restored:
        raise TrailDamaged(
            f"An older copy was restored, and the log signs with the key of that time, not with the pinned one: {now}",
            hint="If compliance confirms that two people signed for that copy, pin its key: --vkey KEY",
        )
    raise TrailDamaged(
        f"The log signs with another key than the pinned one: {now}",
        hint="If compliance confirms that the old key was lost, pin the new one: --vkey KEY",
    )


def _next_keys(tx: Transaction, key: str) -> Iterator[str]:
    data_id = tx.facts().get("data_id", "")
    for leaf in tx.leaves_of(Kind.KEY_ROTATED):
        if leaf.outcome == ROTATED and rotation_fault(leaf, data_id, key) is None:
            key = str(json.loads(leaf.body)["details"]["new"])
            yield key


def _read(path: Path) -> Seen | None:
    try:
        found = strict_json.parse(read_regular(path, strict_json.MAX_BYTES + 1), name=path.name)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", field=_STATE) from None
    except InvalidInput as error:
        raise InvalidInput(f"{_STATE} does not hold what was kept there: {error.message}", field=_STATE) from None
    texts = all(type(one) is str for one in found.values())
    if found.keys() != _MEMBERS or not texts or found["format"] != FORMAT:
        raise InvalidInput(f"{path} is not a reviewer's file.", field=_STATE, hint="Name another with --state.")
    return Seen(found["vkey"], found["checkpoint"])


def _write(path: Path, seen: Seen) -> None:
    """Put the file in its place, whole or not at all, and durably; a temporary file is its owner's alone too."""
    said = json.dumps({"format": FORMAT, "vkey": seen.vkey, "checkpoint": seen.note}, indent=2) + "\n"
    try:
        replace_file(path, said)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.", field=_STATE) from None
