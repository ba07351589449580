#!/usr/bin/env python3
"""Check an export of a Withness audit trail, or the proof of one record, without Withness.

One file, Python 3.9 or later and nothing else; the package `cryptography` only for the signatures. Copy it where you
like and read it first: it is short so that you can.

    python offline_verifier.py export.ndjson --vkey KEY --checkpoint kept-by-me.checkpoint
    python offline_verifier.py --proof record-17.json --vkey KEY

KEY is the log's verifier key (name+id+key) as somebody told you whom you trust: on paper, by phone, from an earlier
visit. The one inside the export only says which key to ask about. A log whose key was changed has several: give --vkey
several times, older keys too.

What is checked: every record's bytes are canonical JSON (RFC 8785) and fit their hash, none is missing, the tree over
them (RFC 6962) has the root that the signed checkpoint (C2SP) states, and each checkpoint that you kept is one of the
same log's. Exit 0: all holds. 4: damaged, and the first thing that does not hold is named. 7: cannot tell: no key or
another one, a file that ends early. 2: what was given is not what was asked for, or the command was called wrongly.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import errno
import hashlib
import json
import math
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO, Final

WHOLE: Final = 0
USAGE: Final = 2
DAMAGED: Final = 4
CANNOT_TELL: Final = 7

EXPORT_FORMAT: Final = "withness-audit-export/1"
PROOF_FORMAT: Final = "withness-audit-proof/1"
CONSISTENCY_FORMAT: Final = "withness-audit-consistency/1"
DAMAGED_FORMAT: Final = "withness-audit-damaged/1"
"""Of the first line of an export from a trail that was damaged: it says what was found."""
REST_FORMAT: Final = "withness-audit-rest/1"
"""Of the header of records in such an export that no checkpoint covers."""
MOST_BYTES: Final = 4_000_000
"""Of one line, one proof or one checkpoint."""


class Damaged(Exception):
    """Something does not hold: `what` says so in a sentence's end, `kind` in one word, `record` names it by number."""

    def __init__(self, kind: str, what: str, record: int | None = None) -> None:
        super().__init__(what)
        self.kind = kind
        self.what = what
        self.record = record

    def sentence(self) -> str:
        """Return the damage as one sentence."""
        said = self.what if self.record is None else f"record {self.record}: {self.what}"
        return f"{said[:1].upper()}{said[1:]}."


class Unknown(Exception):
    """Something that this verifier cannot judge; the argument is a sentence."""


class Unusable(Unknown):
    """Something that is not what was asked for: no damage, and nothing to judge; the argument is a sentence."""


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of itself."""

    origin: str
    size: int
    root: bytes


@dataclass
class Findings:
    """What was found so far: what holds, what nobody can tell, and which checkpoints are known to follow which."""

    keys: Sequence[tuple[str, bytes, bytes]]
    holds: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    seen: list[Checkpoint] = field(default_factory=list)
    follows: set[tuple[Checkpoint, Checkpoint]] = field(default_factory=set)
    pruned: list[int] = field(default_factory=list)
    named: list[tuple[int, int]] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    admitted: str = ""
    """What was wrong with the trail when it was exported, as the export itself says."""

    def doubt(self, sentence: str) -> None:
        """Keep a doubt, once."""
        if sentence not in self.doubts:
            self.doubts.append(sentence)

    def leads(self, first: Checkpoint, second: Checkpoint) -> bool:
        """Whether consistency proofs lead from one checkpoint to the other."""
        reached, fresh = {first}, [first]
        while fresh:
            here = fresh.pop()
            more = {later for earlier, later in self.follows if earlier == here} - reached
            reached |= more
            fresh += more
        return second in reached


# -- canonical JSON (RFC 8785)


def canonical(value: Any) -> str:
    """Return the one spelling of a JSON value. Raises ValueError for what has none."""
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        if abs(value) > 2**53 - 1:
            raise ValueError("an integer that not every reader can hold")
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list):
        return f"[{','.join(map(canonical, value))}]"
    names = sorted(value, key=lambda one: one.encode("utf-16-be"))
    return f"{{{','.join(f'{canonical(name)}:{canonical(value[name])}' for name in names)}}}"


def _number(value: float) -> str:
    """Write a number as ECMAScript does: the shortest digits, exponents from 1e21 up and from 1e-7 down."""
    if not math.isfinite(value):
        raise ValueError("a number that JSON has not")
    if value == 0:
        return "0"
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    before, _, after = mantissa.partition(".")
    digits = (before + after).lstrip("0")
    point = len(before) + int(exponent or 0) - (len(before + after) - len(digits))
    digits = digits.rstrip("0")
    if 0 < point <= 21:
        text = digits.ljust(point, "0") if len(digits) <= point else f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        text = f"{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return f"-{text}" if value < 0 else text


def _parsed(text: str) -> Any:
    """Return a JSON value that is in its one spelling. Raises ValueError for any other text."""
    try:
        value = json.loads(text)
        if canonical(value) != text:
            raise ValueError("another spelling")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def _object(value: Any, kinds: Mapping[str, type]) -> dict[str, Any]:
    """Return an object that has just these members, of these types. Raises ValueError."""
    if type(value) is not dict or value.keys() != kinds.keys():
        raise ValueError("other members")
    if any(type(value[name]) is not kind for name, kind in kinds.items()):
        raise ValueError("other types")
    if any(kind is int and value[name] < 0 for name, kind in kinds.items()):
        raise ValueError("below nought")
    return value


def _hash(text: Any) -> bytes:
    """Return a hash from the one spelling of its base64. Raises ValueError."""
    if type(text) is not str:
        raise ValueError("no text")
    try:
        found = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("no base64") from None
    if base64.b64encode(found).decode() != text or len(found) != 32:
        raise ValueError("no hash")
    return found


# -- the tree (RFC 6962)


def leaf_hash(record: bytes) -> bytes:
    """Return the hash of a record."""
    return hashlib.sha256(b"\x00" + record).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A growing tree, as the roots of its complete subtrees, largest first."""

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)

    def add(self, node: bytes, height: int = 0) -> None:
        """Add a complete subtree of 2**height records at the end."""
        place, self.size = self.size >> height, self.size + (1 << height)
        while place & 1:
            node, place = _node(self.peaks.pop(), node), place >> 1
        self.peaks.append(node)

    def root(self) -> bytes:
        """Return the root."""
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = _node(peak, node)
        return node


