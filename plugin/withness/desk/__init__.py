"""Use cases: the order of steps (lock, re-read, decide, record, outbox, answer, deliver)."""
