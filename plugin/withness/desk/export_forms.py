"""The forms in which the trail leaves the house: NDJSON that proves itself, and CSV for a spreadsheet.

NDJSON, one line each (canonical JSON, RFC 8785), first a header and then its records; a second segment has a header
of its own:

    {"checkpoint":"<signed note>","data_id":"<uuid>","first":0,"first_seq":0,"format":"withness-audit-export/1",
     "left":[],"records":2,"right":["<base64>"],"segment":0,"vkey":"<name+id+key>"}
    {"hash":"<leaf hash>","index":0,"record":"<the record's text, letter for letter>"}
    {"hash":"<leaf hash>","index":1,"pruned":true}

Of a damaged trail a mark comes first; what no published checkpoint covers comes last, with a header of its own:

    {"at":"<instant>","data_id":"<uuid>","finding":"<what is wrong>","format":"withness-audit-damaged/1","vkey":"<…>"}
    {"first":40,"format":"withness-audit-rest/1","records":2}
    {"hash":"<leaf hash>","record":"<text>","seq":40}
    {"missing":true,"seq":41}
    {"missing":true,"seq":43,"to":999999999999}

A run of missing records is one line, whose `to` is the last of them. A number that canonical JSON does not write
(beyond 2**53 - 1, which only a forger reaches) is text: "seq":"9223372036854775806".
"""

from __future__ import annotations

import base64
import csv
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import IO, Any, Final

from withness.audit.offline_verifier import DAMAGED_FORMAT, EXPORT_FORMAT, REST_FORMAT
from withness.audit.pruned import stored_damage
from withness.audit.record import Leaf, canonical, instant
from withness.desk.stretch import Gap, Held, Part, Read, Stretch, Write, in_json
from withness.errors import TrailDamaged
from withness.seal import Seal

COLUMNS: Final = (
    "seq",
    "segment",
    "recorded_at",
    "kind",
    "outcome",
    "reason_code",
    "patient",
    "actor",
    "second_actor",
    "policy_hash",
    "request_id",
)
"""Columns of the CSV: those by which records are searched."""

DAMAGED: Final = "TRAIL-DAMAGED"
"""The kind of rows that are no records, in a CSV from a damaged trail; their outcome is what was found.

One stands first, of the trail; one before each record whose columns do not say what its bytes say, and one in the place
of each run of records that are missing.
"""

_NAMES: Final = ("patient", "actor", "second_actor")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula, or strips before it looks."""


def ndjson(stretch: Stretch, read: Read, file: IO[str]) -> Held:
    """Write the export that proves itself. Raises TrailDamaged for a record whose bytes are no text.

    Of a trail that is known to be damaged it is marked, and holds such bytes in base64.
    """
    known, held = bool(stretch.finding), Held()
    if stretch.told:
        _line(file, {**_mark(stretch), "at": instant(stretch.at), "data_id": stretch.data_id, "vkey": stretch.vkey})
    for part in stretch.parts:
        _line(file, _header(stretch, part))
        for one in read(*part.span):
            _line(file, _said(one, "index", part.head.first_seq, held, known=known))
    for rest in stretch.rest:
        records = in_json(rest.last - rest.first)
        _line(file, {"format": REST_FORMAT, "first": in_json(rest.first), "records": records})
        for one in read(rest.first, rest.last):
            _line(file, _said(one, "seq", 0, held, known=known))
    return held


def _mark(stretch: Stretch) -> dict[str, Any]:
    return {"format": DAMAGED_FORMAT, "finding": stretch.told}


def _said(one: Leaf | Gap, place: str, start: int, held: Held, *, known: bool) -> dict[str, Any]:
    """Return a line, its `place` counted from `start`, and count its record in what is `held`."""
    if isinstance(one, Gap):
        run = {} if one.first == one.last else {"to": in_json(one.last - start)}
        return {place: in_json(one.first - start), "missing": True, **run}
    held.add(one.seq)
    return {place: in_json(one.seq - start), **_content(one, known=known)}


def _content(leaf: Leaf, *, known: bool) -> dict[str, Any]:
    """Return what a record's line says beside its place; what is no record only where damage is `known`."""
    hashed = leaf.leaf_hash.hex() if isinstance(leaf.leaf_hash, bytes) else ""
    if leaf.body == b"":
        return {"hash": hashed, "pruned": True}
    try:
        return {"hash": hashed, "record": text_of(leaf)}
    except TrailDamaged:
        if not known:
            raise
        content = leaf.body if isinstance(leaf.body, bytes) else str(leaf.body).encode("utf-8", "backslashreplace")
        return {"hash": hashed, "bytes": base64.b64encode(content).decode("ascii")}