def _heights(low: int, high: int) -> Iterator[int]:
    """Yield the heights of the complete subtrees that fill the places from `low` to `high`, left to right."""
    while low < high:
        height = (high - low).bit_length() - 1
        if low:
            height = min(height, (low & -low).bit_length() - 1)
        yield height
        low += 1 << height


def root_by_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that an inclusion proof leads to, None when its length fits no such tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return None
    last, node = size - 1, leaf
    for sibling in path:
        if not last:
            return None
        if index & 1 or index == last:
            node = _node(sibling, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = _node(node, sibling)
        index, last = index >> 1, last >> 1
    return None if last else node


def consistent(first: Checkpoint, second: Checkpoint, path: Sequence[bytes]) -> bool:
    """Whether a consistency proof shows that `second`'s log only adds to `first`'s (RFC 9162, 2.1.4.2)."""
    if not 0 < first.size < second.size:
        return first == second and not path
    steps = list(path) if first.size & (first.size - 1) else [first.root, *path]
    if not path:
        return False
    place, last = first.size - 1, second.size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = steps[0]
    for sibling in steps[1:]:
        if not last:
            return False
        if place & 1 or place == last:
            old, new = _node(sibling, old), _node(sibling, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = _node(new, sibling)
        place, last = place >> 1, last >> 1
    return not last and (old, new) == (first.root, second.root)


# -- checkpoints and keys (C2SP tlog-checkpoint, signed-note)

_NOTE: Final = re.compile(
    r"(?P<text>(?P<origin>[^\x00-\x1f]+)\n(?P<size>0|[1-9][0-9]{0,18})\n(?P<root>[A-Za-z0-9+/]{43}=)\n)\n"
    r"(?P<lines>(?:\u2014 [^\s+]+ [A-Za-z0-9+/]+={0,2}\n){1,16})",
)
_ORIGIN: Final = re.compile(r"withness/[0-9A-Za-z-]+/(?:0|[1-9][0-9]{0,8})")


def read_key(text: str) -> tuple[str, bytes, bytes]:
    """Return name, id and public key of a verifier key. Raises ValueError."""
    name, _, rest = text.partition("+")
    said, _, content = rest.partition("+")
    try:
        typed = base64.b64decode(content.encode("ascii"), validate=True)
        id = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4]
    except (binascii.Error, UnicodeError):
        raise ValueError("no key") from None
    if len(typed) != 33 or typed[:1] != b"\x01" or id.hex() != said or base64.b64encode(typed).decode() != content:
        raise ValueError("no key")
    return name, id, typed[1:]


def read_note(note: str, what: str, findings: Findings, offered: str = "") -> Checkpoint:
    """Return the checkpoint that a note states, its signature checked.

    `offered` is the key that came with it: it is asked where nobody was told of another, and proves less.
    """
    found = _NOTE.fullmatch(note)
    if found is None:
        raise Damaged("checkpoint", f"{what} is not a checkpoint in a signed note")
    try:
        said = Checkpoint(found["origin"], int(found["size"]), _hash(found["root"]))
    except ValueError:
        raise Damaged("checkpoint", f"{what} states no root") from None
    if not _ORIGIN.fullmatch(said.origin):
        raise Damaged("checkpoint", f"{what} is not of a Withness log")
    keys = list(findings.keys)
    if not keys and offered:
        keys = [read_key(offered)]
    _check_signature(found, what, keys, findings, named=bool(offered))
    if not findings.keys:
        findings.doubt("Nobody said which key the log signs with (--vkey): anybody could have made what was given.")
    return said


_ASK: Final = (
    "ask whoever told you the key whether it is this log's, and whoever gave you the file whose it is. A log whose key "
    "was changed has several: give --vkey several times, older keys too."
)


def require_key(said: str, what: str, findings: Findings) -> None:
    """Raise Unknown where a file names another key than those given, Unusable where it is of another log."""
    own = read_key(said)
    if not findings.keys or own in findings.keys:
        return
    if own[0] in [name for name, _, _ in findings.keys]:
        raise Unknown(f"{what[:1].upper()}{what[1:]} names another key than the one given with --vkey: {_ASK}")
    raise _of_another(what, own[0])


def _of_another(what: str, name: str) -> Unusable:
    told = ascii(name)[1:-1]
    return Unusable(f"{what[:1].upper()}{what[1:]} is of another log ({told}) than the key given with --vkey.")


def _check_signature(
    found: re.Match[str], what: str, keys: Sequence[tuple[str, bytes, bytes]], findings: Findings, *, named: bool
) -> None:
    known = {(name, id): public for name, id, public in keys}
    fitting = []
    for line in found["lines"][:-1].split("\n"):
        name, content = line[2:].split(" ")
        try:
            signature = base64.b64decode(content, validate=True)
        except binascii.Error:
            signature = b""
        if base64.b64encode(signature).decode() != content or len(signature) < 5:
            raise Damaged("signature", f"a signature of {what} is not base64 in its one spelling")
        if (name, signature[:4]) in known:
            fitting.append((known[name, signature[:4]], signature[4:]))
    if keys and not fitting:
        if named:
            raise Damaged("signature", f"{what} is not signed by the key that it names")
        log = found["origin"].rpartition("/")[0]
        if log not in [name for name, _, _ in keys]:
            raise _of_another(what, log)
        raise Unknown(f"{what[:1].upper()}{what[1:]} is not signed by the key given with --vkey: {_ASK}")
    if not fitting:
        return
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        findings.doubt("Signatures were not checked: the Python package cryptography is not installed here.")
        return
    for public, signature in fitting:
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, found["text"].encode())
        except (InvalidSignature, ValueError):
            raise Damaged("signature", f"the signature of {what} does not fit") from None


