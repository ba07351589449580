"""`ig check`, whole: everything that is given, against FHIR R4, our rules and the profiles at hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from withness.errors import InvalidInput
from withness.fhir.package import checking
from withness.fhir.package.intake import Intake, Piece
from withness.fhir.profile_check.definitions import Definitions
from withness.fhir.profile_check.findings import Findings
from withness.fhir.profile_check.inspection import ALWAYS, inspect, sounds

_DEFINING: Final = ("StructureDefinition", "ValueSet", "CodeSystem")


@dataclass(frozen=True)
class Found:
    """One problem: the file (with a line or an entry), the element in it, and the rest of a sentence about it."""

    file: str
    element: str
    why: str


@dataclass
class Report:
    """What was checked, what is wrong, and what was not: `unchecked` maps what and which to where it was met first."""

    files: int = 0
    resources: int = 0
    profiles: set[str] = field(default_factory=set)
    problems: list[Found] = field(default_factory=list)
    unchecked: dict[tuple[str, str], str] = field(default_factory=lambda: {(one, ""): "" for one in ALWAYS})


def check(taken: Sequence[tuple[str, Intake]], known: Definitions, *, profiles: Iterable[str] = ()) -> Report:
    """Check what was read from each file.

    What is given together is known together: a profile, value set or code system among it counts for the rest, in
    front of our own. Raises InvalidInput (field --profile) when a profile is not here, or is asked of nothing.
    """
    report = Report(files=len(taken))
    pieces = [(piece, one.description is not None) for _, one in taken for piece in one.pieces]
    known = _with_given(known, taken, pieces)
    wanted = tuple(profiles)
    _refuse_unknown(wanted, known)
    for name, one in taken:
        report.problems += [Found(where, "", why) for where, why in one.unread]
        report.problems += [Found(f"{name}: {path}", *wrong) for path, *wrong in checking.check(one)]
    for piece, packaged in pieces:
        findings, used = inspect(piece.resource, known, profiles=wanted, package=packaged)
        _add(report, piece, findings)
        report.profiles |= used
        report.resources += 1
    _refuse_idle(wanted, known, report)
    return report


def _add(report: Report, piece: Piece, findings: Findings) -> None:
    report.problems += [Found(piece.where, one.path, one.why) for one in findings.problems]
    for key, one in findings.unchecked.items():
        report.unchecked.setdefault(key, f"{piece.where}, {one.path}")


def _with_given(
    known: Definitions, taken: Sequence[tuple[str, Intake]], pieces: Sequence[tuple[Piece, bool]]
) -> Definitions:
    """Return the definitions with those among what is given; one that has problems itself is no measure for others."""
    given = [piece.resource for piece, _ in pieces if piece.resource.get("resourceType") in _DEFINING]
    named = [piece.resource for piece, packaged in pieces if packaged and isinstance(piece.resource.get("url"), str)]
    bases = [one.description.get("canonical") for _, one in taken if one.description is not None]
    if not given and not named:
        return known
    sound = [one for one in given if sounds(one)]
    others = [one for one in named if one.get("resourceType") not in _DEFINING]
    return known.and_these([*sound, *others], [one for one in bases if isinstance(one, str)])


def _refuse_unknown(wanted: Sequence[str], known: Definitions) -> None:
    for canonical in wanted:
        structure = known.structure(canonical)
        if structure is None or structure.definition.get("kind") != "resource":
            listed = ", ".join(known.profiles())
            hint = f"Choose one of: {listed}." if listed else "This installation carries no profile."
            raise InvalidInput("--profile names no profile that is here with a snapshot.", field="--profile", hint=hint)


def _refuse_idle(wanted: Sequence[str], known: Definitions, report: Report) -> None:
    """A profile that was asked for and had nothing to be asked of would pass silently."""
    for canonical in wanted:
        structure = known.structure(canonical)
        if structure is not None and structure.url not in report.profiles:
            raise InvalidInput(
                f"--profile asks for {structure.name}, and there is no {structure.type} to check.", field="--profile"
            )


def told(report: Report) -> dict[str, Any]:
    """Return the report as the JSON document of `ig check --json`."""
    return {
        "checked": {"files": report.files, "resources": report.resources, "profiles": sorted(report.profiles)},
        "problems": [vars(one) for one in report.problems],
        "unchecked": [
            {"what": what, "which": which, "where": where} for (what, which), where in report.unchecked.items()
        ],
    }
