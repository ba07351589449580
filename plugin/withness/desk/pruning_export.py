"""The export that pruning asks for: it proves itself, is of this log, and holds every record that is to go."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from withness.audit import offline_verifier
from withness.audit.checkpoint import Checkpoint
from withness.audit.offline_verifier import MOST_BYTES, Damaged, Findings, Unknown, read_key
from withness.audit.words import many
from withness.desk.anchors import Anchor, against
from withness.desk.log_keys import vkeys
from withness.errors import InvalidInput
from withness.files import open_regular
from withness.store.transaction import Transaction

_HOW = "Write one first: withness audit export --format ndjson --to DAY"


@dataclass
class _Read:
    """A file that is read once: its lines, its SHA-256 so far, and which of the wanted records it has not held yet."""

    file: BinaryIO
    missing: set[str]
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def lines(self) -> Iterator[bytes]:
        """Yield each line."""
        while line := self.file.readline(MOST_BYTES + 1):
            self.digest.update(line)
            self._held(line)
            yield line

    def _held(self, line: bytes) -> None:
        """Take note of the record that a line holds; whether it fits its hash is checked by whoever asked for it."""
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            return
        if isinstance(said, dict) and "record" in said:
            self.missing.discard(str(said.get("hash")))


def check_export(tx: Transaction, path: Path, wanted: frozenset[bytes]) -> str:
    """Return the SHA-256 of an NDJSON export of this log that holds every record with these leaf hashes.

    Raises InvalidInput naming --export for one that cannot be read, does not prove itself, is another log's, or lacks
    one of them.
    """
    findings = Findings([read_key(one) for one in vkeys(tx)])
    try:
        with open_regular(path) as file:
            read = _Read(file, {one.hex() for one in wanted})
            parts = offline_verifier.check_export(read.lines(), findings)
    except OSError as error:
        raise InvalidInput(f"--export cannot be read: {error.strerror}.", field="--export", hint=_HOW) from None
    except (Damaged, Unknown) as error:
        raise InvalidInput("--export does not prove itself.", field="--export", hint=f"It says: {error}.") from error
    if findings.doubts:
        raise InvalidInput("--export cannot be relied on.", field="--export", hint=findings.doubts[0])
    said = [(part.segment, part.checkpoint) for part in parts]
    anchors = [Anchor(segment, Checkpoint(one.origin, one.size, one.root)) for segment, one in said]
    data_id = tx.facts().get("data_id", "")
    if any(part.data_id != data_id for part in parts) or any(against(tx, anchors)):
        raise InvalidInput("--export is of another log.", field="--export", hint=_HOW)
    if read.missing:
        said_of = f"--export lacks {len(read.missing)} of the {many(len(wanted))} that would be pruned."
        raise InvalidInput(said_of, field="--export", hint=_HOW)
    return read.digest.hexdigest()
