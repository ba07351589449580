"""A report in words: its sheets, in the order in which somebody in compliance reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Final

from withness.audit.report import Report, attention, middle
from withness.audit.report_acute import Episode
from withness.audit.report_signed import Pattern
from withness.audit.report_state import Break
from withness.audit.words import tried, why
from withness.core.sheet import Sheet

_DECIDED: Final = {
    "released": "Released",
    "released-with-conditions": "Released, with conditions",
    "held-for-assessment": "Held until somebody assesses",
    "held-incomplete": "Held: something is missing or too old",
    "held-for-directive-protocol": "Held as acute",
}
_HOW: Final = {
    "open": "open",
    "released": "released by two people",
    "corrected": "a mistaken tap, corrected",
    "retracted": "the screen was retracted",
    "continued": "went on in a newer protocol",
    "": "not known without the key",
}
_WHAT: Final = {
    "override": "override",
    "release": "release of an acute hold",
    "correction": "correction of a mistaken tap",
    "screen-retracted": "screen retracted",
    "plan-retracted": "plan retracted",
}
_STATE: Final = {
    "waiting": "waits to be sent",
    "sending": "sent, and nobody knows whether it arrived",
    "refused": "refused by the EHR",
    "orphan": "approved, and nothing is on its way",
}
_PATTERN: Final = {
    "self": "the same person signed first and second",
    "mutual": "each signs second for the other",
    "most": "one person signs second for most",
}


class Words:
    """How a report says times: in the site's time zone."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def at(self, when: datetime | None) -> str:
        """Say a time to the minute."""
        return f"{when.astimezone(self._zone):%Y-%m-%d %H:%M}" if when is not None and when.year > 1 else "–"

    def day(self, when: datetime | None) -> str:
        """Say a day."""
        return f"{when.astimezone(self._zone):%Y-%m-%d}" if when is not None else "–"


