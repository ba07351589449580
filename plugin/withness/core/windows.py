"""How old a screen's answers, and a validated result, may be for what they are asked for (policy: windows)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, tzinfo

from withness.core.judgement import SCREEN, Judgement
from withness.core.reading import Circumstance, Reading
from withness.core.risk import Domain, RiskPolicy, Screen, ValidatedRule, Window
from withness.core.terms import Purpose


def judge_window(
    judged: Judgement,
    policy: RiskPolicy,
    domain: Domain,
    history: tuple[Screen, ...],
    readings: Mapping[str, tuple[Reading, ...]],
    about: Circumstance,
) -> None:
    """The latest screen's answers, and the validated result's date, are young enough for the purpose."""
    latest = history[-1]
    if latest.authored is None:
        return
    windows = [domain.windows[about.purpose]]
    recent = [readings[screen.id] for screen in history[-2:]]
    if any(reading.positive for some in recent for reading in some):
        windows.append(domain.after_positive)
    for window in windows:
        end = _end(policy, window, latest.authored, about.zone)
        judged.expiries.append(end)
        if window.kind == "same-encounter" and (not about.encounter or latest.encounter != about.encounter):
            judged.unknown(domain.id, "", _other_encounter(latest, about), missing=SCREEN)
        if about.at > end:
            judged.unknown(domain.id, "", "the latest screen is too old for this: stale", missing=SCREEN)
        if domain.validated is not None:
            _judge_result_date(judged, policy, domain, domain.validated, latest, window, about)


def amendable_until(policy: RiskPolicy, screen: Screen, zone: tzinfo) -> datetime | None:
    """Return until when a screen is young enough for an amendment in each domain, None without its time.

    Nothing is decided by it: only the gate says what a screen lets through.
    """
    if screen.authored is None:
        return None
    windows = [domain.windows[Purpose.AMENDMENT] for domain in policy.domains]
    return min(_end(policy, window, screen.authored, zone) for window in windows)


def _other_encounter(latest: Screen, about: Circumstance) -> str:
    if not about.encounter:
        return "no encounter was given that the plan would be made in"
    return (
        "the latest screen was made in another encounter"
        if latest.encounter
        else "the latest screen names no encounter"
    )


def _end(policy: RiskPolicy, window: Window, authored: datetime, zone: tzinfo) -> datetime:
    """Return the last instant at which an answer given at `authored` is inside `window`."""
    if window.kind == "same-day":
        return _end_of(authored.astimezone(zone).date(), zone)
    return authored + (policy.same_encounter_within if window.duration is None else window.duration)


def _end_of(day: date, zone: tzinfo) -> datetime:
    """Return a day's last instant; a day that has its last hour twice ends with the second."""
    return datetime.combine(day, time.max.replace(fold=1), tzinfo=zone).astimezone(UTC)


def _judge_result_date(
    judged: Judgement,
    policy: RiskPolicy,
    domain: Domain,
    rule: ValidatedRule,
    latest: Screen,
    window: Window,
    about: Circumstance,
) -> None:
    link = f"{domain.id}.validated.date"
    if latest.answers.get(f"{domain.id}.validated.result") == rule.age_result:
        return
    try:
        made = date.fromisoformat(latest.answers.get(link, ""))
    except ValueError:
        judged.unknown(domain.id, "validated.date", "the validated result has no readable date", missing=link)
        return
    latest_day = (about.at + policy.future_tolerance).astimezone(about.zone).date()
    if made > latest_day:
        judged.unknown(domain.id, "validated.date", "the validated result is dated in the future", missing=link)
        return
    end = _end_of(made, about.zone)
    if window.kind != "same-day":
        end += policy.same_encounter_within if window.duration is None else window.duration
    judged.expiries.append(end)
    if about.at > end:
        judged.unknown(
            domain.id, "validated.date", "the validated result is not from the time this needs", missing=link
        )
