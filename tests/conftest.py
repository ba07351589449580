"""Fixtures that every room's tests share, and the size of the long campaigns."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.requiring import require
from tests.servers import hapi, postgres
from tests.servers import validator as fhir_validator
from tests.system.site import Site

_FIGURES: list[dict[str, Any]] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--campaign-figures", help="write the campaigns' figures to this JSON file")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site on the embedded default, with a clock that the test sets."""
    with Site(tmp_path / "home", tmp_path / "keys" / "site.key") as made:
        yield made


@pytest.fixture(scope="session")
def hapi_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hapi.HapiServer]:
    """A real HAPI FHIR server with the people that the tests write about; skipped, saying why, where there is none."""
    require("a real FHIR server", hapi.available())
    with hapi.HapiServer(tmp_path_factory.mktemp("hapi")) as server:
        server.create_world()
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    """A real PostgreSQL server; skipped, saying why, where there is none."""
    require("a PostgreSQL server", postgres.available())
    with postgres.PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def validator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[fhir_validator.Validator]:
    """An independent FHIR validator that knows fhir_profiles/; skipped, saying why, where it cannot run."""
    require("a FHIR validator", fhir_validator.available())
    with fhir_validator.shared(tmp_path_factory.getbasetemp()) as running:
        yield running


@pytest.fixture(scope="session")
def campaign() -> Callable[[int], int]:
    """Return how many rounds a campaign of that many runs has here: a tenth, or all of them in `make prove`."""
    whole = os.environ.get("WITHNESS_CAMPAIGN") == "whole"
    return lambda rounds: rounds if whole else max(1, rounds // 10)


@pytest.fixture(scope="session")
def figure() -> Callable[[str, int, str], None]:
    """Note a campaign's figure for docs/figures.md."""
    return lambda name, runs, result: _FIGURES.append({"name": name, "runs": runs, "result": result})


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = session.config.getoption("--campaign-figures")
    if path:
        Path(path).write_text(json.dumps(_FIGURES, indent=2) + "\n", encoding="utf-8")
