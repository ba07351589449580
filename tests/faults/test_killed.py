"""A writer killed with SIGKILL at random points of starting, screening, saving, delivering and closing (I1, I5).

Every second one while it saves, however long its start takes here. 1,000 rounds on each store in `make prove`, a tenth
elsewhere: a new process each round, which finds what the killed one left and goes on by itself. Planted: a save
acknowledged before its commit (the last test plants it each time); caught.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.child import Nursery, Place, Writer, check_plans, check_records

pytestmark = pytest.mark.campaign
ROUNDS = 1000
AT_A_TIME = 50
"""Rounds on one data directory: what is looked at is looked at often."""


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[int], Place]:
    """Make data directories on each store."""
    if request.param == "SQLite":
        return lambda number: Place(tmp_path / f"home{number}", tmp_path / f"key{number}").prepare()
    server = request.getfixturevalue("postgres_server")
    return lambda number: Place(
        tmp_path / f"home{number}", tmp_path / f"key{number}", server.create_database()
    ).prepare()


def test_kill_nine_at_random_points(
    places: Callable[[int], Place],
    nursery: Nursery,
    tmp_path: Path,
    campaign: Callable[[int], int],
    figure: Callable[[str, int, str], None],
    request: pytest.FixtureRequest,
) -> None:
    """Every acknowledged plan is there, once, decided, delivered; none refused as not saved is; the trail is whole."""
    dice, rounds = random.Random(20261123), campaign(ROUNDS)  # noqa: S311  a repeatable schedule, no secret
    acknowledged = plans = 0
    for first in range(0, rounds, AT_A_TIME):
        place, writers = places(first), []
        starting, saving = _seconds(place, nursery, tmp_path / f"first{first}")
        for number in range(first + 1, min(first + AT_A_TIME, rounds) + 1):
            writer = nursery.start(place, tmp_path / f"log{number}", "plans", "--first", str(1000 * number))
            if number % 2:
                writer.wait_until_ready()
                time.sleep(dice.uniform(0, 2 * saving))
            else:
                time.sleep(dice.uniform(0.5 * starting, starting + saving))
            writer.kill()
            writers.append(writer)
        last = Writer(place, tmp_path / f"first{first}", 0)
        plans += len(check_plans(place, last, *writers))
        acknowledged += sum(len(one.saved()) for one in (last, *writers))
    store = request.node.callspec.params["places"]
    result = f"{acknowledged} plans acknowledged, {plans} there, nothing lost, none twice"
    figure(f"kill -9 at random points, {store}", rounds, result)
    assert acknowledged >= rounds // 10, "it was nearly always killed too early"


def _seconds(place: Place, nursery: Nursery, log: Path) -> tuple[float, float]:
    """Return how long a writer needs until it is ready, and for one save."""
    begun = time.monotonic()
    with nursery.start(place, log, "plans", "--count", "2") as writer:
        ready = time.monotonic()
        writer.wait(lambda: "closed" in writer.lines(), "two saves")
        return ready - begun, (time.monotonic() - ready) / 2


def test_it_would_be_seen(place: Place, nursery: Nursery, tmp_path: Path) -> None:
    """A writer that acknowledges before its commit loses something within a few kills."""
    writers: list[Writer] = []
    for number in range(200):
        with nursery.start(
            place, tmp_path / f"log{number}", "records", "--first", str(1000 * number), "--weaken", "early"
        ) as writer:
            writer.wait_for_saves(1)
            writer.kill()
        writers.append(writer)
        try:
            check_records(place, *writers)
        except AssertionError as error:
            assert "acknowledged, and lost" in str(error)  # noqa: PT017  it is what must happen at last
            return
    pytest.fail("no kill lost what was acknowledged too early")
