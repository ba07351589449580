"""Verifying a trail: its structure against reading and hashing the same bytes, decisions decided again, appends.

A trail of a million records is made by putting prepared leaves into the log in bulk, through the log's own functions.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import insert

from benchmarks.figure import Figure
from withness.audit import log
from withness.audit.check import check
from withness.audit.growth import Growth
from withness.audit.log import Head
from withness.audit.record import Kind, Leaf, Record, make_leaf
from withness.audit.tiles import WIDTH, make_tile
from withness.cli import samples
from withness.core.terms import Purpose, UnitKind
from withness.desk import standing
from withness.desk.asking import actor_of
from withness.desk.context import Actor, Context
from withness.desk.digests import digest
from withness.desk.front import Desk
from withness.desk.verify import Asked, verify
from withness.desk.verify_jobs import Workers, default_jobs
from withness.settings import Settings
from withness.store import schema
from withness.store.sql import Store
from withness.store.sqlite import SqliteStore
from withness.store.transaction import Transaction
from withness.wiring import build

WHOLE = os.environ.get("WITHNESS_CAMPAIGN") == "whole"
RECORDS = 1_000_000 if WHOLE else 100_000
DECISIONS = (10_000, 100_000) if WHOLE else (1_000, 10_000)
AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
_BATCH = 4 * WIDTH
_MEMORY_MIB = 200


def figures() -> list[Figure]:
    """Return the seconds of verifying, its memory, decisions decided again, and appends at both ends of a trail."""
    with tempfile.TemporaryDirectory(prefix="withness-bench-") as folder:
        path = Path(folder) / "trail.sqlite3"
        fill(path, 1_000)
        few = _append(path)
        fill(path, RECORDS)
        many = _append(path)
        structure = _structure(path)
    means = f"one durable append at {RECORDS:,} records; floor: the same at 1,000"
    appended = Figure("append.at-size", many * 1e3, "ms", few * 1e3, target=1.3, means=means)
    return [*structure, appended, *_again()]


# -- the trail


def fill(path: Path, size: int) -> None:
    """Let a trail have `size` records: prepared leaves and full tiles, appended in bulk and in one transaction."""
    with closing(SqliteStore(path, None)) as store:
        store.set_up({"data_id": "bench"})
        with store.transaction() as tx:
            tree = Growth()
            tree.extend([row[2] for row in tx.rows()])
            seq = tree.size
            while seq < size:
                leaves = [_leaf(number) for number in range(seq, min(seq + _BATCH, size))]
                tx._connection.execute(insert(schema.audit_leaf), [vars(one) for one in leaves])
                tree.extend([one.leaf_hash for one in leaves])
                seq += len(leaves)
            _keep_tiles(tx)
            frontier = tree.frontier()
            head = Head(0, 0, frontier.size, frontier.root(), frontier.to_bytes())
            tx._upsert(schema.audit_head, vars(head), "segment")


def _keep_tiles(tx: Transaction) -> None:
    """Keep every tile that is full and not kept yet."""
    level = 0
    kept = {(tile.level, tile.number) for tile in tx.tiles()}
    hashes = [row[2] for row in tx.rows()]
    while len(hashes) >= WIDTH:
        roots = []
        for number in range(len(hashes) // WIDTH):
            tile = make_tile(0, level, number, b"".join(hashes[number * WIDTH : (number + 1) * WIDTH]))
            if (level, number) not in kept:
                tx.put_tile(tile)
            roots.append(tile.root)
        hashes, level = roots, level + 1


def _leaf(number: int) -> Leaf:
    """A record like those of a busy site: a decision, of one of 5,000 people."""
    said = Record(
        kind=Kind.TRAIL_VIEWED,
        actor=f"Practitioner/p{number % 40}",
        os_user="withness",
        patient=f"Patient/{number % 5000}",
        outcome="released",
        policy="0" * 64,
        request=secrets.token_hex(16),
        details={"decision": secrets.token_hex(16), "digest": secrets.token_hex(32), "screen": "s1", "demo": True},
    )
    return make_leaf(said, seq=number, segment=0, at=AT + timedelta(seconds=number), clock="ok")


# -- structure


def _structure(path: Path) -> list[Figure]:
    pairs = [(_seconds(partial(_check, path)), _seconds(partial(_read, path))) for _ in range(3)]
    alone, floor = (median(column) for column in zip(*pairs, strict=True))
    jobs = default_jobs()
    shared, second = _seconds(partial(_verify, path, jobs)), _seconds(partial(_read, path))
    size = f"{RECORDS:,} records"
    said = "floor: reading and hashing the same bytes in Python"
    memory = _memory(path)
    return [
        Figure("verify.structure", alone, "s", floor, target=8, means=f"checking {size} and their columns; {said}"),
        Figure("verify.shared", shared, "s", second, target=8, means=f"audit verify --structure, {jobs} jobs; {said}"),
        Figure("verify.memory", memory, "MiB", 1, target=_MEMORY_MIB, means=f"the most memory of one verify of {size}"),
    ]


def _read(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        for (body,) in database.execute("SELECT body FROM audit_leaf ORDER BY seq"):
            hashlib.sha256(body).digest()


def _check(path: Path) -> None:
    with closing(SqliteStore(path, None)) as store, store.snapshot() as tx:
        assert list(check(tx)) == []


def _verify(path: Path, jobs: int) -> None:
    workers = Workers(jobs, partial(SqliteStore, path, None))
    with closing(SqliteStore(path, None)) as store:
        verdict = verify(store, actor_of(samples.CLINICIAN), datetime.now(UTC), Asked(structure=True, workers=workers))
    assert verdict.whole, verdict.damages[:3]


def _memory(path: Path) -> float:
    """Return the most resident memory, in MiB, of a process that verifies all that it can without the data key."""
    said = (
        "import re, sys; from pathlib import Path; from contextlib import closing; from datetime import *\n"
        "from withness.store.sqlite import SqliteStore; from withness.desk.verify import verify\n"
        "from withness.desk.context import Actor\n"
        "with closing(SqliteStore(Path(sys.argv[1]), None)) as store:\n"
        "    verdict = verify(store, Actor('Device/bench', 'bench'), datetime.now(UTC))\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) / 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", said, path], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout))


def _append(path: Path) -> float:
    """Return the seconds of one durable append."""
    with closing(SqliteStore(path, None)) as store:

        def one() -> None:
            with store.transaction() as tx:
                log.append(tx, [Record(kind=Kind.TRAIL_VIEWED, actor="Device/bench", os_user="bench")], at=AT)

        return median(_seconds(one) for _ in range(100))


# -- decisions


def _again() -> list[Figure]:
    few, many = (_decided_again(number) for number in DECISIONS)
    at = f"at {DECISIONS[1]:,} decisions"
    return [
        Figure("verify.decisions", 1 / many, "a second", means=f"audit verify, decisions decided again {at}"),
        Figure(
            "verify.linear",
            many * 1e3,
            "ms",
            few * 1e3,
            target=1.3,
            means=f"verifying one decision {at}; floor: one at {DECISIONS[0]:,}",
        ),
    ]


def _decided_again(number: int) -> float:
    """Return the seconds that verifying takes for each decision of a trail with `number` of them, of 4 a person."""
    with tempfile.TemporaryDirectory(prefix="withness-bench-") as folder:
        context = build(Settings(home=Path(folder) / "data", key_file=Path(folder) / "bench.key"))
        with Desk(context) as desk:
            actor, rosa = actor_of(samples.CLINICIAN), samples.people()["rosa"]
            desk.screen(samples.screen(context.policy, rosa, datetime.now(UTC), {}), actor=samples.CLINICIAN)
            with context.store.transaction() as tx:
                [screen] = tx.screens(rosa["member"])
            for start in range(0, number // 4, 100):
                with context.store.transaction() as tx:
                    for one in range(start, start + 100):
                        _four_decisions(context, tx, actor, f"Patient/b{one}", screen.content)
            return _seconds(lambda: _whole(context.store, actor)) / number


def _whole(store: Store, actor: Actor) -> None:
    verdict = verify(store, actor, datetime.now(UTC))
    assert verdict.whole, verdict.damages[:3]


def _four_decisions(context: Context, tx: Transaction, actor: Actor, person: str, content: Mapping[str, Any]) -> None:
    """Somebody with one screen, about whom the gate's one answer is kept four times."""
    at, id = context.now(), context.new_id()
    tx.put_screen(id, person, content)
    details = {"screen": id, "digest": digest(content["salt"], content["answers"]), "author": samples.CLINICIAN}
    screened = Record(
        kind=Kind.SCREEN_RECORDED, actor=actor.ref, os_user=actor.os_user, patient=person, details=details
    )
    context.record(tx, actor, at, screened)
    question = standing.Question(UnitKind.INDIVIDUAL, (person,), Purpose.NEW_PLAN, "Encounter/e1")
    answered = standing.ask(tx, context, question, at=at, id=context.new_id())
    kept = []
    for _ in range(4):
        again = replace(answered, decision=replace(answered.decision, id=context.new_id()))
        kept.extend(standing.keep(tx, again, actor))
    context.record(tx, actor, at, *kept)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
