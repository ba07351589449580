"""PostgreSQL cuts connections, crashes and is away, while two processes save, as from two machines.

Planted: a COMMIT that was lost with its connection told as saved (cuts); the driver's error let through (away); both
caught.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.child import Nursery, Place, Writer, assert_one_sentence, check_plans, check_records
from tests.requiring import require
from tests.servers import postgres
from withness.errors import InvalidInput
from withness.wiring import load

CUTS = 1000
CRASHES = 100
END = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname <> 'postgres'"
)


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.PostgresServer]:
    """A server of our own: nobody else's connections end with it."""
    require("a PostgreSQL server", postgres.available())
    with postgres.PostgresServer() as made:
        yield made


@pytest.fixture
def shared(server: postgres.PostgresServer, tmp_path: Path) -> Place:
    """A data directory on the server."""
    return Place(tmp_path / "home", tmp_path / "site.key", server.create_database()).prepare()


@pytest.fixture
def two(shared: Place, nursery: Nursery, tmp_path: Path) -> Iterator[tuple[Writer, Writer]]:
    """Two who save there, with COMMITs that are looked up."""
    with (
        nursery.start(shared, tmp_path / "log1", "looked-up", "--pause", "0.01") as one,
        nursery.start(shared, tmp_path / "log2", "looked-up", "--first", "1000000", "--pause", "0.01") as other,
    ):
        for writer in (one, other):
            writer.wait_for_saves()
        yield one, other


@pytest.mark.campaign
def test_connections_are_cut_at_random(
    server: postgres.PostgresServer,
    shared: Place,
    two: tuple[Writer, Writer],
    campaign: Callable[[int], int],
    figure: Callable[[str, int, str], None],
) -> None:
    """In the middle of transactions and of COMMITs: both go on, each acknowledged record is there once, in order."""
    dice, rounds = random.Random(20261125), campaign(CUTS)  # noqa: S311  a repeatable schedule, no secret
    for _ in range(rounds):
        time.sleep(dice.uniform(0, 0.06))
        server.execute(END)
    for writer in two:
        writer.wait_for_saves()
        writer.close()
        assert_one_sentence(writer.refused())
    there = len(check_records(shared, *two))
    refused = [one for writer in two for one in writer.refused()]
    result = f"{sum(len(one.saved()) for one in two)} records acknowledged, {len(refused)} refused, {there} there"
    figure("connections to PostgreSQL cut", rounds, result)
    assert len(refused) > rounds // 20


@pytest.mark.campaign
def test_the_server_crashes_and_comes_back(
    server: postgres.PostgresServer,
    shared: Place,
    two: tuple[Writer, Writer],
    campaign: Callable[[int], int],
    figure: Callable[[str, int, str], None],
) -> None:
    """Stopped at once (`pg_ctl -m immediate`) or killed: it recovers what was acknowledged, and both go on."""
    dice, rounds = random.Random(20261126), campaign(CRASHES)  # noqa: S311  a repeatable schedule, no secret
    for number in range(rounds):
        for writer in two:
            writer.wait_for_saves(1)
        time.sleep(dice.uniform(0, 0.1))
        (server.crash if number % 2 else server.kill)()
        server.start()
    for writer in two:
        writer.wait_for_saves()
        writer.close()
        assert_one_sentence(writer.refused())
    there = len(check_records(shared, *two))
    result = f"{sum(len(one.saved()) for one in two)} records acknowledged, {there} there, none lost"
    figure("PostgreSQL crashed", rounds, result)


def test_a_server_that_is_away_for_a_while(
    server: postgres.PostgresServer, shared: Place, two: tuple[Writer, Writer]
) -> None:
    """One sentence and exit 7 as long as it is away, nothing acknowledged; then both go on by themselves."""
    server.stop()
    try:
        for writer in two:
            refused = writer.wait_for_refusals(2)
            before = len(writer.saved())
            refused += writer.wait_for_refusals(5)
            assert len(writer.saved()) == before
            assert "cannot be reached" in refused[-1].message
    finally:
        server.start()
    for writer in two:
        writer.wait_for_saves()
        writer.close()
        assert_one_sentence(writer.refused())
    check_records(shared, *two)


def test_plans_outlive_a_crash(
    server: postgres.PostgresServer, shared: Place, nursery: Nursery, tmp_path: Path
) -> None:
    """Screen, decision, plan and delivery: whatever the crash broke off, each plan is there once and delivered once."""
    with nursery.start(shared, tmp_path / "log", "plans") as writer:
        for _ in range(3):
            writer.wait_for_saves(1)
            time.sleep(0.05)
            server.kill()
            server.start()
        writer.wait_for_saves(2)
        writer.close()
    assert_one_sentence(writer.refused())
    check_plans(shared, writer)


def test_a_database_that_was_emptied_is_never_begun_anew(
    server: postgres.PostgresServer, shared: Place, nursery: Nursery, tmp_path: Path
) -> None:
    """Dropped and made again under a running process: it is refused until the database is put back."""
    name = postgres.database_of(shared.database)
    with nursery.start(shared, tmp_path / "log", "looked-up") as writer:
        writer.wait_for_saves()
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
        refused = writer.wait_for_refusals(3)
        before = len(writer.saved())
        writer.wait_for_refusals(3)
        assert len(writer.saved()) == before
        writer.kill()
    assert_one_sentence(refused)
    with pytest.raises(InvalidInput, match="used before"):
        load(shared.settings)
    assert server.execute("SELECT count(*) FROM pg_class WHERE relname = 'meta'", name) == [(0,)]