# -- records

_FIELDS: Final = {
    "actor": str,
    "asserted": bool,
    "at": str,
    "clock": str,
    "details": dict,
    "kind": str,
    "nonce": str,
    "os_user": str,
    "seq": int,
    "segment": int,
    "v": int,
}
_TEXTS: Final = ("outcome", "patient", "policy", "reason", "request", "second_actor")
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


def read_record(text: str, seq: int, segment: int) -> dict[str, Any]:
    """Return a record's value. Raises Damaged unless its text is canonical and it stands where it says."""
    try:
        value = json.loads(text)
        spelled = canonical(value)
    except (ValueError, RecursionError):
        raise Damaged("unreadable", "its text is not a record", seq) from None
    if spelled != text:
        raise Damaged("not-canonical", "its text is not canonical JSON", seq)
    if type(value) is dict and type(value.get("v")) is int and value["v"] > 1:
        raise Unknown(f"Record {seq} is of form {value['v']}, which this verifier does not know.")
    if type(value) is not dict or value.keys() != {*_FIELDS, *_TEXTS} or not _typed(value):
        raise Damaged("unreadable", "its text is not a record", seq)
    if (value["seq"], value["segment"]) != (seq, segment):
        said = f"its text says that it is record {value['seq']} of segment {value['segment']}"
        raise Damaged("out-of-place", said, seq)
    return value


def _typed(value: dict[str, Any]) -> bool:
    texts = all(value[name] is None or type(value[name]) is str for name in _TEXTS)
    return (
        texts
        and all(type(value[name]) is kind for name, kind in _FIELDS.items())
        and value["v"] == 1
        and _INSTANT.fullmatch(value["at"]) is not None
    )


# -- an export

_HEADER: Final = {
    "checkpoint": str,
    "data_id": str,
    "first": int,
    "first_seq": int,
    "format": str,
    "left": list,
    "records": int,
    "right": list,
    "segment": int,
    "vkey": str,
}
_LINE: Final = {"hash": str, "index": int, "record": str}
_PRUNED: Final = {"hash": str, "index": int, "pruned": bool}
"""A record that was pruned: two people signed that its text may go, and its hash stays."""


