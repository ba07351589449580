"""The jurisdiction table: TOML to Jurisdiction, the shipped examples or a site's own file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, StringConstraints

from withness import content
from withness.core.jurisdiction import Consent, Jurisdiction, Population, ReportRule, WorkingDays
from withness.errors import InvalidContent
from withness.files import read_regular
from withness.packs.policy_file import Duration
from withness.packs.toml import Outside, Text, no_twice, read, refusal

FILE: Final = "jurisdictions.toml"

# The ceilings are no law: they catch a slip of the pen that would make a report late.
LONGEST_LIMIT: Final = timedelta(days=31)
MOST_WORKING_DAYS: Final = 31
OLDEST_MINOR: Final = 21

Code = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
"""ISO 3166-1 alpha-2, or ISO 3166-2: "US", "US-CA"."""


def _now(value: Any) -> Any:
    return "PT0S" if value == "now" else value


class _Consent(Outside):
    from_age: Annotated[int, Field(strict=True, ge=1, le=OLDEST_MINOR)]
    about: Text
    source: Text


class _Report(Outside):
    population: Population
    phone_within: Annotated[Duration, Field(le=LONGEST_LIMIT), BeforeValidator(_now)]
    written_within: Annotated[Duration, Field(gt=timedelta(0), le=LONGEST_LIMIT)] | None = None
    written_within_working_days: Annotated[int, Field(strict=True, ge=1, le=MOST_WORKING_DAYS)] | None = None
    to_whom: Text
    source: Text
    notice: Text | None = None


class _Jurisdiction(Outside):
    id: Code
    title: Text
    notice: Text
    reviewed_by: Text
    consent: _Consent
    report: Annotated[tuple[_Report, ...], Field(min_length=1)]


class _Jurisdictions(Outside):
    jurisdiction: Annotated[tuple[_Jurisdiction, ...], Field(min_length=1)]


def load_jurisdictions(path: Path | None = None) -> Mapping[str, Jurisdiction]:
    """Return the jurisdictions by id: those of the site's own file at `path`, else the shipped examples.

    A site's file stands in the place of the examples, so that no unreviewed rule is mixed with reviewed ones.
    Raises InvalidContent naming file and key.
    """
    if path is None:
        return parse_jurisdictions(_bytes(content.folder("catalogue") / FILE, name=FILE), name=FILE)
    return parse_jurisdictions(_bytes(path, name=path.name), name=path.name)


def _bytes(file: Traversable | Path, *, name: str) -> bytes:
    try:
        return read_regular(file) if isinstance(file, Path) else file.read_bytes()
    except OSError:
        raise InvalidContent(f"{name} cannot be read.", field=name) from None


def parse_jurisdictions(text: bytes, *, name: str) -> Mapping[str, Jurisdiction]:
    """Return the jurisdictions in a TOML file by id, in its order. Raises InvalidContent naming file and key."""
    found = read(_Jurisdictions, text, name=name).jurisdiction
    no_twice([one.id for one in found], name=name, key="jurisdiction")
    return MappingProxyType({one.id: _jurisdiction(one, name=name) for one in found})


def _jurisdiction(given: _Jurisdiction, *, name: str) -> Jurisdiction:
    key = f"jurisdiction.{given.id}.report"
    no_twice([one.population.value for one in given.report], name=name, key=key)
    return Jurisdiction(
        id=given.id,
        title=given.title,
        notice=given.notice,
        reviewed_by=given.reviewed_by,
        consent=Consent(**dict(given.consent)),
        reports=tuple(
            ReportRule(
                population=one.population,
                phone_within=one.phone_within,
                written=_written(one, name=name, key=f"{key}.{one.population.value}"),
                to_whom=one.to_whom,
                source=one.source,
                notice=one.notice or "",
            )
            for one in given.report
        ),
    )


def _written(given: _Report, *, name: str, key: str) -> timedelta | WorkingDays:
    match given.written_within, given.written_within_working_days:
        case timedelta() as within, None:
            return within
        case None, int(days):
            return WorkingDays(days)
        case _:
            raise refusal(name, key, "must have one of written_within and written_within_working_days")
