"""Which data directory this is, and its data key, when its database may have been edited: notes go on (I7).

The database says it twice, in its table of facts and in its first record; beside it a mark says the directory's id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from withness.audit.log_key import read_log_key
from withness.errors import CannotTell, InvalidInput, KeyMissing, WithnessError
from withness.seal import Seal, read_key
from withness.store.facts import DATA_ID
from withness.store.sql import Store


@dataclass(frozen=True)
class Named:
    """What a database says of its directory: ids and keys' fingerprints, the most believed first."""

    facts: Mapping[str, str]
    ids: tuple[str, ...]
    keys: tuple[str, ...]


def named(store: Store, mark: str) -> Named | None:
    """Return what a database says of its directory, None where it says nothing. Raises CannotTell."""
    with store.transaction() as tx:
        if not tx.has_table("meta"):
            return None
        facts, stored = tx.facts(), tx.stored_facts()
    believed = (facts.get("data_id"), stored.get("data_id"), mark)
    ids = tuple(dict.fromkeys(str(one) for one in believed if _is_name(one)))
    keys = tuple(dict.fromkeys(str(one) for one in (facts.get("key"), stored.get("key")) if isinstance(one, str)))
    # A database that names neither, of a directory that was used, was emptied: what is sealed in it proves the key.
    return Named({**facts, "data_id": ids[0]}, ids, keys) if ids and (keys or mark) else None


def _is_name(value: object) -> bool:
    """Whether this names a file, and nothing beyond its folder."""
    return isinstance(value, str) and DATA_ID.fullmatch(value) is not None


def open_key(found: Named, place: Callable[[str], Path], opens: Callable[[Seal], bool]) -> Seal:
    """Return the data key of a directory: the file at one of its places that has a fingerprint named, or that opens.

    Raises what reading the most believed place raises, InvalidInput for another directory's key.
    """
    troubles: list[WithnessError] = []
    for path in dict.fromkeys(place(one) for one in found.ids):
        try:
            seal = read_key(path)
        except (KeyMissing, InvalidInput) as error:
            troubles.append(error)
            continue
        if seal.fingerprint in found.keys or opens(seal):
            return seal
        troubles.append(_anothers())
    raise troubles[0] if troubles else _anothers()


def _anothers() -> InvalidInput:
    return InvalidInput(
        "The key file belongs to another data directory.",
        field="WITHNESS_KEY_FILE",
        hint="Point WITHNESS_KEY_FILE at this directory's own key.",
    )


def id_of(found: Named, place: Callable[[str], Path]) -> str:
    """Return the directory's id: the one whose log key is there, else the most believed."""
    return next((one for one in found.ids if _fits(place(one), one)), found.ids[0])


def _fits(path: Path, data_id: str) -> bool:
    try:
        read_log_key(path, data_id)
    except (KeyMissing, InvalidInput):
        return False
    return True


def opens_with(store: Callable[[Seal], Store]) -> Callable[[Seal], bool]:
    """Return what tells whether a key opens anything that is sealed in a database."""

    def opens(seal: Seal) -> bool:
        opened = store(seal)
        try:
            with opened.transaction() as tx:
                return tx.proves_key()
        except CannotTell:
            return False
        finally:
            opened.close()

    return opens