@dataclass
class Part:
    """One header and the records below it: those of one segment of the log, without a gap."""

    checkpoint: Checkpoint
    data_id: str
    segment: int
    first_seq: int
    first: int
    records: int
    tree: Tree
    right: list[bytes]
    roots: dict[int, bytes] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The place behind the last record."""
        return self.first + self.records


def check_export(lines: Iterator[bytes], findings: Findings, sizes: Iterable[tuple[str, int]] = ()) -> list[Part]:
    """Check an export; `sizes` are origins and sizes at which the root is wanted. Raises Damaged, Unknown."""
    wanted, parts, begun = set(sizes), list[Part](), False
    for line in lines:
        if not begun:
            begun = True
            rest = islice(lines, 100) if line == b"{\n" else ()  # a document that people open, and no export
            require_kind(b"".join([line, *rest]), EXPORT_FORMAT, "the export", also=DAMAGED_FORMAT)
            _require_ends(line)
            if DAMAGED_FORMAT.encode() in line:
                findings.admitted = _read_mark(line)
                continue
        if findings.admitted and REST_FORMAT.encode() in line:
            _check_rest(line, lines, findings)
            continue
        part = _read_header(line, findings, parts[-1] if parts else None)
        _check_records(lines, part, {size for origin, size in wanted if origin == part.checkpoint.origin}, findings)
        parts.append(part)
        findings.seen.append(part.checkpoint)
        said = f"Records {part.first_seq + part.first} to {part.first_seq + part.last - 1} are whole"
        scope = "all" if part.records == part.checkpoint.size else f"{part.records} of the {part.checkpoint.size}"
        findings.holds.append(f"{said}: {scope} that segment {part.segment} had when its checkpoint was signed.")
    if not begun:
        raise Unusable("The export is empty: look whether it is the right file.")
    if findings.admitted:
        findings.doubt(f"The trail was damaged when it was exported, and the export says so: {findings.admitted}.")
    findings.holds.extend(findings.losses)
    _say_pruned(findings)
    return parts


_BYTE_ORDER: Final = b"\xef\xbb\xbf"
"""The mark that some programs put before a text."""


def _require_ends(first: bytes) -> None:
    """Raise Unknown where an export's first line shows that a program made another text of it: that is no damage."""
    if first.startswith(_BYTE_ORDER) or first.endswith(b"\r\n"):
        said = "A program has changed the ends of the export's lines, or put a mark before the first of them"
        raise Unknown(f"{said}: fetch it again, as a file and not as text.")


_FILES: Final = {
    EXPORT_FORMAT: "an export: name it without an option",
    PROOF_FORMAT: "the proof of one record: name it with --proof",
    CONSISTENCY_FORMAT: "a consistency proof: name it with --consistency",
}


_SHEETS: Final = {
    b"seq,segment,recorded_at,kind": "Withness's CSV",
    b'"resourceType": "Bundle"': "Withness's Bundle of AuditEvents",
    b'"resourceType":"Bundle"': "Withness's Bundle of AuditEvents",
}
"""How the other forms of an export begin, which prove nothing."""
_BEGINNING: Final = 400


def require_kind(content: bytes, format: str, what: str, also: str = "") -> None:
    """Raise Unusable for bytes that were never of this format; what was altered is for others to judge."""
    if format.encode() in content or (also and also.encode() in content):
        return
    other = next((said for one, said in _FILES.items() if one.encode() in content), None)
    if other:
        raise Unusable(f"What was given as {what} is {other}.")
    sheet = next((said for one, said in _SHEETS.items() if one in content[:_BEGINNING]), None)
    if sheet:
        raise Unusable(f"What was given as {what} looks like {sheet}: only an export in NDJSON proves itself.")
    if b"withness-audit-" not in content:
        raise Unusable(f"What was given as {what} is none that Withness wrote: look whether it is the right file.")


_MARK: Final = {"at": str, "data_id": str, "finding": str, "format": str, "vkey": str}


def _read_mark(line: bytes) -> str:
    """Return what an export from a damaged trail says was found, without what would not be seen. Raises Damaged."""
    try:
        said = _object(_parsed(_text(line)), _MARK)
    except ValueError:
        raise Damaged("format", "the first line is not an export's header") from None
    return "".join(one if one.isprintable() else " " for one in said["finding"]) or "it does not say what"


def _check_rest(header: bytes, lines: Iterator[bytes], findings: Findings) -> None:
    """Look at records that no checkpoint covers: nothing can be told of them but whether they fit their hashes."""
    first, end = _read_rest(header)
    seq, records, fit = first, 0, 0
    while seq < end:
        line = next(lines, b"")
        if not line.endswith(b"\n"):
            raise Unknown(f"The file ends before record {seq}: it was cut off, perhaps on its way. Fetch it again.")
        try:
            value = _parsed(_text(line))
            behind = _behind(value, seq, end)
        except ValueError:
            raise Damaged("unreadable", "its line is not one of an export", seq) from None
        records += "missing" not in value
        text = value.get("record")
        fit += type(text) is str and leaf_hash(text.encode()).hex() == value.get("hash")
        seq = behind
    missing = end - first - records
    also = f", {_many(missing, 'number')} in between {'has' if missing == 1 else 'have'} no record" if missing else ""
    said = f"Of {_many(records)} from {first} on nothing can be told: no checkpoint covers them"
    findings.doubt(f"{said} ({fit} fit their hash{also}).")


