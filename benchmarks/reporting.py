"""The compliance report and the worklist over a long trail, against reading and hashing the same bytes once."""

from __future__ import annotations

import hashlib
import json
import os
import random
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update

from benchmarks.figure import Figure, in_turn
from withness.audit.merkle import Frontier, leaf_hash
from withness.audit.record import Kind, columns, instant
from withness.audit.report import Asked
from withness.core.acts import ActKind
from withness.desk import reporting, worklists
from withness.desk.asking import actor_of
from withness.desk.context import Context
from withness.desk.trail_reading import pseudonyms
from withness.settings import Settings
from withness.store import schema
from withness.store.transaction import Transaction
from withness.wiring import build

RECORDS = 1_000_000 if os.environ.get("WITHNESS_CAMPAIGN") == "whole" else 100_000
BATCH = 5_000
BEGUN = datetime(2020, 1, 6, 8, tzinfo=UTC)
MIX = (
    (Kind.GATE_DECIDED, 20),
    (Kind.SCREEN_RECORDED, 16),
    (Kind.CHECKIN_RECORDED, 16),
    (Kind.GOAL_UPDATED, 14),
    (Kind.NOTE_SAVED, 10),
    (Kind.PLAN_APPROVED, 7),
    (Kind.PLAN_SENT, 7),
    (Kind.PLAN_CONFIRMED, 7),
    (Kind.PROTOCOL_STEP, 2),
    (Kind.PROTOCOL_OPENED, 0.5),
    (Kind.OVERRIDE_GRANTED, 0.3),
    (Kind.PROTOCOL_RELEASED, 0.2),
)
"""The kinds of record in a long trail, and how many of a hundred each is."""

DECIDED = ("released", "released", "released", "held-incomplete", "held-for-assessment", "held-for-directive-protocol")


def figures() -> list[Figure]:
    """Return the seconds that a report takes, and the worklist, over RECORDS records."""
    with tempfile.TemporaryDirectory(prefix="withness-bench-") as folder, _site(Path(folder)) as context:
        long_trail(context, RECORDS)

        def plain() -> None:
            _read(context, Asked())

        def sealed() -> None:
            _read(context, Asked(sealed=True))

        def listed() -> None:
            with context.store.snapshot() as tx:
                worklists._open(tx, pseudonyms(tx), context.now())

        def hashed() -> None:
            with context.store.snapshot() as tx:
                digest = hashlib.sha256()
                for body in tx._connection.execute(select(schema.audit_leaf.c.body)).scalars():
                    digest.update(body)

        rounds = 1 if RECORDS > 100_000 else 3
        measured = {
            "report.plain": ("report without what is sealed", *in_turn(plain, hashed, rounds=rounds)),
            "report.sealed": ("report with domains, questions, steps", *in_turn(sealed, hashed, rounds=rounds)),
            "report.worklist": ("worklist", *in_turn(listed, hashed, rounds=rounds)),
        }
    floor = "floor: reading and hashing every record once"
    return [
        Figure(name, value, "s", least, means=f"{what}, {RECORDS:,} records; {floor}")
        for name, (what, value, least) in measured.items()
    ]


def _read(context: Context, asked: Asked) -> None:
    with context.store.snapshot() as tx:
        reporting._read(tx, context.now(), asked, "Organization/bench")


@contextmanager
def _site(folder: Path) -> Iterator[Context]:
    context = build(Settings(home=folder / "data", key_file=folder / "bench.key"))
    try:
        yield context
    finally:
        context.store.close()


def long_trail(context: Context, records: int, *, seed: int = 7) -> None:
    """Fill an empty trail with so many records of six years, and the sealed rows that a report reads behind them."""
    with context.store.transaction() as tx:
        context.record(tx, actor_of("Device/withness"), BEGUN)
        facts = tx.head()
    assert facts is not None
    chance, frontier, seq, number = random.Random(seed), facts.frontier(), facts.size, 0  # noqa: S311  a repeatable trail
    step = timedelta(days=6 * 365) / records
    domains = [(one.id, [question.id for question in one.questions]) for one in context.policy.domains]
    while seq < records:
        leaves, decisions, acts = [], [], []
        for _ in range(min(BATCH, records - seq)):
            at = BEGUN + step * seq
            kind = chance.choices([one for one, _ in MIX], [weight for _, weight in MIX])[0]
            made = _record(chance, kind, seq, at, context.policy.digest, domains)
            leaves.append(made.leaf(frontier))
            frontier = made.frontier
            decisions.extend(made.decisions)
            acts.extend(made.acts)
            seq += 1
        with context.store.transaction() as tx:
            _put(tx, leaves, decisions, acts, number)
            number += len(acts)
            head = {"size": frontier.size, "root": frontier.root(), "peaks": frontier.to_bytes()}
            tx._connection.execute(update(schema.audit_head).values(head))


class _Made:
    """One record with what is sealed behind it."""

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value
        self.decisions: list[tuple[str, str, dict[str, Any]]] = []
        self.acts: list[tuple[str, str, str, dict[str, Any]]] = []

    def leaf(self, frontier: Frontier) -> dict[str, Any]:
        """Return the row; every text here is ASCII, so sorted keys make RFC 8785 of it."""
        body = json.dumps(self.value, sort_keys=True, separators=(",", ":")).encode()
        digest = leaf_hash(body)
        self.frontier = frontier.append(digest)
        return {**columns(self.value), "leaf_hash": digest, "body": body}


