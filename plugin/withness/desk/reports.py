"""The mandated-report step: by when to phone and to write, by the jurisdiction's table."""

from __future__ import annotations

from typing import Any, Final

from withness.audit.record import instant
from withness.core.episodes import EpisodeState
from withness.core.jurisdiction import report_due
from withness.desk.context import Context

STEP: Final = "mandated-report"


def report_of(context: Context, one: EpisodeState) -> list[dict[str, Any]] | None:
    """Return the report rules that an opened protocol with a mandated-report step stands under, else None."""
    if STEP not in [step.due.step.id for step in one.steps]:
        return None
    found = context.jurisdictions.get(context.settings.jurisdiction)
    if found is None:
        return []
    rules = []
    for rule in found.reports:
        due = report_due(rule, one.episode.opened, context.settings.zone)
        rules.append(
            {
                "population": rule.population,
                "phone_by": instant(due.phone),
                "written_by": instant(due.written),
                "to_whom": rule.to_whom,
                "source": rule.source,
                "notice": " ".join(one for one in (found.notice, rule.notice, due.notice) if one),
            }
        )
    return rules