def _read_rest(header: bytes) -> tuple[int, int]:
    """Return the first number of such records, and the one behind the last. Raises Damaged."""
    try:
        said = _parsed(_text(header))
        if type(said) is not dict or said.keys() != {"first", "format", "records"} or said["format"] != REST_FORMAT:
            raise ValueError("other members")
        first, records = _place(said["first"]), _place(said["records"])
    except ValueError:
        raise Damaged("format", "what follows the last record is not a header") from None
    return first, first + records


def _behind(value: Any, seq: int, end: int) -> int:
    """Return the number behind those for which a line stands that should begin at `seq`. Raises ValueError."""
    if type(value) is not dict or _place(value.get("seq")) != seq:
        raise ValueError("another place")
    if "to" not in value:
        return seq + 1
    last = _place(value["to"])
    if value.keys() != {"missing", "seq", "to"} or value["missing"] is not True or not seq < last < end:
        raise ValueError("no run of records that are missing")
    return last + 1


def _place(value: Any) -> int:
    """Return a record's number: text is one that canonical JSON does not write as a number. Raises ValueError."""
    if type(value) is int:
        return value
    if type(value) is not str or not _FAR.fullmatch(value) or abs(int(value)) <= 2**53 - 1:
        raise ValueError("no number")
    return int(value)


_FAR: Final = re.compile(r"-?[1-9][0-9]{15,19}")


def _say_pruned(findings: Findings) -> None:
    """Say how many records could not be read, and doubt those of which no record says that they were pruned."""
    if not findings.pruned:
        return
    gone = len(findings.pruned)
    said = (
        "was pruned: its hash stands for it, and it"
        if gone == 1
        else "were pruned: their hashes stand for them, and they"
    )
    findings.holds.append(f"{gone} of them {said} cannot be read.")
    spans, place, alone = sorted(findings.named), 0, 0
    for seq in findings.pruned:
        while place < len(spans) and spans[place][1] < seq:
            place += 1
        alone += place == len(spans) or seq < spans[place][0]
    if alone:
        findings.doubt(f"Of {_many(alone, 'pruned record')} nothing in the export says that two people signed for it.")


def _many(count: int, what: str = "record") -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _read_header(line: bytes, findings: Findings, before: Part | None) -> Part:
    _require_end(line, "in its header")
    try:
        said = _object(_parsed(_text(line)), _HEADER)
        if said["format"] != EXPORT_FORMAT:
            raise Unknown("The file's first line names a format that this verifier does not know.")
        left, right = [_hash(one) for one in said["left"]], [_hash(one) for one in said["right"]]
        read_key(said["vkey"])
    except ValueError:
        after = "the first line is not an export's header"
        if before is not None:
            after = f"what follows record {before.first_seq + before.last - 1} is not a header"
        raise Damaged("format", after) from None
    require_key(said["vkey"], "the export", findings)
    note = read_note(said["checkpoint"], "the export's checkpoint", findings, said["vkey"])
    first, last = said["first"], said["first"] + said["records"]
    if note.origin != f"withness/{said['data_id']}/{said['segment']}":
        raise Damaged("checkpoint", "the export's checkpoint is another log's")
    if said["vkey"].partition("+")[0] != f"withness/{said['data_id']}":
        raise Damaged("format", "the key that the header names is another log's")
    if not said["records"] or last > note.size or (said["segment"] == 0 and said["first_seq"]):
        raise Damaged("format", "the header's numbers do not fit each other")
    if len(left) != bin(first).count("1") or len(right) != len(list(_heights(last, note.size))):
        raise Damaged("format", "the header does not hold the hashes that its numbers demand")
    made = Part(
        note, said["data_id"], said["segment"], said["first_seq"], first, said["records"], Tree(first, left), right
    )
    if before is not None and (made.data_id != before.data_id or made.segment <= before.segment):
        raise Damaged("missing", "the export's parts do not follow each other")
    if (
        before is not None
        and not findings.admitted
        and (before.last != before.checkpoint.size or made.first or made.first_seq != before.first_seq + before.last)
    ):
        raise Damaged("missing", "the export's parts do not follow each other")
    return made


def _check_records(lines: Iterator[bytes], part: Part, wanted: set[int], findings: Findings) -> None:
    for index in range(part.first, part.last):
        if index in wanted:
            part.roots[index] = part.tree.root()
        line = next(lines, b"")
        part.tree.add(_check_line(line, index, part, findings))
    if part.last in wanted:
        part.roots[part.last] = part.tree.root()
    for node, height in zip(part.right, _heights(part.last, part.checkpoint.size)):  # noqa: B905  Python 3.9
        part.tree.add(node, height)
    if part.tree.root() != part.checkpoint.root:
        said = f"records {part.first_seq + part.first} to {part.first_seq + part.last - 1} do not give the root that "
        raise Damaged("root", said + "the checkpoint states: one of them, or the header's hashes, was changed")


