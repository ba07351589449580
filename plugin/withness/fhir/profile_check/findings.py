"""What a check found wrong, and what it could not check: neither is ever dropped."""

from __future__ import annotations

from dataclasses import dataclass, field

from withness.fhir.check import Problem


@dataclass(frozen=True)
class Unchecked:
    """`which` of the things that `what` names was not checked, met at the element `path` first."""

    path: str
    what: str
    which: str


@dataclass
class Findings:
    """The problems in the order found, each element and sentence once; what was not checked, each thing once."""

    problems: dict[Problem, None] = field(default_factory=dict)
    unchecked: dict[tuple[str, str], Unchecked] = field(default_factory=dict)

    def wrong(self, path: str, why: str) -> None:
        """Add a problem."""
        self.problems.setdefault(Problem(path, why))

    def skipped(self, path: str, what: str, which: str) -> None:
        """Add what is not checked: `which` is an artefact, element or rule, never a value of a resource."""
        self.unchecked.setdefault((what, which), Unchecked(path, what, which))