def lasting(length: timedelta | None) -> str:
    """Say a length of time in its two largest units: "3 d 4 h", "12 min", "under a minute"."""
    if length is None:
        return "–"
    minutes = int(length.total_seconds() // 60)
    if minutes < 1:
        return "under a minute"
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    said = [f"{number} {unit}" for number, unit in ((days, "d"), (hours, "h"), (rest, "min")) if number]
    return " ".join(said[:2])


def percent(share: float) -> str:
    """Say a share in whole percent."""
    return f"{share:.0%}"


def heading(report: Report, zone: tzinfo) -> tuple[tuple[str, str], ...]:
    """Return what a report is of: site, span, policy, when and for whom it was made."""
    words, asked = Words(zone), report.asked
    first, last = report.span or (None, None)
    return (
        ("Site", report.organization),
        ("Data directory", report.directory),
        ("From", words.day(asked.since or first)),
        ("Until before" if asked.until else "Until", words.day(asked.until or last)),
        ("Policy", asked.policy or "all"),
        ("Records counted", f"{report.records:,}"),
        ("Made", f"{words.at(report.made)} ({zone})"),
        ("People", "by reference" if asked.names else "under codes that stay the same in each report of this site"),
    )


def sheets(report: Report, zone: tzinfo) -> tuple[Sheet, ...]:
    """Return every sheet of a report, what stands out first."""
    return tuple(_sheets(report, Words(zone)))


def _sheets(report: Report, words: Words) -> Iterator[Sheet]:
    yield _attention(report)
    yield from _acute(report, words)
    yield _signed(report, words)
    yield _raised(report, words)
    yield _patterns(report)
    yield from _blocks(report)
    yield _near(report, words)
    yield _plans(report, words)
    yield _refusals(report, words)
    yield _policies(report, words)
    yield _clock(report, words)
    yield _trail(report, words)
    yield _sign_offs(report, words)
    yield _decisions(report)
    yield _weeks(report)


def _attention(report: Report) -> Sheet:
    titles = {one.part: one.said for one in attention(report)}
    rows = tuple((said, PARTS[part]) for part, said in ((one.part, one.said) for one in attention(report)))
    empty = "Nothing." if not titles else ""
    return Sheet("attention", "What stands out", ("what", "see"), rows, (WORKLIST,), empty=empty)


WORKLIST: Final = (
    "Counted over this report, whether it was examined or not. What waits to be examined, item by item: "
    "withness audit worklist"
)


PARTS: Final[Mapping[str, str]] = {
    "acute": "Acute holds",
    "signed": "Overrides, releases and retractions",
    "patterns": "Who signs with whom",
    "questions": "What held, by question",
    "plans": "Plans that did not reach the EHR",
    "refusals": "Refused attempts",
    "clock": "The clock",
    "trail": "The trail itself",
}
"""The titles of the parts that may stand out, by id."""


RECORDED: Final = (
    "Times are when a step was recorded. Who stays with a person often writes later: ask before you conclude."
)
LATE: Final = "not recorded in time"


def _acute(report: Report, words: Words) -> Iterator[Sheet]:
    times = middle([one.opened - one.flagged for one in report.acute])
    firsts = middle([one.first - one.flagged for one in report.acute if one.first])
    ends = middle([one.ended - one.flagged for one in report.acute if one.ended and one.how == "released"])
    notes = (
        f"In the middle (median), from flagged: to the protocol {lasting(times)}, to the first step {lasting(firsts)}, "
        f"to the release {lasting(ends)}.",
        RECORDED,
    )
    sealed = report.asked.sealed
    heads = ("record", "client", "flagged", "to protocol", "to first step", "to the end", "now", LATE)
    rows = tuple(
        (
            str(one.number),
            one.person,
            words.at(one.flagged),
            lasting(one.opened - one.flagged),
            lasting(one.first - one.flagged if one.first else None),
            lasting(one.ended - one.flagged if one.ended else None),
            _HOW[one.how],
            _overdue(one, report.made),
            *((one.domain, one.responsible) if sealed else ()),
        )
        for one in sorted(report.acute, key=lambda one: (one.how != "open", not one.late, one.opened))
    )
    yield Sheet("acute", PARTS["acute"], (*heads, *(("domain", "responsible") if sealed else ())), rows, notes)
    if sealed:
        yield _steps(report, words)


def _overdue(one: Episode, now: datetime) -> str:
    if one.how != "open":
        return "–"
    return f"YES, open for {lasting(now - one.opened)}" if one.late else f"no, open for {lasting(now - one.opened)}"


def _steps(report: Report, words: Words) -> Sheet:
    rows = tuple(
        (
            str(one.number),
            one.domain,
            step.step,
            words.at(step.due),
            LATE if step.state == "overdue" else step.state.replace("-", " "),
            lasting(step.at - one.flagged if step.at else None),
        )
        for one in report.acute
        for step in one.steps
    )
    heads = ("record", "domain", "step", "due", "now", "after flagged")
    return Sheet("steps", "Steps of the protocols", heads, rows, (RECORDED,))


def _signed(report: Report, words: Words) -> Sheet:
    sealed, said = report.asked.sealed, report.asked.rationales
    rows = tuple(
        (
            str(one.number),
            words.at(one.at),
            _WHAT[one.what],
            one.person,
            one.first,
            one.second or "nobody",
            one.reason or "–",
            *((", ".join(filter(None, (one.domain, *one.items))) or "–",) if sealed else ()),
            *((one.words,) if said else ()),
        )
        for one in reversed(report.signed)
    )
    heads = ("record", "when", "what", "about", "signed by", "and by", "reason")
    more = (*(("covers",) if sealed else ()), *(("in their words",) if said else ()))
    return Sheet("signed", PARTS["signed"], (*heads, *more), rows)


def _raised(report: Report, words: Words) -> Sheet:
    sealed, said = report.asked.sealed, report.asked.rationales
    rows = tuple(
        (
            str(one.number),
            words.at(one.at),
            one.person,
            one.by,
            *((one.domain or "–", one.to or "–", _SOURCE.get(one.source, "–")) if sealed else ()),
            *((one.words or "–",) if said else ()),
        )
        for one in report.raised
    )
    more = (*(("domain", "to", "because of") if sealed else ()), *(("in their words",) if said else ()))
    return Sheet("raised", "Raised by judgement, or by a result", ("record", "when", "about", "by", *more), rows)


_SOURCE: Final = {"clinician": "a clinician's judgement", "chart": "a result in the chart"}


def _patterns(report: Report) -> Sheet:
    notes = ("Of all that two people sign together. In a small practice one person may rightly sign most.",)
    rows = tuple((_PATTERN[one.what], one.first, one.second, _often(one)) for one in report.patterns)
    return Sheet("patterns", PARTS["patterns"], ("what", "first", "second", "how often"), rows, notes)


def _often(one: Pattern) -> str:
    match one.what:
        case "mutual":
            return f"{one.count} times, and {one.back} times the other way"
        case "most":
            return f"{one.count} times, {percent(one.share)} of the first one's"
        case _:
            return f"{one.count} times"


def _blocks(report: Report) -> Iterator[Sheet]:
    if report.domains is None or report.questions is None:
        return
    rows = tuple(
        (one.domain, str(one.held), str(one.acute), str(one.elevated), str(one.unknown)) for one in report.domains
    )
    heads = ("domain", "decisions held", "acute", "elevated", "not answered")
    yield Sheet("domains", "What held, by domain", heads, rows)
    notes = ("A question that is overridden more often than not is a broken question: look at the rule.",)
    asked = tuple((one.item, str(one.held), str(one.overrides), percent(one.share)) for one in report.questions)
    yield Sheet("questions", PARTS["questions"], ("question", "decisions held", "overrides", "share"), asked, notes)


def _near(report: Report, words: Words) -> Sheet:
    if report.near_expiry is None:
        return Sheet("near", _NEAR, ("record",), empty="Not known without the data key.")
    rows = tuple((str(one.number), words.at(one.at), one.actor, lasting(one.left)) for one in report.near_expiry)
    return Sheet("near", _NEAR, ("record", "approved", "saved by", "time left"), rows)


_NEAR: Final = "Plans saved with less than 2 hours left of a screen"


def _plans(report: Report, words: Words) -> Sheet:
    rows = tuple(
        (
            str(one.number) if one.number is not None else "none",
            words.at(one.since),
            lasting(report.made - one.since),
            _STATE[one.state],
            str(one.attempts),
            one.actor or "–",
        )
        for one in report.plans
    )
    heads = ("record", "approved", "for", "where it stands", "attempts", "saved by")
    return Sheet("plans", PARTS["plans"], heads, rows, ("As it stands now, whatever the span.",))


def _refusals(report: Report, words: Words) -> Sheet:
    rows = tuple(
        (tried(one.kind), why(one.code), str(one.count), str(one.people), words.at(one.latest))
        for one in report.refusals
    )
    return Sheet("refusals", PARTS["refusals"], ("what was tried", "why not", "times", "people", "last"), rows)


def _policies(report: Report, words: Words) -> Sheet:
    rows = tuple(
        (
            one.version,
            words.at(one.since),
            words.at(one.until) if one.until else "now",
            one.signed or "nobody: as shipped",
            "yes" if one.demo else "no",
            one.digest[:12],
        )
        for one in report.policies
    )
    heads = ("version", "from", "until", "signed by", "demo", "digest")
    return Sheet("policies", "Policies in force", heads, rows, ("Since the beginning, whatever the span.",))


def _clock(report: Report, words: Words) -> Sheet:
    rows = tuple(
        (f"{one.first}" if one.first == one.last else f"{one.first} to {one.last}", words.at(one.at), lasting(one.back))
        for one in report.clock
    )
    notes = ("Less than a second is the order of writing, and not listed.",)
    return Sheet("clock", PARTS["clock"], ("records", "time told", "back by"), rows, notes, empty="It never went back.")


def _trail(report: Report, words: Words) -> Sheet:
    rows = [(f"segment {one.segment}", str(one.number), words.at(one.at), _why(one)) for one in report.breaks]
    for one in reversed(report.damages):
        number = "–" if one.record is None else str(one.record)
        rows.insert(0, ("damaged now", number, words.at(report.made), one.what))
    if report.damage:
        rows.insert(0, ("damaged now", "–", words.at(report.made), report.damage))
    if report.doubt:
        rows.insert(0, ("not provable now", "–", words.at(report.made), report.doubt))
    notes = ("A quick look at schema, tree and each record by itself. The proof is: withness audit verify",)
    heads = ("what", "record", "when", "why")
    return Sheet("trail", PARTS["trail"], heads, tuple(rows), notes, empty="No break and no damage seen.")


def _why(one: Break) -> str:
    """Say why a segment began: what two people signed for is a loss, and no damage."""
    if one.signed:
        return "two people signed that an older copy was put back, and for what is lost"
    return one.why or "found by withness audit verify"


def _sign_offs(report: Report, words: Words) -> Sheet:
    said = report.asked.rationales
    rows = tuple(
        (
            *(str(one.number), words.at(one.at), _MATTER.get(one.what, one.what), one.first, one.second or "–"),
            str(one.items),
            *((one.words or "–",) if said else ()),
        )
        for one in report.sign_offs
    )
    heads = ("record", "when", "what", "signed by", "and by", "items", *(("what they noted",) if said else ()))
    return Sheet("sign-offs", "Signed off by compliance", heads, rows)


_MATTER: Final = {
    "item": "items of the worklist",
    "period": "a period of the worklist",
    "baseline": "plans that stood before the gate",
    "restored": "the loss of a restored copy",
    "pruned": "old records, pruned",
}


def _decisions(report: Report) -> Sheet:
    total = sum(report.decisions.values())
    rows = tuple(
        (_DECIDED.get(name, name), name, f"{count:,}", percent(count / total) if total else "–")
        for name, count in report.decisions.items()
    )
    notes = ("Each member of a unit counts on their own.",)
    return Sheet("decisions", "Decisions of the gate", ("decision", "code", "count", "share"), rows, notes)


def _weeks(report: Report) -> Sheet:
    rows = tuple((one.begins.isoformat(), str(one.released), str(one.held)) for one in report.weeks)
    heads = ("week from Monday", "released", "held")
    return Sheet("weeks", "Decisions of each week", heads, rows, ("Days are those of UTC.",))