def _check_line(line: bytes, index: int, part: Part, findings: Findings) -> bytes:
    seq = part.first_seq + index
    _require_end(line, f"before record {seq}")
    try:
        value = _parsed(_text(line))
        said = _object(value, _form_of(value, findings))
        hashed = bytes.fromhex(said.get("hash", ""))
    except ValueError:
        raise Damaged("unreadable", "its line is not one of an export", seq) from None
    if "missing" in said:
        run = said.get("to", index) > index
        those = f"it and those up to record {part.first_seq + said['to']} are" if run else "it is"
        raise Damaged("missing", f"{those} missing from the trail", seq)
    if "bytes" in said:
        raise Damaged("unreadable", "what lies there is not a record's text", seq)
    if said["index"] != index:
        raise Damaged("missing", f"it is missing: the line there is of place {said['index']}", seq)
    if "pruned" in said:
        if len(hashed) != 32 or hashed.hex() != said["hash"]:
            raise Damaged("unreadable", "its line is not one of an export", seq)
        findings.pruned.append(seq)
        return hashed
    found = leaf_hash(said["record"].encode())
    if said["hash"] != found.hex():
        raise Damaged("edited", "its text does not fit its hash", seq)
    record = read_record(said["record"], seq, part.segment)
    if (record["kind"], record["outcome"]) == ("trail.signed-off", "pruned"):
        findings.named.extend(_named(record["details"].get("ranges"), seq))
    begins = part.segment > 0 and index == 0
    if begins and (record["kind"], record["outcome"]) == ("trail.signed-off", "restored"):
        findings.losses.append(_loss(record["details"], seq))
    return found


def _form_of(value: Any, findings: Findings) -> Mapping[str, type]:
    """Return the members that a record's line must have; of a damaged trail some say that there is no record."""
    members = value if type(value) is dict else {}
    if members.get("pruned") is True:
        return _PRUNED
    if findings.admitted and members.get("missing") is True:
        return {"index": int, "missing": bool, **({"to": int} if "to" in members else {})}
    return {"bytes": str, "hash": str, "index": int} if findings.admitted and "bytes" in members else _LINE


def _require_end(line: bytes, where: str) -> None:
    """Raise Unknown where the file ends in or before a line: it was cut off, which is no damage of the trail."""
    if len(line) <= MOST_BYTES and not line.endswith(b"\n"):
        raise Unknown(f"The file ends {where}: it was cut off, perhaps on its way. Fetch it again.")


def _named(ranges: Any, seq: int) -> Iterator[tuple[int, int]]:
    """Yield first and last of each run of records that a record of pruning names: they lie before it."""
    for one in ranges if type(ranges) is list else []:
        if type(one) is list and len(one) == 2 and all(type(number) is int for number in one) and one[1] < seq:
            yield one[0], one[1]


def _loss(details: Mapping[str, Any], seq: int) -> str:
    """Say what a record details of a loss that two people signed for."""
    left = {one["segment"]: one["size"] for one in _states(details.get("have"))}
    gone = [
        f"of the {one['size']} that segment {one['segment']} had {left.get(one['segment'], 0)} are left"
        for one in _states(details.get("lost"))
        if left.get(one["segment"], 0) <= one["size"]
    ]
    said = f": {', '.join(gone)}" if gone else ""
    return f"Record {seq} says that an older copy was restored, and that two people signed for what was lost{said}."


def _states(value: Any) -> list[Mapping[str, int]]:
    """Return those of a record's states of segments that say a number and a size."""
    some = [one for one in value if type(one) is dict] if type(value) is list else []
    return [one for one in some if all(type(one.get(name)) is int and one[name] >= 0 for name in ("segment", "size"))]


def _text(line: bytes) -> str:
    """Return a line without its line feed. Raises ValueError."""
    if len(line) > MOST_BYTES or line[-1:] != b"\n":
        raise ValueError("too long, or cut off")
    return line[:-1].decode("utf-8")


# -- proofs and kept checkpoints

_PROOF: Final = {
    "checkpoint": str,
    "data_id": str,
    "format": str,
    "index": int,
    "proof": list,
    "record": str,
    "says": list,
    "segment": int,
    "seq": int,
    "size": int,
    "vkey": str,
}
_CONSISTENCY: Final = {"format": str, "from": str, "proof": list, "to": str}


def says(seq: int, data_id: str, at: str, size: int) -> list[str]:
    """Return the two sentences in which a proof says what it proves."""
    return [
        f"This is record {seq} of the audit trail {data_id}, letter for letter as it was written down at {at}.",
        f"The proof leads from it to the checkpoint, which the trail's own key signed when there were {size} records: "
        "so it was one of them, has not been changed since, and shows nothing of the others.",
    ]


def pretty(value: Any) -> str:
    """Return the one spelling of a file that people open: members in order, indented by two."""
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _as_written(content: bytes) -> bytes:
    """Return a document without what mail programs and editors do to the ends of its lines, and around it."""
    content = content[len(_BYTE_ORDER) :] if content.startswith(_BYTE_ORDER) else content
    return content.replace(b"\r\n", b"\n").strip(b" \t\r\n") + b"\n"


