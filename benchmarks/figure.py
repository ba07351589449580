"""One figure: a value measured in turn with its floor, and how the two are measured."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """What was measured: `floor` is in the same unit (None: it has none), `target` is the highest ratio wanted."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    target: float | None = None
    means: str = ""

    @property
    def ratio(self) -> float | None:
        """The value in floors."""
        return self.value / self.floor if self.floor else None

    @property
    def met(self) -> bool | None:
        """Whether the target is met, None without one."""
        return None if self.ratio is None or self.target is None else self.ratio <= self.target

    def as_dict(self) -> dict[str, object]:
        """Return the figure as benchmarks/latest.json holds it; names and keys are stable."""
        return {
            "name": self.name,
            "value": round(self.value, 3),
            "unit": self.unit,
            "floor": None if self.floor is None else round(self.floor, 3),
            "ratio": None if self.ratio is None else round(self.ratio, 3),
        }


Work = Callable[[], object]


def in_turn(work: Work, floor: Work, *, rounds: int, times: int = 1) -> tuple[float, float]:
    """Return the seconds that `work` and its `floor` take: medians over `rounds`, measured A B A B.

    Each round runs both `times` times; the first round of each is warming up and does not count.
    """
    pairs = [(_seconds(work, times), _seconds(floor, times)) for _ in range(rounds + 1)][1:]
    return median(one for one, _ in pairs), median(one for _, one in pairs)


def _seconds(work: Work, times: int) -> float:
    gc.collect()
    begun = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - begun) / times
