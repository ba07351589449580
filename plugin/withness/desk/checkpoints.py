"""The log's present checkpoint, signed and published."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from withness.audit import checkpoint, log
from withness.audit.log import Head
from withness.audit.proofs import fits
from withness.audit.publishing import Publisher
from withness.audit.words import many
from withness.desk.acts import forged
from withness.desk.context import Actor
from withness.desk.damaged import damaged
from withness.desk.doubt import cannot_tell, require_own, sentence_of
from withness.desk.log_keys import record_take_over, vkeys
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
    taken_over: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as a JSON-ready mapping."""
        return asdict(self)


def present(store: Store, tx: Transaction, *, begin: bool = False) -> str:
    """Return the newest segment's signed checkpoint as it stands in this transaction.

    With `begin` what was published before may be there no more, or be another copy's. Raises what `publisher_of`
    raises, CannotTell in a copy of the directory that publishes, TrailDamaged where the log is not the one that was
    published: nothing is signed that contradicts what was signed before, or will be; InvalidInput for a log without
    records.
    """
    publisher, head = publisher_of(store, tx, begin=begin), tx.head()
    if not begin:
        require_own(publisher)
    if head is None:
        raise InvalidInput("The log holds no record yet.", field="WITHNESS_HOME")
    wrong = tx.anchor_damage(prove=True)
    if wrong:
        hint = "Run: withness audit verify. For an inquiry, keep the data directory as it is, and earlier exports."
        raise TrailDamaged(f"No checkpoint is signed: {wrong}.", hint=hint)
    if forged(tx):
        raise damaged(_FORGED)
    known = vkeys(tx)
    if known and known[-1] != publisher.key.vkey:
        said = "The log key is not the one that the trail names, so nothing is signed with it."
        raise CannotTell(said, field="WITHNESS_KEY_FILE", hint="Put the present log key back from its backup.")
    return signed(publisher, tx, head)


def publisher_of(store: Store, tx: Transaction, *, begin: bool = False, unsound: bool = False) -> Publisher:
    """Return what signs and publishes. Raises CannotTell without the log key, or without what was published before.

    With `begin` the latter may be there no more; with `unsound` it may not where the log is damaged, which is raised
    as TrailDamaged otherwise: a segment of which nothing is published may be one that somebody made up.
    """
    if store.publisher is None:
        raise CannotTell("The log key is not at hand, so nothing can be signed.", field="WITHNESS_KEY_FILE")
    doubt = tx.doubt()
    if doubt is None or (begin and doubt.gone):
        return store.publisher
    wrong = _made_up(tx, doubt)
    if not wrong:
        raise cannot_tell(doubt)
    if not unsound:
        raise damaged(wrong)
    return store.publisher


def unpublished(tx: Transaction) -> tuple[str, ...]:
    """Return a sentence, and what to do, where the log cannot be held against what was published; else none.

    What to do where the log is damaged as well is said with the damage.
    """
    doubt = tx.doubt()
    if doubt is None:
        return ()
    return (sentence_of(doubt),) if _made_up(tx, doubt) else (f"{sentence_of(doubt)} {doubt.hint}",)


def _made_up(tx: Transaction, doubt: log.Doubt) -> str:
    """Return what is wrong with a log of which only some segments are published, "" where it bears itself out.

    Where nothing is published at all it is the folder that is away.
    """
    if not doubt.gone or tx.newest_published() < 0:
        return ""
    wrong = tx.anchor_damage(prove=True) or (_FORGED if tx.opens and forged(tx) else "")
    return wrong or next((_not_its_tree(one) for one in tx.heads() if not _borne_out(tx, one)), "")


_FORGED: Final = "it goes on after a loss that nobody signed for"


def _not_its_tree(head: Head) -> str:
    return f"what stands as the state of segment {head.segment} is not the tree of its records"


def _borne_out(tx: Transaction, head: Head) -> bool:
    """Whether a segment's head is the tree of its records; its row may say anything."""
    return head.size > 0 and fits(tx.nodes(head.segment), head.size, head.root)


def signed(publisher: Publisher, tx: Transaction, head: Head) -> str:
    """Return the signed checkpoint of a segment. Raises TrailDamaged for a head that is not the tree of its records."""
    if not _borne_out(tx, head):
        raise damaged(_not_its_tree(head))
    return publisher.note(head)


def publish(store: Store, actor: Actor, at: datetime, *, take_over: bool = False) -> Published:
    """Sign the newest segment's checkpoint and publish it.

    With `take_over`, which is recorded, in the place of another copy's, or into a folder that is begun anew; where
    this directory publishes already nothing is taken over. Raises what `present` raises.
    """
    taken = take_over and not publishes_here(store)
    if taken:
        _take_over(store, actor, at)
    with store.transaction() as tx:  # nobody publishes a longer one meanwhile
        note, head, publisher = present(store, tx), tx.head(), store.publisher
        assert publisher is not None and head is not None  # noqa: S101, PT018  `present` has seen both
        publisher.publish(head)
    folder = str(publisher.folder.path)
    state = (note, head.segment, head.size, head.root.hex(), publisher.key.vkey, folder, publisher.trouble)
    return Published(*state, taken_over=taken)


def publishes_here(store: Store) -> bool:
    """Whether this directory publishes into its folder already, so that there is nothing to take over."""
    if store.publisher is None:
        return False
    with store.transaction() as tx:
        if tx.doubt() is not None:
            return False
    return store.publisher.folder.mine()


def of_another(store: Store) -> str:
    """Say whose records lie in the folder of checkpoints where another copy publishes there, "" where none does.

    Raises CannotTell where nobody can tell.
    """
    publisher = store.publisher
    if publisher is None:
        return ""
    folder = publisher.folder
    try:
        other, notes = folder.other(), folder.read()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise CannotTell(f"Whose folder of checkpoints it is cannot be read: {why}.", field="--take-over") from None
    if not other:
        return ""
    said = ", ".join(f"segment {one} with {_size(note)}" for one, note in notes.items()) or "nothing yet"
    return (
        f"Another copy of this data directory, {other}, publishes into {folder.path} (there: {said}). "
        "Once this one does, that one publishes no more, and lets no plan through."
    )


def _size(note: str) -> str:
    try:
        return many(checkpoint.read(note).checkpoint.size)
    except ValueError:
        return "a number of records that cannot be read"


def _take_over(store: Store, actor: Actor, at: datetime) -> None:
    """Record that this directory publishes into its folder from now on, then begin there what is not there."""
    with store.transaction() as tx:
        record_take_over(tx, actor, at)  # a log that was emptied has a record to begin with
        present(store, tx, begin=True)
        heads = [one for one in tx.heads() if _borne_out(tx, one)]
    publisher = store.publisher
    assert publisher is not None  # noqa: S101  `present` has seen it
    try:
        publisher.folder.take_over()
        there = publisher.folder.read()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise CannotTell(f"The folder cannot be taken over: {why}.", field="--take-over") from None
    for head in heads:
        if head.segment not in there:
            publisher.publish(head, begin=True)