def _cut_off(content: bytes) -> bool:
    """Whether a document ends in its middle, be it behind a brace that stands in one of its texts."""
    if not content.endswith(b"}\n"):
        return True
    try:
        json.loads(content[:-1].decode("utf-8"))
    except json.JSONDecodeError as error:
        return error.msg.startswith("Unterminated string")
    except (ValueError, RecursionError):
        pass
    return False


def _document(given: bytes, kinds: Mapping[str, type], format: str, what: str) -> dict[str, Any]:
    require_kind(given, format, what)
    content = _as_written(given)
    if len(given) <= MOST_BYTES and _cut_off(content):
        raise Unknown(f"{what[:1].upper()}{what[1:]} ends in its middle: it was cut off. Fetch it again.")
    try:
        if len(given) > MOST_BYTES:
            raise ValueError("too long")
        value = json.loads(content.decode("utf-8"))
        if pretty(value).encode() != content:
            raise ValueError("another spelling")
        said = _object(value, kinds)
    except (ValueError, RecursionError):
        raise Damaged("format", f"{what} is not one that Withness wrote") from None
    if said["format"] != format:
        raise Unknown(f"{what[:1].upper()}{what[1:]} is of a format that this verifier does not know.")
    return said


def check_proof(content: bytes, findings: Findings) -> None:
    """Check the proof that one record is in the log. Raises Damaged, Unknown."""
    said = _document(content, _PROOF, PROOF_FORMAT, "the proof")
    try:
        path = [_hash(one) for one in said["proof"]]
        read_key(said["vkey"])
    except ValueError:
        raise Damaged("format", "the proof is not one that Withness wrote") from None
    seq = said["seq"]
    require_key(said["vkey"], "the proof", findings)
    note = read_note(said["checkpoint"], "the proof's checkpoint", findings, said["vkey"])
    if note.origin != f"withness/{said['data_id']}/{said['segment']}" or note.size != said["size"]:
        raise Damaged("checkpoint", "the proof's checkpoint is another log's")
    if said["vkey"].partition("+")[0] != f"withness/{said['data_id']}":
        raise Damaged("format", "the key that the proof names is another log's")
    record = read_record(said["record"], seq, said["segment"])
    if root_by_path(leaf_hash(said["record"].encode()), said["index"], note.size, path) != note.root:
        raise Damaged("root", "the proof does not lead from it to the root that the checkpoint states", seq)
    if said["says"] != says(seq, said["data_id"], record["at"], note.size):
        raise Damaged("format", "the sentences say something else than the proof shows", seq)
    findings.seen.append(note)
    kind, at = ascii(record["kind"])[1:-1], ascii(record["at"])[1:-1]
    findings.holds.append(f"Record {seq} ({kind}, {at}) is one of the {note.size} records under the checkpoint.")


def check_consistency(content: bytes, findings: Findings) -> None:
    """Check the proof that one checkpoint's log only adds to another's. Raises Damaged, Unknown."""
    said = _document(content, _CONSISTENCY, CONSISTENCY_FORMAT, "the consistency proof")
    try:
        path = [_hash(one) for one in said["proof"]]
    except ValueError:
        raise Damaged("format", "the consistency proof is not one that Withness wrote") from None
    first = read_note(said["from"], "the consistency proof's first checkpoint", findings)
    second = read_note(said["to"], "the consistency proof's second checkpoint", findings)
    if first.origin != second.origin or not consistent(first, second, path):
        raise Damaged("consistency", f"the log of {_many(second.size)} is not shown to go on from that of {first.size}")
    findings.follows.add((first, second))
    findings.holds.append(f"The log of {_many(second.size)} goes on from that of {first.size}; nothing was rewritten.")


def check_kept(name: str, kept: Checkpoint, parts: Sequence[Part], findings: Findings) -> None:
    """Hold a checkpoint that somebody kept against what was given. Raises Damaged when it is of another log."""
    linked = [one for pair in findings.follows for one in pair]
    stated = [one for one in [*findings.seen, *linked] if one.origin == kept.origin]
    if kept.origin.rpartition("/")[0] not in {one.origin.rpartition("/")[0] for one in [*findings.seen, *linked]}:
        raise Unusable(f"{name} is a checkpoint of another log than what was given.")
    mine = [part for part in parts if part.checkpoint.origin == kept.origin]
    if any(part.roots.get(kept.size, kept.root) != kept.root for part in mine) or any(
        one.size == kept.size and one.root != kept.root for one in stated
    ):
        raise Damaged("consistency", _split(name, kept))
    given = [one for one in findings.seen or linked if one.origin == kept.origin]
    recomputed = any(kept.size in part.roots for part in mine)
    if recomputed or any(findings.leads(kept, one) or findings.leads(one, kept) for one in given):
        findings.holds.append(f"{name}, of {_many(kept.size)}, is a checkpoint of this very log.")
        return
    largest = max((one.size for one in given), default=0)
    if not given:
        more = f"{name} is of a segment of which nothing was given: whether it fits"
    elif kept.size > largest:
        more = f"{name} is of {_many(kept.size)}, and what was given goes to {largest}: whether records were cut off"
    else:
        more = f"{name} is of {_many(kept.size)}, whose root cannot be worked out from what was given: whether it fits"
    findings.doubt(f"{more} cannot be told without a consistency proof (--consistency).")


