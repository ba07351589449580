"""The log's present checkpoint, signed and published."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from withness.errors import CannotTell, InvalidInput, TrailDamaged
from withness.store.sql import Store
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Published:
    """A checkpoint that was made: its note, and why it could not be published where `trouble` says so."""

    note: str
    segment: int
    size: int
    root: str
    vkey: str
    folder: str
    trouble: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as a JSON-ready mapping."""
        return asdict(self)


def present(store: Store, tx: Transaction) -> str:
    """Return the newest segment's signed checkpoint as it stands in this transaction.

    Raises CannotTell without the log key, TrailDamaged where the log is not the one that was published: nothing is
    signed that contradicts what was signed before, InvalidInput for a log without records.
    """
    if store.publisher is None:
        raise CannotTell("The log key is not at hand, so nothing can be signed.", field="WITHNESS_KEY_FILE")
    head = tx.head()
    if head is None:
        raise InvalidInput("The log holds no record yet.", field="WITHNESS_HOME")
    wrong = tx.anchor_damage(prove=True)
    if wrong:
        raise TrailDamaged(f"No checkpoint is signed: {wrong}.", hint="Run: withness audit verify")
    return store.publisher.note(head)


def publish(store: Store) -> Published:
    """Sign the newest segment's checkpoint and publish it. Raises what `present` raises."""
    with store.transaction() as tx:
        note, head = present(store, tx), tx.head()
    publisher = store.publisher
    assert publisher is not None and head is not None  # noqa: S101, PT018  `present` has seen both
    publisher.publish(head)
    folder = str(publisher.folder.path)
    return Published(note, head.segment, head.size, head.root.hex(), publisher.key.vkey, folder, publisher.trouble)
