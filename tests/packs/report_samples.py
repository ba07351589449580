"""A compliance report with something in every part, as tests and pictures show it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from withness.audit.report import Asked, Report
from withness.audit.report_acute import Episode, StepTaken
from withness.audit.report_counts import DomainCount, NearExpiry, QuestionCount, Week
from withness.audit.report_signed import Pattern, Raised, Refused, SignedAct, SignOff
from withness.audit.report_state import Break, ClockRun, PlanWaiting, PolicySpan

NOW = datetime(2026, 11, 22, 17, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROSA, TOM, PAT, SAM = "Client K7QF-3M2A", "Client 2XBD-77QP", "Staff QW4N-A2LC", "Staff JLCV-IROC"


def sample(words: str = "The client waits for a bed; the item is asked again tomorrow.") -> Report:
    """Return a report with what is sealed; `words` stand wherever somebody writes freely."""
    opened = NOW - 9 * DAY
    steps = (
        StepTaken("stay-with", opened + HOUR / 4, "done", opened + HOUR / 6),
        StepTaken("follow-up", opened + 3 * DAY, "overdue", None),
    )
    going = Episode(
        412, TOM, "suicide", PAT, opened, opened, opened + HOUR / 6, steps, ended=None, how="open", late=True
    )
    over = replace(
        going,
        number=207,
        person=ROSA,
        flagged=opened - 40 * DAY,
        opened=opened - 40 * DAY,
        first=opened - 40 * DAY + HOUR / 12,
        steps=steps[:1],
        ended=opened - 33 * DAY,
        how="released",
        late=False,
    )
    return Report(
        organization="Organization/riverside",
        directory="19c1576e-63fc-4517-967d-8892d37f41d2",
        made=NOW,
        asked=Asked(sealed=True, rationales=True),
        records=48_213,
        span=(NOW - 180 * DAY, NOW),
        limits=("2 sealed rows do not open and are not counted. Run: withness audit verify",),
        notice="42 CFR part 2 prohibits unauthorized use or disclosure of these records.",
        decisions={"released": 2104, "held-incomplete": 377, "held-for-assessment": 118, ACUTE: 21},
        weeks=tuple(
            Week(date(2026, 5, 25) + place * timedelta(days=7), 70 + place * 7 % 31, 12 + place * 5 % 17)
            for place in range(26)
        ),
        domains=(DomainCount("suicide", 14, 61, 102), DomainCount("violence", 3, 22, 88)),
        questions=(QuestionCount("suicide.plan", 8, 7), QuestionCount("violence.asked-alone", 88, 3)),
        acute=(over, going),
        unopened=(398,),
        signed=(
            SignedAct(398, "override", NOW - 6 * DAY, ROSA, PAT, SAM, "urgent-need", "", ("suicide.plan",), words),
            SignedAct(290, "release", opened - 33 * DAY, ROSA, PAT, SAM, "", "suicide", (), words),
        ),
        raised=(Raised(405, NOW - 2 * DAY, TOM, PAT, "violence", "acute", "clinician", words),),
        patterns=(Pattern("mutual", PAT, SAM, 7, 3, 0.7), Pattern("most", PAT, SAM, 7, 3, 0.7)),
        near_expiry=(NearExpiry(377, NOW - 12 * DAY, PAT, HOUR / 3),),
        plans=(PlanWaiting(401, "refused", NOW - 5 * DAY, 4, PAT), PlanWaiting(None, "orphan", NOW - 2 * DAY, 0, "")),
        policies=(PolicySpan(0, "0.2.0", "ab" * 32, NOW - 180 * DAY, None, "", demo=True),),
        clock=(ClockRun(330, 334, NOW - 14 * DAY, HOUR),),
        breaks=(Break(1, 350, NOW - 13 * DAY, "a table is missing"),),
        damage="",
        damages=(),
        doubt="",
        refusals=(Refused("override.refused", "not-silent", 4, 2, NOW - 3 * DAY),),
        sign_offs=(SignOff(411, NOW - DAY, "item", SAM, "", 3, words),),
    )


ACUTE = "held-for-directive-protocol"


def quiet() -> Report:
    """Return a report in which nothing stands out, without the privilege and without the key."""
    nothing = sample()
    return replace(
        nothing,
        asked=Asked(),
        notice="",
        weeks=(),
        domains=None,
        questions=None,
        acute=(),
        unopened=(),
        signed=(),
        raised=(),
        patterns=(),
        near_expiry=None,
        plans=(),
        clock=(),
        breaks=(),
        refusals=(),
        sign_offs=(),
    )
