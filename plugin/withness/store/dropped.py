"""Tables that somebody dropped, put back empty: what comes next is recorded, in a segment that names the break (I7)."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Final

from withness.audit import log
from withness.audit.record import Kind, Record
from withness.errors import CannotTell
from withness.store import schema
from withness.store.sql import Store
from withness.store.transaction import Transaction

WHO: Final = "Device/withness"
"""Who records that tables were put back."""


def put_back(store: Store, at: datetime) -> bool:
    """Make the tables that are missing again and record it; whether there was anything to do.

    The trail counts as damaged from then on. The new segment is to be published at once.

    Where the database does not let itself be mended, it is left as it is: whoever reads it says what is wrong.
    """
    with contextlib.suppress(CannotTell), store.transaction() as tx:
        return put_back_in(tx, at)
    return False


def put_back_in(tx: Transaction, at: datetime) -> bool:
    """Do so inside a transaction. Raises what the database says where it does not let itself be mended.

    What another release does without is left as it is; one from before there was a stamp has no tiles either.
    """
    gone = tx.missing_tables()
    unstamped = schema.alembic_version.name in gone and schema.audit_tile.name not in gone
    if not gone or not (unstamped or tx.revision() == schema.REVISION):
        return False
    tx.schema_damage()  # the record says what was wrong before, not after
    tx.make_tables(gone)
    details = {"missing": list(gone), "damages": len(gone)}
    said = Record(kind=Kind.TRAIL_VERIFIED, actor=WHO, os_user="", outcome="damaged", details=details)
    log.append(tx, [said], at=at, fresh_segment=True)
    return True
