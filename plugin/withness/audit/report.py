"""The compliance report as values: records in, everything counted and listed out. It reads no clock and no store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, Final

from withness.audit.check import Damage
from withness.audit.misread import hurt
from withness.audit.record import instant
from withness.audit.report_acute import Episode
from withness.audit.report_counts import DomainCount, NearExpiry, QuestionCount, Week
from withness.audit.report_signed import Pattern, Raised, Refused, SignedAct, SignOff
from withness.audit.report_state import Break, ClockRun, PlanWaiting, PolicySpan, unsettled

OLD: Final = timedelta(days=1)
"""A plan that waits longer than this for the EHR needs somebody's eyes."""

OFTEN: Final = (5, 0.5)
"""A question that held so often, and was overridden in more than this share, asks for the rule to be looked at."""


@dataclass(frozen=True)
class Asked:
    """What a report covers: from `since` until before `until` (None: open), decided by one policy where named.

    `sealed`: with what only the privilege shows; `names` and `rationales` besides.
    """

    since: datetime | None = None
    until: datetime | None = None
    policy: str | None = None
    sealed: bool = False
    names: bool = False
    rationales: bool = False


@dataclass(frozen=True)
class Report:
    """Everything that a report says. `limits` are sentences on what it leaves out, and why.

    `damage` is what is wrong with schema, tree or end of the trail, `damages` which records are not as written.
    """

    organization: str
    directory: str
    made: datetime
    asked: Asked
    records: int
    span: tuple[datetime, datetime] | None
    limits: tuple[str, ...]
    notice: str
    decisions: Mapping[str, int]
    weeks: tuple[Week, ...]
    domains: tuple[DomainCount, ...] | None
    questions: tuple[QuestionCount, ...] | None
    acute: tuple[Episode, ...]
    unopened: tuple[int, ...]
    signed: tuple[SignedAct, ...]
    raised: tuple[Raised, ...]
    patterns: tuple[Pattern, ...]
    near_expiry: tuple[NearExpiry, ...] | None
    plans: tuple[PlanWaiting, ...]
    policies: tuple[PolicySpan, ...]
    clock: tuple[ClockRun, ...]
    breaks: tuple[Break, ...]
    damage: str
    damages: tuple[Damage, ...]
    doubt: str
    refusals: tuple[Refused, ...]
    sign_offs: tuple[SignOff, ...]

    @property
    def hurt(self) -> str:
        """What is wrong with the trail as it stands, "" where nothing was seen."""
        return hurt(self.damage, self.damages)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values: instants as records write them, lengths of time in seconds."""
        made: dict[str, Any] = {one.name: _json(getattr(self, one.name)) for one in fields(self)}
        made["attention"] = [asdict(one) for one in attention(self)]
        return made


def _json(value: Any) -> Any:
    match value:
        case datetime():
            made: Any = instant(value)
        case date():
            made = value.isoformat()
        case timedelta():
            made = round(value.total_seconds(), 3)
        case float():
            made = round(value, 4)
        case Mapping():
            made = {key: _json(one) for key, one in value.items()}
        case tuple() | list():
            made = [_json(one) for one in value]
        case _ if is_dataclass(value):
            made = {one.name: _json(getattr(value, one.name)) for one in fields(value)}
            made |= {name: _json(getattr(value, name)) for name in _COUNTED if hasattr(value, name)}
        case _:
            made = value
    return made


_COUNTED: Final = ("held", "share", "overdue")
"""What a value works out of itself, told beside what it holds."""


# -- what stands out


@dataclass(frozen=True)
class Attention:
    """One thing that stands out: a sentence, and the part of the report (its id) that has more."""

    said: str
    part: str


def attention(report: Report) -> tuple[Attention, ...]:
    """Return what stands out, the most urgent first; nothing is said of what is in order."""
    plans = [one for one in report.plans if report.made - one.since > OLD]
    late = [one for one in report.acute if one.how == "open" and one.late]
    going = [one for one in report.acute if one.how == "open"]
    overrides = [one for one in report.signed if one.what == "override"]
    alone = [one for one in report.patterns if one.what == "self"]
    mutual = [one for one in report.patterns if one.what == "mutual"]
    often = [one for one in report.questions or () if one.held >= OFTEN[0] and one.share > OFTEN[1]]
    broken, lost = unsettled(report.breaks), [one for one in report.breaks if one.signed]
    refused = sum(one.count for one in report.refusals)
    found = (
        (bool(report.hurt), f"The trail is damaged now: {report.hurt}.", "trail"),
        (
            bool(broken),
            _many(len(broken), "time", "times", "the trail was found damaged, and went on in a new segment"),
            "trail",
        ),
        (
            bool(lost),
            _many(len(lost), "time", "times", "an older copy was put back, and two people signed for what is lost"),
            "trail",
        ),
        (bool(report.doubt), report.doubt, "trail"),
        (
            bool(late),
            _many(len(late), "acute hold has", "acute holds have", "steps that were not recorded in time"),
            "acute",
        ),
        (bool(report.unopened), f"{_no(report.unopened)} held as acute, and no protocol was open for them.", "acute"),
        (bool(going), _many(len(going), "acute hold is", "acute holds are", "open"), "acute"),
        (bool(alone), "Somebody signed first and second.", "patterns"),
        (
            bool(mutual),
            _many(len(mutual), "pair of people signs", "pairs of people sign", "second for each other"),
            "patterns",
        ),
        (
            bool(often),
            f"Overridden more often than not, so look at the rule: {', '.join(one.item for one in often)}.",
            "questions",
        ),
        (
            bool(plans),
            _many(len(plans), "released plan has", "released plans have", "waited for more than a day"),
            "plans",
        ),
        (bool(report.clock), _many(len(report.clock), "time", "times", "the clock went back"), "clock"),
        (bool(overrides), _many(len(overrides), "override", "overrides", "granted"), "signed"),
        (bool(refused), _many(refused, "attempt", "attempts", "refused"), "refusals"),
    )
    return tuple(Attention(said, part) for there, said, part in found if there)


def _many(count: int, one: str, more: str, rest: str) -> str:
    return f"{count} {one if count == 1 else more} {rest}."


def _no(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(one) for one in numbers[:5])
    return f"{'Record' if len(numbers) == 1 else 'Records'} {shown}{' and more' if len(numbers) > 5 else ''}:"


def middle(lengths: Sequence[timedelta]) -> timedelta | None:
    """Return the median, None of nothing."""
    return timedelta(seconds=median(one.total_seconds() for one in lengths)) if lengths else None
