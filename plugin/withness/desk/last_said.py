"""What the trail said last of what waits to be sent: asked before it goes, so that an old row put back goes nowhere.

A sealed row opens wherever and whenever it is put back; that it is not where its last record has it tells it apart.
The trail is read from its end, and each record's bytes are held against its hash, and the hash against the tree, on
the way: the newest word about what waits is mostly among the last ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from withness.audit.log import Head
from withness.audit.merkle import Frontier, leaf_hash
from withness.audit.record import Kind, Leaf, details_of
from withness.audit.tiles import WIDTH, root_of_hashes
from withness.errors import TrailDamaged
from withness.store.rows import Delivery, OutboxRow, Sending
from withness.store.transaction import Transaction

_FIRST_PAGE: Final = 32
_PAGE: Final = 1000
"""Records that are read at a time: a few at first, for that is mostly enough."""


def only_stops(row: OutboxRow) -> bool:
    """Whether a row lets nothing through, and so is sent whatever the trail says of it.

    That is a directive, and a change that makes nothing active.
    """
    return row.kind in (Sending.DIRECTIVE, Sending.CHANGE) and not makes_active(row)


def makes_active(row: OutboxRow) -> bool:
    """Whether a change makes a share of a plan active."""
    return any(one["how"] == "active" for one in row.content.get("changes", ()))


def stands(tx: Transaction, row: OutboxRow) -> bool:
    """Whether an open row is where the trail's last record about it has it.

    Of a plan, and of a change that makes one active, the trail must say so; everything else goes on while the trail
    cannot be read, and waits for none (contracts I7). Raises TrailDamaged for such a plan or change alone.
    """
    if only_stops(row):
        return True
    strict = row.kind in (Sending.PLAN, Sending.CHANGE)
    try:
        said = last_states(tx, [row.decision_id]).get(row.decision_id)
    except TrailDamaged:
        if strict:
            raise
        return True
    return said == row.state or (said is None and not strict)


def last_states(tx: Transaction, ids: Iterable[str]) -> dict[str, str]:
    """Return the last recorded state of each of these outbox rows; of one that no record names, nothing.

    Raises TrailDamaged where a record on the way is missing, or is not as it was written.
    """
    return _last(tx, ids, "decision", state_said)


def last_plan_states(tx: Transaction, ids: Iterable[str]) -> dict[str, str]:
    """Return the last recorded state of each of these plans, as `last_states` does."""
    return _last(tx, ids, "plan", plan_said)


def _last(
    tx: Transaction, ids: Iterable[str], key: str, read: Callable[[Leaf, Mapping[str, Any]], tuple[str, str] | None]
) -> dict[str, str]:
    found: dict[str, str] = {}
    wanted = {id: id.encode() for id in ids}
    for leaf in _from_the_end(tx) if wanted else ():
        for id in [one for one, name in wanted.items() if name in leaf.body]:
            details = details_of(leaf)
            said = read(leaf, details) if details.get(key) == id else None
            if said is not None:
                found[id] = said[1]
                del wanted[id]
        if not wanted:
            break
    return found


def state_said(leaf: Leaf, details: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the outbox row that a record is about and the state that it says of it, None for another record.

    Raises KeyError for a record that names a state, and not of what.
    """
    if "state" in details:
        return details["decision"], details["state"]
    if leaf.kind == Kind.PLAN_APPROVED:
        return details["decision"], Delivery.WAITING.value
    return None


def plan_said(leaf: Leaf, details: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the plan that a record is about and the state that it says of it, None for another record.

    Raises KeyError for a record that names a state, and not of what.
    """
    said: str | None = None
    match leaf.kind:
        case Kind.PLAN_APPROVED:
            said = "approved"
        case Kind.PLAN_HELD if "state" not in details:
            said = "held"
        case Kind.PLAN_HELD | Kind.PLAN_CONFIRMED if details["state"] in ("withheld", "delivered"):
            said = details["state"]
        case _:
            pass
    said = details.get("plan_state", said)
    return (details["plan"], said) if said is not None else None


def rests_on_undone(tx: Transaction, row: OutboxRow) -> bool:
    """Whether what is known of a plan or document may still be undone: others share this transaction's COMMIT.

    To be asked before anything is appended here. What concerns neither these people, nor this plan, nor everybody
    changes nothing.
    """
    durable, last = tx.durable_end(), tx.last()
    if durable is None or last is None or last.seq == durable:
        return False
    people = set(_people(row))
    return any(_concerns(leaf, people, row) for leaf in tx.leaves_between(durable + 1, last.seq + 1))


def _people(row: OutboxRow) -> Iterator[str]:
    if "person" in row.content:
        yield row.content["person"]
    for one in row.content.get("screens", {}).values():
        yield from one["people"]


def _concerns(leaf: Leaf, people: set[str], row: OutboxRow) -> bool:
    if leaf.patient is not None and leaf.kind != Kind.ACTOR_CHANGED:
        return leaf.patient in people
    named = details_of(leaf).get("plan")
    return named is None or named in (row.plan_id, row.content.get("amends"), row.content.get("plan"))


def _from_the_end(tx: Transaction) -> Iterator[Leaf]:
    """Yield every record from the newest back. Raises TrailDamaged for one that is not what the tree was grown from."""
    last, heads = tx.last(), {head.segment: head for head in tx.heads()}
    end, page = (last.seq + 1 if last else 0), _FIRST_PAGE
    fits: dict[tuple[int, int], bool] = {}
    while end > 0:
        first = max(0, end - page)
        leaves = tx.leaves_between(first, end)
        if len(leaves) != end - first:
            raise _damaged()
        for leaf in reversed(leaves):
            head = heads.get(leaf.segment)
            if head is None or leaf.leaf_hash != leaf_hash(leaf.body):
                raise _damaged()
            tile = (leaf.segment, (leaf.seq - head.first_seq) // WIDTH)
            if tile not in fits:
                fits[tile] = _fits(tx, head, tile[1])
            if not fits[tile]:
                raise _damaged()
            yield leaf
        end, page = first, _PAGE


def _fits(tx: Transaction, head: Head, tile: int) -> bool:
    """Whether the leaf hashes in one tile's place are those that the tree was grown from."""
    nodes, first = tx.nodes(head.segment), tile * WIDTH
    try:
        if first + WIDTH <= head.size:
            hashes = b"".join(nodes.leaf_hashes(first, first + WIDTH))
            return root_of_hashes(hashes) == nodes.tile_roots(0, tile, tile + 1)[0]
        rest, peaks = Frontier(), head.frontier().peaks
        for one in nodes.leaf_hashes(first, head.size):
            rest = rest.append(one)
        return rest.peaks == peaks[len(peaks) - len(rest.peaks) :]
    except ValueError:
        return False


def _damaged() -> TrailDamaged:
    said = "The audit trail cannot say what became of this, so it is not sent."
    return TrailDamaged(said, hint="Run: withness audit verify")