def _record(
    chance: random.Random, kind: Kind, seq: int, at: datetime, policy: str, domains: list[tuple[str, list[str]]]
) -> _Made:
    person, actor = f"Patient/{chance.randrange(20_000)}", f"Practitioner/{chance.randrange(60)}"
    second = f"Practitioner/s{chance.randrange(6)}" if kind in _OF_TWO else None
    outcome, reason = _OUTCOMES.get(kind, "recorded"), "urgent-need" if kind is Kind.OVERRIDE_GRANTED else None
    id = str(UUID(int=chance.getrandbits(128)))
    details: dict[str, Any] = {"digest": secrets.token_hex(32), "plan": id, "members": 1, "decision": id}
    if kind is Kind.GATE_DECIDED:
        outcome = chance.choice(DECIDED)
    if kind in _ACTS:
        details["act"] = id
    made = _Made(
        {
            "v": 1,
            "seq": seq,
            "segment": 0,
            "at": instant(at),
            "clock": "ok",
            "kind": kind.value,
            "actor": actor,
            "asserted": True,
            "os_user": "bench",
            "second_actor": second,
            "patient": person,
            "outcome": outcome,
            "reason": reason,
            "policy": policy,
            "request": None,
            "nonce": secrets.token_hex(16),
            "details": details,
        }
    )
    if kind in (Kind.GATE_DECIDED, Kind.PLAN_APPROVED):
        made.decisions.append((id, person, _decision(chance, outcome, at, domains)))
    if kind in _ACTS:
        body = _body(chance, _ACTS[kind], at, domains)
        made.acts.append((id, person, _ACTS[kind].value, _act(id, _ACTS[kind], person, actor, second or "", at, body)))
    return made


_OF_TWO = (Kind.OVERRIDE_GRANTED, Kind.PROTOCOL_RELEASED)
_ACTS = {
    Kind.PROTOCOL_STEP: ActKind.STEP,
    Kind.PROTOCOL_OPENED: ActKind.OPENED,
    Kind.OVERRIDE_GRANTED: ActKind.OVERRIDE,
    Kind.PROTOCOL_RELEASED: ActKind.RELEASED,
}
_OUTCOMES = {kind: act.value for kind, act in _ACTS.items()} | {Kind.PLAN_APPROVED: "approved"}


def _decision(
    chance: random.Random, outcome: str, at: datetime, domains: list[tuple[str, list[str]]]
) -> dict[str, Any]:
    held = outcome.startswith("held")
    findings = []
    for domain, questions in chance.sample(domains, 2) if held else ():
        item = chance.choice(questions).removeprefix(f"{domain}.")
        acuity = "acute" if outcome.endswith("protocol") else "unknown" if "incomplete" in outcome else "elevated"
        findings.append({"domain": domain, "item": item, "acuity": acuity, "why": "The answer was: unsure."})
    inputs = {"person": "", "at": instant(at), "screens": [secrets.token_hex(16)] * 4, "acts": [], "zone": "UTC"}
    expires = instant(at + timedelta(hours=chance.randrange(1, 24)))
    said = {"decision": outcome if held else "released", "by": "screen", "findings": findings, "missing": []}
    return {"salt": secrets.token_hex(16), "inputs": inputs, "outcome": {**said, "expires": expires}}


def _body(chance: random.Random, kind: ActKind, at: datetime, domains: list[tuple[str, list[str]]]) -> dict[str, Any]:
    domain, questions = chance.choice(domains)
    match kind:
        case ActKind.OPENED:
            return {"domain": domain, "screen": "s", "responsible": "Practitioner/1", "backup": "", "steps": []}
        case ActKind.OVERRIDE:
            return {
                "items": [chance.choice(questions)],
                "reason_code": "urgent-need",
                "rationale": "Words.",
                "screen": "",
            }
        case ActKind.RELEASED:
            return {"domain": domain, "reason": "Words.", "screen": ""}
        case _:
            return {"domain": domain, "step": "stay-with", "outcome": "done", "reason": ""}


def _act(
    id: str, kind: ActKind, person: str, by: str, second: str, at: datetime, body: dict[str, Any]
) -> dict[str, Any]:
    statement = {"v": 1, "directory": "", "act": id, "kind": kind.value, "person": person, "at": instant(at)}
    return {"salt": "", "statement": {**statement, "by": by, "second": second, "body": body}, "signatures": []}


def _put(
    tx: Transaction,
    leaves: list[dict[str, Any]],
    decisions: list[tuple[str, str, dict[str, Any]]],
    acts: list[tuple[str, str, str, dict[str, Any]]],
    number: int,
) -> None:
    connection = tx._connection
    connection.execute(insert(schema.audit_leaf), leaves)
    if decisions:
        rows = [
            {"id": id, "person": person, "content": tx._close(content, "decision", id, person)}
            for id, person, content in decisions
        ]
        connection.execute(insert(schema.decision), rows)
    if acts:
        rows = [
            {
                "number": place,
                "id": id,
                "person": person,
                "kind": kind,
                "content": tx._close(content, "act", id, person, kind, place),
            }
            for place, (id, person, kind, content) in enumerate(acts, start=number + 1)
        ]
        connection.execute(insert(schema.act), rows)
