"""Sixteen clinicians save at the same time, on SQLite and on PostgreSQL: nothing is lost, and nobody waits for long."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.makers import make_screen
from tests.servers.postgres import PostgresServer
from tests.system.site import make_draft
from tests.system.test_on_postgres import address_for
from withness.desk.front import Desk
from withness.settings import Settings
from withness.wiring import build

CLINICIANS = 16
SAVES = 3


@pytest.fixture(params=["SQLite", "PostgreSQL, one machine", "PostgreSQL, four machines"])
def desks(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Desk]]:
    """The desk of each clinician: one for all, or on PostgreSQL those of four machines, each with its connections."""
    home, key_file, url = tmp_path / "home", tmp_path / "keys" / "site.key", ""
    if request.param != "SQLite":
        url = address_for(request.getfixturevalue("postgres_server"), home, key_file)
    settings = Settings(home=home, key_file=key_file, database_url=url)
    with ExitStack() as stack:
        machines = [stack.enter_context(Desk(build(settings))) for _ in range(4 if "four" in request.param else 1)]
        yield [machines[number % len(machines)] for number in range(CLINICIANS)]


@pytest.mark.campaign
def test_sixteen_clinicians_save_at_once(
    desks: list[Desk], figure: Callable[[str, int, str], None], request: pytest.FixtureRequest
) -> None:
    """Two to each client, one of whom screens too. Every answer is in the trail once, and its times stand in order.

    Planted: the end of the trail not held before a record is written; the time of a record taken before that; both
    caught on PostgreSQL.
    """
    waits, answers, errors = [], [], []
    gate = threading.Barrier(CLINICIANS)

    def work(number: int) -> None:
        who = f"Patient/client{number // 2}"
        desk = desks[number]
        gate.wait()
        try:
            for _ in range(SAVES):
                begun = time.monotonic()
                if number % 2 == 0:
                    _screen(desk, who)
                answers.append(desk.save(make_draft(who), actor=f"Practitioner/p{number}"))
                waits.append(time.monotonic() - begun)
        except Exception as error:  # noqa: BLE001  a thread's error is the test's to show
            errors.append(error)

    for number in range(CLINICIANS // 2):
        _screen(desks[0], f"Patient/client{number}")
    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLINICIANS)]
    begun = time.monotonic()
    for one in threads:
        one.start()
    for one in threads:
        one.join(120)
    took = time.monotonic() - begun
    assert errors == []
    assert len(answers) == CLINICIANS * SAVES
    assert [answer for answer in answers if not answer["saved"]] == []
    _check(desks[0], [answer["plan"] for answer in answers])
    result = f"longest wait {max(waits):.2f} s, {len(waits) / took:.0f} saves a second"
    figure(f"16 clinicians at once, {request.node.callspec.params['desks']}", len(waits), result)


def _screen(desk: Desk, who: str) -> None:
    context = desk._context
    screen = make_screen(context.policy, subject=who, encounter="Encounter/e1", authored=context.now())
    assert desk.screen(screen, actor="Practitioner/p1")["decision"] == "released"


def _check(desk: Desk, plans: list[str]) -> None:
    store = desk._context.store
    with store.snapshot() as tx:
        bodies: list[Any] = [json.loads(leaf.body) for leaf in tx.leaves()]
        numbers = [row.number for number in range(CLINICIANS // 2) for row in tx.screens(f"Patient/client{number}")]
        assert set(tx.plan_ids()) == set(plans)
    assert len(set(plans)) == CLINICIANS * SAVES
    screens = CLINICIANS // 2 * (SAVES + 1)
    assert sorted(numbers) == list(range(1, screens + 1))
    assert all(one["clock"] == "ok" for one in bodies)
    assert all(one["at"] <= other["at"] for one, other in pairwise(bodies))
    kinds = Counter(one["kind"] for one in bodies)
    assert (kinds["screen.recorded"], kinds["plan.approved"]) == (screens, CLINICIANS * SAVES)
    assert kinds["policy.changed"] == 1
    assert desk.health()["records"] == len(bodies)


def test_two_members_turn_acute_at_once_and_both_are_on_hold(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """One plan, two shares: neither screen's hold is written over by the other's. Eight couples.

    Planted: a plan that is on hold for one of them taken for on hold for both; caught.
    """
    key_file = tmp_path / "site.key"
    url = address_for(postgres_server, tmp_path / "home", key_file)
    with Desk(build(Settings(home=tmp_path / "home", key_file=key_file, database_url=url))) as desk:
        context = desk._context
        for couple in range(8):
            members = (f"Patient/a{couple}", f"Patient/b{couple}")
            for who in members:
                answers = {"violence.asked-alone": "yes"}
                screen = make_screen(context.policy, subject=who, authored=context.now(), answers=answers)
                desk.screen(screen, actor="Practitioner/p1")
            saved = desk.save(make_draft(*members), actor="Practitioner/p1")
            assert saved["saved"], saved
            gate = threading.Barrier(2)

            def turn(who: str, gate: threading.Barrier = gate) -> None:
                now = make_screen(context.policy, subject=who, authored=context.now(), answers={"suicide.now": "yes"})
                gate.wait()
                desk.screen(now, actor="Practitioner/p1")

            threads = [threading.Thread(target=turn, args=(who,)) for who in members]
            for one in threads:
                one.start()
            for one in threads:
                one.join(60)
            with context.store.transaction() as tx:
                row = tx.plan(saved["plan"])
            assert row is not None
            assert {who: row.content["charts"][who]["holds"] for who in members} == {who: ["acute"] for who in members}


def test_one_request_for_two_clients_makes_one_plan(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """At the same instant, with one request id: one is saved, the other is a conflict, as it is one after the other.

    Planted: the draft of a request not compared with the first; caught.
    """
    from withness.errors import Conflict

    key_file = tmp_path / "site.key"
    url = address_for(postgres_server, tmp_path / "home", key_file)
    with Desk(build(Settings(home=tmp_path / "home", key_file=key_file, database_url=url))) as desk:
        people = [f"Patient/client{number}" for number in range(8)]
        for who in people:
            at = desk._context.now()
            desk.screen(make_screen(desk._context.policy, subject=who, encounter="Encounter/e1", authored=at))
        request_id, told, gate = make_draft()["request_id"], [], threading.Barrier(len(people))

        def work(who: str) -> None:
            gate.wait()
            try:
                told.append(desk.save(make_draft(who, request_id=request_id), actor="Practitioner/p1")["saved"])
            except Conflict:
                told.append("conflict")

        threads = [threading.Thread(target=work, args=(who,)) for who in people]
        for one in threads:
            one.start()
        for one in threads:
            one.join(60)
        assert sorted(map(str, told)) == ["True", *["conflict"] * 7]
        assert len(desk.plans(actor="Practitioner/p1")) == 1
