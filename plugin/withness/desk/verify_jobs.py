"""Sharing the structure check among processes: each looks at parts of the log in a snapshot of its own."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Final

from withness.audit.check import Part, check_part
from withness.errors import CannotTell
from withness.store.sql import Store

SMALL: Final = 200_000
"""Records below which one process does it all: starting others takes longer."""

MOST_JOBS: Final = 8

_store: Store | None = None


def default_jobs() -> int:
    """Return how many processes look at a large trail unless somebody says otherwise."""
    return max(1, min(MOST_JOBS, os.cpu_count() or 1))


@dataclass(frozen=True)
class Workers:
    """`jobs` processes; `another` opens the store in each of them (a function that can be sent to a process)."""

    jobs: int
    another: Callable[[], Store]

    def run(self, parts: Sequence[Part], meanwhile: Callable[[], None]) -> Iterator[Part]:
        """Yield each part as `check_part` leaves it, in order; `meanwhile` runs here at the same time.

        A part that a process could not read is not regular: whoever asked looks at it again.
        """
        pool = ProcessPoolExecutor(
            self.jobs, multiprocessing.get_context("spawn"), initializer=_open, initargs=(self.another,)
        )
        with pool:
            try:
                asked = [pool.submit(_check, part) for part in parts]
            except BrokenProcessPool:
                asked = []
            meanwhile()
            if not asked:
                yield from parts  # as they came: none is regular
            for part, answer in zip(parts, asked, strict=False):
                yield _answer(part, answer)


def _answer(part: Part, answer: Future[Part]) -> Part:
    try:
        return answer.result()
    except (BrokenProcessPool, OSError):
        return Part(part.segment, part.first, part.last)


def _open(another: Callable[[], Store]) -> None:
    global _store  # noqa: PLW0603  one process, one store: it is opened when the process starts
    _store = another()


def _check(part: Part) -> Part:
    if _store is None:
        return Part(part.segment, part.first, part.last)
    try:
        with _store.snapshot() as tx:
            return check_part(tx, part)
    except CannotTell:
        return Part(part.segment, part.first, part.last)