def _split(name: str, kept: Checkpoint) -> str:
    return (
        f"{name} states another root for the first {kept.size} records ({kept.root.hex()}): the log was rewritten, "
        "or there are two"
    )


# -- the command


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while True:
        line = file.readline(MOST_BYTES + 1)
        if not line:
            return
        yield line


def _open(path: str) -> BinaryIO:
    """Open a file that nobody has to wait for. Raises OSError for a pipe or a device too."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    raise OSError(errno.EINVAL, "it is not a regular file")


def _read(path: str) -> bytes:
    with _open(path) as file:
        return file.read(MOST_BYTES + 1)


def _kept(path: str, findings: Findings) -> Checkpoint:
    try:
        note = _read(path).decode("utf-8")
        return read_note(note, path, findings)
    except UnicodeDecodeError:
        raise Unusable(f"{path} is not a checkpoint in a signed note.") from None
    except Damaged as found:
        raise Unusable(f"{found.what[:1].upper()}{found.what[1:]}.") from None


def run(given: argparse.Namespace, findings: Findings) -> None:
    """Check everything that was given. Raises Damaged, Unknown, Unusable, OSError."""
    kept: list[tuple[str, Checkpoint]] = []
    refused: Unusable | None = None
    for path in [*given.checkpoint, *given.earlier]:
        try:
            kept.append((path, _kept(path, findings)))
        except Unusable as error:  # damage of what was given is said first
            refused = refused or error
    for path in given.consistency:
        check_consistency(_read(path), findings)
    for path in given.proof:
        check_proof(_read(path), findings)
    parts: list[Part] = []
    if given.export:
        with _open(given.export) as file:
            parts = check_export(_lines(file), findings, [(one.origin, one.size) for _, one in kept])
    for path, one in kept:
        try:
            check_kept(path, one, parts, findings)
        except Unusable as error:
            refused = refused or error
    if findings.admitted:
        if refused is not None:
            findings.doubt(str(refused))
        raise Damaged("admitted", "the trail was damaged when it was exported: what holds is said above, and no more")
    if refused is not None:
        raise refused


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Check an export of a Withness audit trail, without Withness.")
    parser.add_argument("export", nargs="?", metavar="EXPORT", help="an export in NDJSON")
    many: dict[str, Any] = {"action": "append", "default": []}
    told = "the log's verifier key, as you were told it; after a change of keys several times, older keys too"
    parser.add_argument("--vkey", metavar="KEY", help=told, **many)
    parser.add_argument("--checkpoint", metavar="FILE", help="a signed checkpoint that you kept", **many)
    parser.add_argument("--earlier", metavar="FILE", help="the same: one from before", **many)
    parser.add_argument("--consistency", metavar="FILE", help="a proof that leads from one checkpoint on", **many)
    parser.add_argument("--proof", metavar="FILE", help="the proof of one record", **many)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Check what the command line names, say what was found, and return the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if not (given.export or given.proof or given.consistency):
        parser.error("name an export, --proof FILE or --consistency FILE")
    try:
        keys = [read_key(one) for one in given.vkey]
    except ValueError:
        parser.error("--vkey is not a verifier key (name+id+key)")
    findings, damage, code = Findings(keys), None, None
    try:
        run(given, findings)
    except Damaged as found:
        damage = found
    except Unusable as found:
        findings.doubt(str(found))
        code = USAGE
    except Unknown as found:
        findings.doubt(str(found))
    except (OSError, ValueError) as error:  # a name that no file can have is a ValueError
        findings.doubt(f"A file cannot be read: {getattr(error, 'strerror', None) or 'its name is none'}.")
        code = USAGE
    code = code or (DAMAGED if damage else CANNOT_TELL if findings.doubts else WHOLE)
    _say(code, damage, findings, as_json=given.json)
    return code


def _say(code: int, damage: Damaged | None, findings: Findings, *, as_json: bool) -> None:
    verdict = {WHOLE: "whole", DAMAGED: "damaged", CANNOT_TELL: "cannot tell", USAGE: "not usable"}[code]
    if as_json:
        bad = {"kind": damage.kind, "record": damage.record, "what": damage.sentence()} if damage else None
        said = {"verdict": verdict, "damage": bad, "holds": findings.holds, "doubts": findings.doubts, "exit": code}
        text = json.dumps(said, indent=2)
    else:
        ending = damage.sentence() if damage else "" if findings.doubts else "All of it holds."
        text = "\n".join([*findings.holds, *findings.doubts, f"{verdict.upper()}. {ending}".rstrip()])
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


if __name__ == "__main__":
    sys.exit(main())
