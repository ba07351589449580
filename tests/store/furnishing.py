"""What the tests of both stores write into them."""

from __future__ import annotations

from datetime import UTC, datetime

from withness.audit.log import append
from withness.audit.record import Kind, Record
from withness.core.note import Kept
from withness.store.rows import DecisionRow, Delivery, NoteRow, NoteState, OutboxRow, PlanRow, PlanState, Sending
from withness.store.sql import Store

KEY = b"k" * 32
AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
RECORD = Record(Kind.TRAIL_VIEWED, "Practitioner/p1", "somebody", patient="Patient/rosa")
WORDS = "I want somebody to get it"


def furnish(made: Store) -> None:
    """Put three rows into each table of a new store."""
    made.set_up({"data_id": "x"})
    with made.transaction() as tx:
        append(tx, [RECORD] * 3, at=AT)
        for number in range(3):
            tx.put_screen(f"s{number}", "Patient/rosa", {"words": f"{WORDS} {number}"})
            tx.put_act(f"a{number}", "Patient/rosa", "step", {"number": number})
            tx.put_decision(DecisionRow(f"d{number}", "Patient/rosa", {"number": number}))
            tx.put_policy(f"digest{number}", "0.1.0", b"policy")
            tx.put_plan(PlanRow(f"p{number}", f"r{number}", PlanState.HELD, None, "2026", {"number": number}))
            tx.put_note(NoteRow(f"n{number}", Kept.RECORD, NoteState.DRAFT, "2026", {"number": number}))
            tx.put_check_in(f"c{number}", "Patient/rosa", {"words": f"{WORDS} {number}"})
            tx.put_note_request(f"r{number}", f"n{number}")
            tx.put_process_note(f"a{number}", "Practitioner/p1", "2026", {"words": f"{WORDS} {number}"})
            tx.put_outbox(
                OutboxRow(
                    f"d{number}", Sending.PLAN, "p0", "local", Delivery.WAITING, 0, "", "2026", {"number": number}
                )
            )