def _header(stretch: Stretch, part: Part) -> dict[str, Any]:
    return {
        "format": EXPORT_FORMAT,
        "data_id": stretch.data_id,
        "segment": part.head.segment,
        "first_seq": part.head.first_seq,
        "first": part.first,
        "records": part.records,
        "left": hashes(part.left),
        "right": hashes(part.right),
        "checkpoint": part.note,
        "vkey": stretch.vkey,
    }


def text_of(leaf: Leaf) -> str:
    """Return a record's bytes as text. Raises TrailDamaged where they are none."""
    try:
        return leaf.body.decode("utf-8")
    except (UnicodeDecodeError, AttributeError):
        said = f"Record {leaf.seq} is no text, so it cannot be exported."
        raise TrailDamaged(said, hint="Run: withness audit verify") from None


def hashes(nodes: Iterable[bytes]) -> list[str]:
    """Return hashes in base64, as proofs hold them."""
    return [base64.b64encode(node).decode("ascii") for node in nodes]


def _line(file: IO[str], value: dict[str, Any]) -> None:
    file.write(canonical(value).decode("utf-8") + "\n")


def named_csv(stretch: Stretch, read: Read, file: IO[str]) -> Held:
    """Write the search columns with the references of patients and actors."""
    return _csv(stretch, read, file, lambda name: name)


def pseudonymous_csv(seal: Seal) -> Write:
    """Return what writes the search columns with a pseudonym in the place of each patient and actor."""

    def write(stretch: Stretch, read: Read, file: IO[str]) -> Held:
        return _csv(stretch, read, file, lambda name: _pseudonym(seal, name))

    return write


def _pseudonym(seal: Seal, name: str) -> str:
    """Return a pseudonym that tells what kind of party it is, and the same for one party in each column."""
    kind = name.partition("/")[0] if "/" in name else "Somebody"
    return f"{kind}-{seal.pseudonym(name)}"


def _csv(stretch: Stretch, read: Read, file: IO[str], named: Any) -> Held:
    rows, held = csv.writer(file), Held()  # RFC 4180: CRLF, quotes doubled
    rows.writerow(COLUMNS)
    mark = {"recorded_at": instant(stretch.at), "kind": DAMAGED, "outcome": stretch.told}
    found = chain.from_iterable(read(*span) for span in stretch.spans)
    told = chain.from_iterable(_rows(one, held, known=bool(stretch.finding)) for one in found)
    for row in chain([mark] if stretch.told else [], told):
        rows.writerow([_cell(column, row.get(column), named) for column in COLUMNS])
    return held


def _rows(one: Leaf | Gap, held: Held, *, known: bool) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a record, none of a pruned one, and where damage is `known` what is wrong before them."""
    if isinstance(one, Gap):
        yield {"seq": one.first, "kind": DAMAGED, "outcome": one.said}
        return
    held.add(one.seq)
    if not one.body:
        return
    wrong = stored_damage(one) if known else None
    if wrong:
        yield {"seq": one.seq, "segment": one.segment, "kind": DAMAGED, "outcome": f"the next row: {wrong}"}
    yield vars(one)


def _cell(column: str, value: Any, named: Any) -> str:
    name = column in _NAMES and isinstance(value, str)  # whatever somebody wrote there
    text = "" if value is None else str(named(value) if name else value)
    return f"'{text}" if text.startswith(_FORMULA) else text
