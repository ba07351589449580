"""The log's present checkpoint, signed and published."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from withness.audit.publishing import Publisher
from withness.desk.log_keys import vkeys
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

    Raises what `publisher_of` raises, TrailDamaged where the log is not the one that was published: nothing is signed
    that contradicts what was signed before, InvalidInput for a log without records.
    """
    publisher, head = publisher_of(store, tx), tx.head()
    if head is None:
        raise InvalidInput("The log holds no record yet.", field="WITHNESS_HOME")
    wrong = tx.anchor_damage(prove=True)
    if wrong:
        hint = "Run: withness audit verify. For an inquiry, keep the data directory as it is, and earlier exports."
        raise TrailDamaged(f"No checkpoint is signed: {wrong}.", hint=hint)
    known = vkeys(tx)
    if known and known[-1] != publisher.key.vkey:
        said = "The log key is not the one that the trail names, so nothing is signed with it."
        raise CannotTell(said, field="WITHNESS_KEY_FILE", hint="Put the present log key back from its backup.")
    return publisher.note(head)


def publisher_of(store: Store, tx: Transaction) -> Publisher:
    """Return what signs and publishes. Raises CannotTell without the log key, or with unreadable checkpoints."""
    if store.publisher is None:
        raise CannotTell("The log key is not at hand, so nothing can be signed.", field="WITHNESS_KEY_FILE")
    require_readable_anchors(tx)
    return store.publisher


def require_readable_anchors(tx: Transaction) -> None:
    """Raise CannotTell where published checkpoints cannot be read: that is no damage, and nobody can tell."""
    why = tx.anchors_unreadable()
    if why is not None:
        said = f"{why[:1].upper()}{why[1:]}, so nobody can tell whether the log is the one that was published."
        raise CannotTell(said, field="WITHNESS_CHECKPOINT_FOLDER", hint="Put that folder right; nothing else is lost.")


def publish(store: Store, *, take_over: bool = False) -> Published:
    """Sign the newest segment's checkpoint and publish it; with `take_over` in the place of another copy's.

    Raises what `present` raises.
    """
    with store.transaction() as tx:
        note, head = present(store, tx), tx.head()
    publisher = store.publisher
    assert publisher is not None and head is not None  # noqa: S101, PT018  `present` has seen both
    if take_over:
        try:
            publisher.folder.take_over()
        except OSError as error:
            raise CannotTell(f"The folder cannot be taken over: {error.strerror}.", field="--take-over") from None
    publisher.publish(head)
    folder = str(publisher.folder.path)
    return Published(note, head.segment, head.size, head.root.hex(), publisher.key.vkey, folder, publisher.trouble)
