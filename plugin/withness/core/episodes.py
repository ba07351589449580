"""Opened protocols as they stand: which steps are done, what is overdue, who answers for what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from withness.core.acts import Act, ActKind, Acts, of
from withness.core.protocol import DueStep, Episode
from withness.core.risk import RiskPolicy

ACKNOWLEDGE: Final = "acknowledge"
"""The reserved step by which the responsible clinician takes the protocol on."""

OUTCOMES: Final = ("done", "declined-by-client", "not-applicable")
"""What may be said of a step; all but the first want a reason."""

WRITTEN: Final = "written-down"
"""A step whose evidence was written down: what it came to is in the evidence, and need not be that it was done."""

ESCALATED: Final = "escalated"
"""What is noted when a step has gone to the backup: it is still to be done."""


@dataclass(frozen=True)
class StepState:
    """One step now: `state` is open, overdue or one of OUTCOMES; `owner` who answers for it now."""

    due: DueStep
    state: str
    owner: str
    reason: str
    at: datetime | None


@dataclass(frozen=True)
class EpisodeState:
    """One protocol now. `acknowledged` when the responsible clinician took it on; `ended` when a release ended it."""

    episode: Episode
    steps: tuple[StepState, ...]
    acknowledged: datetime | None
    overdue_acknowledgement: bool
    ended: datetime | None
    escalated: frozenset[str]


Backup = Callable[[str], str]
"""Who would be the backup now of a responsible clinician; empty for nobody."""


def _nobody(_: str) -> str:
    return ""


def episodes(policy: RiskPolicy, acts: Acts, at: datetime, backup: Backup = _nobody) -> tuple[EpisodeState, ...]:
    """Return every protocol opened for a person, in the order of opening; a newer one of a domain replaces the last.

    One that was opened without a backup and has not ended has the `backup` of now; its act stays as it is.
    """
    opened = [_episode(policy, act) for act in of(acts, ActKind.OPENED)]
    newest = {one.domain: one for one in opened if one is not None}
    return tuple(_state(policy, one, acts, at, backup) for one in newest.values())


def _episode(policy: RiskPolicy, act: Act) -> Episode | None:
    domain = policy.domain(act.body["domain"])
    if domain is None:
        return None
    known = {one.id: one for one in domain.directive}
    return Episode(
        id=act.id,
        person=act.person,
        domain=domain.id,
        opened=act.at,
        screen=act.body["screen"],
        responsible=act.body["responsible"],
        backup=act.body["backup"],
        steps=tuple(
            DueStep(known[one["step"]], datetime.fromisoformat(one["due"]))
            for one in act.body["steps"]
            if one["step"] in known
        ),
    )


def _state(policy: RiskPolicy, episode: Episode, acts: Acts, at: datetime, backup: Backup) -> EpisodeState:
    mine = tuple(one for one in acts if one.at >= episode.opened)
    steps_said = [one for one in of(mine, ActKind.STEP) if one.body["domain"] == episode.domain]
    said = {one.body["step"]: one for one in steps_said if one.body["outcome"] in OUTCOMES}
    evidenced = {need: one for one in of(mine, ActKind.EVIDENCE) for need in (one.body["need"], *one.body["serves"])}
    released = [one.at for one in of(mine, ActKind.RELEASED) if one.body["domain"] == episode.domain]
    undone = of(mine, ActKind.ENTRY_ERROR, ActKind.RETRACTED)
    released += [one.at for one in undone if one.body["screen"] == episode.screen]
    ended = next((one for one in released if one > episode.opened), None)
    if ended is None and not episode.backup:
        episode = replace(episode, backup=backup(episode.responsible))
    escalated = frozenset(one.body["step"] for one in steps_said if one.body["outcome"] == ESCALATED)
    acknowledged = min((one.at for one in (*said.values(), *evidenced.values())), default=None)
    late = acknowledged is None and at > episode.opened + policy.times.acknowledge and ended is None
    steps = []
    for due in episode.steps:
        act = said.get(due.step.id) or evidenced.get(due.step.evidences)
        outcome = _outcome(act) if act else ""
        state = outcome or ("overdue" if at > due.due and ended is None else "open")
        owner = episode.backup if (state == "overdue" or late) and episode.backup else episode.responsible
        reason = str(act.body.get("reason", "")) if act else ""
        steps.append(StepState(due, state, owner, reason, act.at if act else None))
    return EpisodeState(episode, tuple(steps), acknowledged, late, ended, escalated)


_DONE: Final = ("", "made", "reported")
"""Outcomes of evidence that say that its step was done; any other was decided, and written down."""


def _outcome(act: Act) -> str:
    if act.kind is ActKind.STEP:
        return str(act.body["outcome"])
    return "done" if act.body["fields"].get("outcome", "") in _DONE else WRITTEN
